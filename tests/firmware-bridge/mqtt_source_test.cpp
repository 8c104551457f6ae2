#include "firmware-bridge/mqtt_source.hpp"

#include "tests/firmware-bridge/mqtt_packets.hpp"
#include "tests/firmware-bridge/mqtt_rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {

constexpr unsigned connect_type = 1, puback_type = 4, pubrec_type = 5, pubcomp_type = 7,
                   subscribe_type = 8, pingreq_type = 12, disconnect_type = 14;

/// Takes the source's next connection up to the answered subscription.
Peer greet(ScriptedBroker& broker, MqttVersion version = v3, bool session = true,
           const std::string& code = "\x01") {
  Peer peer = broker.accept();
  peer.expect(connect_type).reply_with(connack(version, session));
  peer.expect(subscribe_type).reply_with(suback(version, peer.last_packet_id(), code));
  return peer;
}

}  // namespace

TEST_CASE("the broker sees the configured client id, a kept session and no nonce") {
  for (const auto version : {v3, v5}) {
    ScriptedBroker broker;
    auto options = options_for(broker.port(), version);
    options.username = "user";
    options.password = "secret";
    Rig rig(options);
    Peer peer = broker.accept();
    const auto connect = peer.expect(connect_type).last();
    CHECK(connect.find(text("weir-test") + text("user") + text("secret")) != std::string::npos);
    CHECK(static_cast<unsigned char>(connect[9]) == 0xc0);  // user, password, no clean session
    if (version == v5) {
      // session expiry 7 days, receive maximum 1000, maximum packet size 1 MiB
      CHECK(connect.find("\x11\x00\x09\x3a\x80"s) != std::string::npos);
      CHECK(connect.find("\x21\x03\xe8"s) != std::string::npos);
      CHECK(connect.find("\x27\x00\x10\x00\x00"s) != std::string::npos);
    }
  }
}

TEST_CASE("no PUBACK is written before acknowledge, and all of them after it") {
  for (const auto version : {v3, v5}) {
    ScriptedBroker broker;
    Rig rig(options_for(broker.port(), version));
    Peer peer = greet(broker, version);
    for (unsigned id = 1; id <= 3; ++id)
      peer.reply_with(publish(version, "t/x", std::to_string(id), {1, id}));
    REQUIRE(rig.receive(3));
    CHECK(rig.messages() == Texts{"t/x=1", "t/x=2", "t/x=3"});
    CHECK(rig.status().unacknowledged == 3);
    CHECK(peer.quiet_for(100ms));
    rig.acknowledge();
    for (unsigned id = 1; id <= 3; ++id) CHECK(peer.packet() == puback(id));
    CHECK(eventually([&] { return rig.status().unacknowledged == 0; }));
  }
}

TEST_CASE("QoS 2: PUBREC after acknowledge, PUBCOMP on PUBREL, no repeat in between") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port(), v3, 2));
  {
    Peer peer = greet(broker, v3, true, "\x02");
    peer.reply_with(publish(v3, "t/x", "once", {2, 7}));
    REQUIRE(rig.receive(1));
    CHECK(peer.quiet_for(100ms));
    rig.acknowledge();
    CHECK(peer.expect(pubrec_type).last() == pubrec(7));
  }
  Peer peer = greet(broker, v3, true, "\x02");
  peer.reply_with(publish(v3, "t/x", "once", {2, 7, true}));
  CHECK(peer.expect(pubrec_type).last() == pubrec(7));
  CHECK(peer.reply_with(pubrel(7)).expect(pubcomp_type).last() == pubcomp(7));
  peer.reply_with(publish(v3, "t/x", "next", {2, 7}));
  REQUIRE(rig.receive(2));
  CHECK(rig.messages() == Texts{"t/x=once", "t/x=next"});
}

TEST_CASE("packets may come in pieces, and many in one") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port()));
  Peer peer = greet(broker);
  for (const char byte : publish(v3, "t/slow", "bytes", {1, 1, true, true}))
    peer.reply_with({&byte, 1});
  std::string many;
  for (unsigned id = 2; id <= 3000; ++id) many += publish(v3, "t/fast", "x", {1, id});
  peer.reply_with(many);
  REQUIRE(rig.receive(3000));
  CHECK(rig.messages()[0] == "t/slow=bytes retained duplicate");
  CHECK(rig.acks().back().packet_id == 3000);
  CHECK(rig.status().messages == 3000);
}

