#include "firmware-bridge/mqtt_connection.hpp"

#include "tests/firmware-bridge/mqtt_packets.hpp"
#include "tests/firmware-bridge/mqtt_rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("the loopback port is closed to all but the client that shows the nonce") {
  ScriptedBroker broker;
  Inbox inbox(Bytes{1U << 20});
  MqttConnection connection(options_for(broker.port()), inbox, system_time);
  REQUIRE(connection.open());

  CHECK(Peer::connect_to(connection.port()).closed_by_other_side());  // not expected

  connection.expect_client();
  Peer silent = Peer::connect_to(connection.port());  // and it does not keep others out
  Peer stranger = Peer::connect_to(connection.port());
  stranger.reply_with(connect(v3, "me#" + std::string(32, '0')));
  CHECK(stranger.closed_by_other_side());

  Peer client = Peer::connect_to(connection.port());
  client.reply_with(connect(v3, "me#" + connection.nonce()));
  Peer peer = broker.accept();
  CHECK(peer.expect(1).last() == connect(v3, "me"));
  CHECK(silent.closed_by_other_side());
  CHECK(Peer::connect_to(connection.port()).closed_by_other_side());  // taken

  peer.reply_with(connack(v3));
  CHECK(client.packet() == connack(v3));
  CHECK(connection.stats().strangers == 4);
  CHECK(connection.stats().links == 1);
}

TEST_CASE("an expected client replaces the one before") {
  ScriptedBroker broker;
  Inbox inbox(Bytes{1U << 20});
  MqttConnection connection(options_for(broker.port()), inbox, system_time);
  REQUIRE(connection.open());
  std::vector<Peer> clients, peers;
  for (int i = 0; i < 3; ++i) {
    connection.expect_client();
    clients.push_back(Peer::connect_to(connection.port()));
    clients.back().reply_with(connect(v3, "me#" + connection.nonce()));
    peers.push_back(broker.accept());
    peers.back().expect(1).reply_with(connack(v3));
    CHECK(clients.back().packet() == connack(v3));
    if (i > 0) CHECK(peers[static_cast<std::size_t>(i - 1)].closed_by_other_side());
  }
  CHECK(connection.stats().accepted == 3);
  CHECK(connection.stats().lost == 2);
}

TEST_CASE("closing ends every connection at once, and twice is once") {
  ScriptedBroker broker;
  Inbox inbox(Bytes{1U << 20});
  MqttConnection connection(options_for(broker.port()), inbox, system_time);
  REQUIRE(connection.open());
  connection.expect_client();
  Peer client = Peer::connect_to(connection.port());
  client.reply_with(connect(v3, "me#" + connection.nonce()));
  Peer peer = broker.accept();
  connection.close();
  connection.close();
  CHECK(client.closed_by_other_side());
  CHECK(peer.closed_by_other_side());
  CHECK(connection.wait_closed(0ms));
  connection.acknowledge({});  // late calls do nothing
  connection.expect_client();
}