TEST_CASE("a malformed packet ends the connection, is counted, and the next one works") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port(), v5));
  for (const auto& bad : {publish(v5, "t/caf\xe9", "x"), "\x36\x00"s,
                          publish(v5, "t/x", "x", {0, 0, false, false, "\x23\x00\x01"s})}) {
    Peer peer = greet(broker, v5);
    peer.reply_with(bad);
    CHECK(peer.closed_by_other_side());
  }
  Peer peer = greet(broker, v5);
  peer.reply_with(publish(v5, "t/x", "good", {1, 1}));
  REQUIRE(rig.receive(1));
  CHECK(rig.messages() == Texts{"t/x=good"});
  CHECK(rig.status().malformed == 3);
  CHECK(rig.status().disconnects == 3);
  CHECK(rig.log().find("a topic alias, though none was allowed") != std::string::npos);
}

TEST_CASE("an oversized packet ends the connection, and its repeat is dropped on the next") {
  ScriptedBroker broker;
  auto options = options_for(broker.port());
  options.max_packet_size = Bytes{1024};
  Rig rig(options);
  const std::string payload(200'000, 'x');
  Peer first = greet(broker);
  first.reply_with(publish(v3, "t/big", payload, {1, 1}));
  CHECK(first.closed_by_other_side());
  Peer peer = greet(broker);
  peer.reply_with(publish(v3, "t/big", payload, {1, 1, true}) + publish(v3, "t/x", "y", {1, 2}));
  CHECK(peer.expect(puback_type).last() == puback(1));
  REQUIRE(rig.receive(1));
  CHECK(rig.messages() == Texts{"t/x=y"});
  CHECK(rig.status().oversized == 1);
  peer.close();
  CHECK(eventually([&] { return rig.status().oversized == 2; }));
}

TEST_CASE("a refusal of the broker is told in words, and tried again") {
  for (const auto version : {v3, v5}) {
    ScriptedBroker broker;
    MqttOptions options = options_for(broker.port(), version);
    // Long enough to look at: the third try gets no answer before it was seen.
    options.reconnect_min = options.reconnect_max = 500ms;
    Rig rig(options);
    for (int i = 0; i < 2; ++i) {
      Peer peer = broker.accept();
      peer.expect(connect_type).reply_with(connack(version, false, version == v5 ? 0x86 : 4));
      CHECK(peer.closed_by_other_side());
    }
    CHECK(rig.state_has("refused: bad user name or password, next try in "));
    CHECK_FALSE(rig.status().connected);
    Peer peer = greet(broker, version);
    CHECK(rig.connected());
  }
}

TEST_CASE("an acknowledgement of a lost connection never reaches the next one") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port()));
  {
    Peer peer = greet(broker);
    peer.reply_with(publish(v3, "t/x", "first", {1, 4}));
    REQUIRE(rig.receive(1));
  }
  Peer peer = greet(broker);
  CHECK(eventually([&] { return rig.status().disconnects == 1; }));
  rig.acknowledge();  // for the connection that is gone
  peer.reply_with(publish(v3, "t/x", "first", {1, 4, true}));
  REQUIRE(rig.receive(2));
  CHECK(rig.messages().back() == "t/x=first duplicate");
  CHECK(peer.quiet_for(100ms));
  CHECK(rig.status().unacknowledged == 1);
  rig.acknowledge();
  CHECK(peer.expect(puback_type).last() == puback(4));
}

TEST_CASE("a full inbox stops the reading, not the connection") {
  ScriptedBroker broker;
  auto options = options_for(broker.port());
  options.keep_alive = 1s;
  Rig rig(options, {"t/#"}, Bytes{10'000});
  Peer peer = greet(broker);
  const std::string payload(1000, 'x');
  std::string many;
  for (unsigned id = 1; id <= 500; ++id) many += publish(v3, "t/x", payload, {1, id});
  peer.reply_with(many);
  REQUIRE(eventually([&] { return rig.status().paused; }));
  const auto held = rig.inbox().depth().messages;
  CHECK(held < 200);
  // Paho gives a connection up one keep-alive after a PINGREQ without answer; none comes here.
  for (int i = 0; i < 4; ++i) peer.expect(pingreq_type);
  CHECK(rig.status().paused);
  CHECK(rig.status().disconnects == 0);
  CHECK(rig.inbox().depth().messages == held);

  peer.reply_with(pingresp + pingresp + pingresp + pingresp);
  REQUIRE(rig.receive(500));
  CHECK(eventually([&] { return !rig.status().paused; }));
  rig.acknowledge();
  for (unsigned id = 1; id <= 500;) {
    const auto packet = peer.packet();
    if (packet == pingreq) {
      peer.reply_with(pingresp);
    } else {
      REQUIRE(packet == puback(id++));
    }
  }
  CHECK(rig.status().disconnects == 0);
}

TEST_CASE("a filter that the broker refuses is named and counted, the others work") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port()), {"t/#", "forbidden/+"});
  for (int connection = 1; connection <= 2; ++connection) {
    Peer peer = broker.accept();
    peer.expect(connect_type).reply_with(connack(v3));
    peer.expect(subscribe_type).reply_with(suback(v3, peer.last_packet_id(), "\x01"));
    peer.expect(subscribe_type).reply_with(suback(v3, peer.last_packet_id(), "\x80"));
    CHECK(rig.state_has("but the broker refuses to subscribe forbidden/+"));
    CHECK(eventually(
        [&] { return rig.status().refused_filters == static_cast<unsigned>(connection); }));
    peer.reply_with(publish(v3, "t/x", "y", {1, 1}));
    REQUIRE(rig.receive(static_cast<std::size_t>(connection)));
  }
}

TEST_CASE("a SUBACK that does not come is a failed connection") {
  ScriptedBroker broker;
  auto options = options_for(broker.port());
  options.connect_timeout = 1s;  // the second connection is to be in time on a busy machine
  Rig rig(options);
  Peer peer = broker.accept();
  peer.expect(connect_type).reply_with(connack(v3)).expect(subscribe_type);
  CHECK(peer.closed_by_other_side());
  CHECK(greet(broker).quiet_for(1ms));
}

TEST_CASE("an orderly stop writes the acknowledgements, then DISCONNECT") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port()));
  Peer peer = greet(broker);
  REQUIRE(rig.connected());
  for (unsigned id = 1; id <= 100; ++id) peer.reply_with(publish(v3, "t/x", "y", {1, id}));
  REQUIRE(rig.receive(100));
  rig.acknowledge();
  const auto began = std::chrono::steady_clock::now();
  rig.source().stop(5s);
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  for (unsigned id = 1; id <= 100; ++id) REQUIRE(peer.packet() == puback(id));
  CHECK(peer.expect(disconnect_type).last() == disconnect);
  CHECK(peer.closed_by_other_side());
  CHECK(rig.status().state == "stopped");
}

TEST_CASE("a stop while the inbox is full still says good-bye") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port()), {"t/#"}, Bytes{1000});
  Peer peer = greet(broker);
  REQUIRE(rig.connected());
  std::string many;
  for (unsigned id = 1; id <= 2000; ++id)
    many += publish(v3, "t/x", std::string(100, 'x'), {1, id});
  peer.reply_with(many);
  REQUIRE(eventually([&] { return rig.status().paused; }));
  rig.source().stop(5s);
  CHECK(peer.expect(disconnect_type).last() == disconnect);
}

TEST_CASE("a stop does not wait for a broker that says nothing") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port()));
  Peer peer = broker.accept();
  peer.expect(connect_type);
  const auto began = std::chrono::steady_clock::now();
  rig.source().stop(1s);
  CHECK(std::chrono::steady_clock::now() - began < 4s);
}

TEST_CASE("a broker that does not answer the CONNECT in time is left") {
  ScriptedBroker broker;
  auto options = options_for(broker.port());
  options.connect_timeout = 200ms;
  Rig rig(options);
  Peer peer = broker.accept();
  peer.expect(connect_type);
  CHECK(peer.closed_by_other_side());
  CHECK(rig.state_has("no answer from mqtt://127.0.0.1:"));
}

TEST_CASE("a broker that is away, or whose name is unknown, is waited for") {
  Rig away(options_for(free_port()));
  CHECK(away.state_has("can't connect to mqtt://127.0.0.1:"));
  CHECK(away.state_has("next try in "));
  away.source().stop(1s);

  auto options = options_for(1883);
  options.url.host = "no-such-host.invalid";
  Rig unknown(options);
  CHECK(unknown.state_has("can't resolve no-such-host.invalid"));
}

TEST_CASE("a broker that says why it goes is quoted") {
  ScriptedBroker broker;
  Rig rig(options_for(broker.port(), v5));
  Peer peer = greet(broker, v5);
  REQUIRE(rig.connected());
  peer.reply_with(packet(0xe0, "\x8e"));
  CHECK(peer.closed_by_other_side());
  CHECK(eventually([&] {
    return rig.log().find("session taken over by another client with the same id") !=
           std::string::npos;
  }));
}
