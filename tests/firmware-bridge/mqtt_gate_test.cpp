#include "firmware-bridge/mqtt_gate.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "tests/firmware-bridge/mqtt_packets.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;

namespace {

const std::string nonce = "0123456789abcdef0123456789abcdef";
constexpr std::size_t max_size = 300;
const Timestamp now = timestamp_us(1'700'000'000'000'000);
using Cause = MqttClose::Cause;

/// A gate and what came out of it so far.
struct Bench {
  explicit Bench(MqttVersion v = v3) : version(v) {}

  Bench& client(const std::string& bytes) {
    gate->from_client(bytes);
    return take();
  }
  Bench& broker(const std::string& bytes) {
    gate->from_broker(bytes, now);
    return take();
  }
  Bench& connected(bool session_present = false) {
    client(connect(version, "gw#" + nonce)).broker(connack(version, session_present));
    to_broker.clear();
    to_client.clear();
    return *this;
  }
  /// Another connection in the same session.
  Bench& reconnected(bool session_present = true) {
    const auto next = gate->connection() + 1;
    gate.emplace(MqttGate::Options{nonce, max_size}, session, next);
    messages.clear();
    acks.clear();
    return connected(session_present);
  }
  Bench& acknowledge() {
    gate->acknowledge(acks);
    acks.clear();
    return take();
  }
  Bench& take() {
    to_broker += std::exchange(gate->to_broker(), {});
    to_client += std::exchange(gate->to_client(), {});
    const Batch batch = std::exchange(gate->messages(), {});
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto m = batch[i];
      messages += std::string(m.topic) + "=" + std::string(m.payload) +
                  (m.retained ? " retained" : "") + (m.duplicate ? " duplicate" : "") + ";";
      acks.push_back(m.ack);
    }
    return *this;
  }
  Cause cause() const { return gate->close().cause; }

  MqttVersion version;
  MqttSession session;
  std::optional<MqttGate> gate{std::in_place, MqttGate::Options{nonce, max_size}, session, 1U};
  std::string to_broker, to_client, messages;
  std::vector<AckToken> acks;
};

/// Bytes of one side, in turns.
struct Turn {
  bool from_broker;
  std::string bytes;
};

/// A conversation with everything in it that a gate lets pass, consumes or answers.
std::vector<Turn> conversation(MqttVersion v) {
  return {{false, connect(v, "gw#" + nonce)},
          {true, connack(v, true) + publish(v, "a/0", "early", {1, 1, true})},
          {false, subscribe(v, 10, "a/#") + pingreq},
          {true, publish(v, "a/1", "zero") + suback(v, 10) + publish(v, "a/2", "two", {2, 2}) +
                     pingresp + publish(v, "a/3", std::string(200, 'p'), {1, 3, false, true}) +
                     pubrel(77)},
          {false, disconnect}};
}

void play(Bench& bench, const std::vector<Turn>& turns, std::size_t piece) {
  for (const auto& turn : turns) {
    for (std::size_t at = 0; at < turn.bytes.size(); at += piece) {
      const auto part = turn.bytes.substr(at, piece);
      turn.from_broker ? bench.broker(part) : bench.client(part);
    }
  }
}

void check_conversation(const Bench& bench, MqttVersion v) {
  REQUIRE(bench.cause() == Cause::none);
  CHECK(bench.to_broker ==
        connect(v, "gw") + subscribe(v, 10, "a/#") + pingreq + pubcomp(77) + disconnect);
  CHECK(bench.to_client == connack(v, true) + suback(v, 10) + pingresp);
  CHECK(bench.messages ==
        "a/0=early duplicate;a/1=zero;a/2=two;a/3=" + std::string(200, 'p') + " retained;");
  CHECK(bench.gate->leaving());
  CHECK(bench.gate->unacknowledged() == 3);
}

}  // namespace

TEST_CASE("the gate takes the messages and relays the rest, whole or byte by byte") {
  for (const auto version : {v3, v5}) {
    for (const unsigned piece : {100'000U, 1U, 2U, 3U, 7U}) {
      Bench bench(version);
      play(bench, conversation(version), piece);
      check_conversation(bench, version);
    }
  }
}

TEST_CASE("the gate does the same wherever its input is cut") {
  for (const auto version : {v3, v5}) {
    const auto turns = conversation(version);
    for (std::size_t turn = 0; turn < turns.size(); ++turn) {
      for (std::size_t cut = 1; cut < turns[turn].bytes.size(); ++cut) {
        auto split = turns;
        split[turn].bytes.resize(cut);
        split.insert(split.begin() + static_cast<std::ptrdiff_t>(turn) + 1,
                     {turns[turn].from_broker, turns[turn].bytes.substr(cut)});
        Bench bench(version);
        play(bench, split, 100'000);
        check_conversation(bench, version);
      }
    }
  }
}

TEST_CASE("only a client with the nonce is let in, and the broker never sees it") {
  for (const auto version : {v3, v5}) {
    Bench mine(version);
    mine.client(connect(version, "with#hash#" + nonce));
    CHECK(mine.gate->admitted());
    CHECK(mine.to_broker == connect(version, "with#hash"));

    for (const auto& id : {"gw"s, "gw#"s, "gw#" + nonce.substr(1), "gw#" + nonce + "0", nonce}) {
      Bench stranger(version);
      stranger.client(connect(version, id));
      CHECK_FALSE(stranger.gate->admitted());
      CHECK(stranger.cause() == Cause::intruder);
      CHECK(stranger.to_broker.empty());
    }
  }
  for (const auto& bytes : {subscribe(v3, 1, "#"), "GET / HTTP/1.1\r\n"s, "\x10\xff\xff\xff\x7f"s,
                            "\x10\x05\x00"s + std::string(300'000, 'x')}) {
    Bench stranger;
    stranger.client(bytes);
    CHECK(stranger.cause() == Cause::intruder);
    CHECK(stranger.to_broker.empty());
  }
}

TEST_CASE("nothing is acknowledged before acknowledge() says so") {
  for (const auto version : {v3, v5}) {
    Bench bench(version);
    bench.connected().broker(publish(version, "t", "1", {1, 5}) +
                             publish(version, "t", "2", {2, 6}) +
                             publish(version, "t", "3", {1, 7}) + publish(version, "t", "4"));
    CHECK(bench.to_broker.empty());
    CHECK(bench.gate->unacknowledged() == 3);
    bench.acknowledge();
    CHECK(bench.to_broker == puback(5) + pubrec(6) + puback(7));
    CHECK(bench.gate->unacknowledged() == 0);
    bench.to_broker.clear();
    bench.broker(pubrel(6));
    CHECK(bench.to_broker == pubcomp(6));
  }
}

TEST_CASE("an acknowledgement is written once, and only on its own connection") {
  Bench bench;
  bench.connected().broker(publish(v3, "t", "1", {1, 5}));
  const auto old = bench.acks;
  bench.acknowledge().gate->acknowledge(old);
  CHECK(bench.take().to_broker == puback(5));

  bench.reconnected().broker(publish(v3, "t", "2", {1, 5}));
  bench.gate->acknowledge(old);
  CHECK(bench.take().to_broker.empty());
  CHECK(bench.gate->unacknowledged() == 1);
  CHECK(bench.acknowledge().to_broker == puback(5));
}

TEST_CASE("between PUBREC and PUBREL a repeat of a QoS 2 message is not delivered again") {
  Bench bench;
  bench.connected().broker(publish(v3, "t", "1", {2, 9})).acknowledge();
  CHECK(bench.messages == "t=1;");
  bench.to_broker.clear();

  SECTION("on the same connection") {
    bench.broker(publish(v3, "t", "1", {2, 9, true}));
  }
  SECTION("on the next connection of the session") {
    bench.reconnected().broker(publish(v3, "t", "1", {2, 9, true}));
    CHECK(bench.messages.empty());
  }
  CHECK(bench.acks.empty());
  CHECK(bench.to_broker == pubrec(9));

  bench.to_broker.clear();
  bench.messages.clear();
  bench.broker(pubrel(9) + publish(v3, "t", "another", {2, 9}));
  CHECK(bench.to_broker == pubcomp(9));
  CHECK(bench.messages == "t=another;");
}

TEST_CASE("a session that the broker has lost is forgotten") {
  Bench bench;
  bench.connected().broker(publish(v3, "t", "1", {2, 9})).acknowledge();
  bench.reconnected(false).broker(publish(v3, "t", "new", {2, 9}));
  CHECK(bench.messages == "t=new;");
}

TEST_CASE("a repeat of a message that still waits for its commit is not delivered again") {
  for (const unsigned qos : {1U, 2U}) {
    Bench bench;
    bench.connected().broker(publish(v3, "t", "1", {qos, 9}) +
                             publish(v3, "t", "1", {qos, 9, true}));
    CHECK(bench.messages == "t=1;");
    CHECK(bench.acknowledge().to_broker == (qos == 1 ? puback(9) : pubrec(9)));
    bench.broker(publish(v3, "t", "1", {1, 4}) + publish(v3, "t", "other", {1, 4}));
    CHECK(bench.cause() == Cause::malformed);
  }
}

TEST_CASE("an oversized packet closes the connection as soon as its header is there") {
  for (const auto version : {v3, v5}) {
    Bench bench(version);
    const auto big = publish(version, "big", std::string(max_size, 'x'));
    bench.connected().broker(publish(version, "t", "before") + big.substr(0, 3));
    CHECK(bench.cause() == Cause::oversized);
    CHECK(bench.messages == "t=before;");
    bench.broker(big.substr(3) + publish(version, "t", "after"));
    CHECK(bench.messages == "t=before;");
    CHECK(bench.to_client.empty());
  }
  Bench exact;
  const auto largest = publish(v3, "t", std::string(max_size - 6, 'x'));
  REQUIRE(largest.size() == max_size);
  CHECK(exact.connected().broker(largest).cause() == Cause::none);
  CHECK(exact.broker(publish(v3, "t", std::string(max_size - 5, 'x'))).cause() == Cause::oversized);
}

TEST_CASE("an oversized message that comes again with the session is dropped, not met for ever") {
  for (const unsigned qos : {1U, 2U}) {
    Bench bench;
    const std::string payload(5000, 'x');
    bench.connected().broker(publish(v3, "big\x01", payload, {qos, 8}));
    REQUIRE(bench.cause() == Cause::oversized);
    CHECK(bench.gate->close().reason == "a packet of 5011 bytes, above max_packet_size, for big?");

    bench.reconnected();
    for (const char byte :
         publish(v3, "big\x01", payload, {qos, 8, true}) + publish(v3, "t", "next", {1, 9}))
      bench.broker(std::string(1, byte));
    CHECK(bench.cause() == Cause::none);
    CHECK(bench.gate->skipped() == 1);
    CHECK(bench.messages == "t=next;");
    CHECK(bench.to_broker == (qos == 1 ? puback(8) : pubrec(8)));
  }
}

TEST_CASE("what a broker must not send closes the connection") {
  for (const auto version : {v3, v5}) {
    const auto closes = [&](const std::string& bytes) {
      Bench bench(version);
      bench.connected().broker(bytes);
      return bench.cause() == Cause::malformed && bench.messages.empty() && bench.to_client.empty();
    };
    CHECK(closes(publish(version, "caf\xe9", "latin-1")));
    CHECK(closes(publish(version, "a/+", "")));
    CHECK(closes(connack(version)));
    CHECK(closes(connect(version, "x")));
    CHECK(closes(subscribe(version, 1, "x")));
    CHECK(closes(pingreq));
    CHECK(closes(suback(version, 1)));  // nobody asked
    CHECK(closes("\xf0\x00"s));
    CHECK(closes("\x00\x00"s));
    CHECK(closes("\x30\xff\xff\xff\xff"s));
  }
  CHECK(Bench(v3).connected().broker(disconnect).cause() == Cause::malformed);
}

TEST_CASE("a SUBACK has as many codes as the SUBSCRIBE had filters") {
  Bench bench;
  bench.connected().client(subscribe(v3, 3, "a")).broker(suback(v3, 3, "\x01\x01"));
  CHECK(bench.cause() == Cause::malformed);
  CHECK(bench.to_client.empty());
}

TEST_CASE("nothing but CONNACK may come first") {
  Bench bench;
  bench.client(connect(v3, "gw#" + nonce)).broker(publish(v3, "t", "x"));
  CHECK(bench.cause() == Cause::malformed);
  CHECK(bench.messages.empty());
}

TEST_CASE("a refusal is passed on and put into words") {
  Bench bench;
  bench.client(connect(v3, "gw#" + nonce)).broker(connack(v3, false, 4));
  CHECK(bench.to_client == connack(v3, false, 4));
  CHECK(bench.gate->refusal() == "bad user name or password");
  CHECK_FALSE(bench.gate->connected());
  Bench five(v5);
  five.client(connect(v5, "gw#" + nonce)).broker(connack(v5, false, 0x87));
  CHECK(five.gate->refusal() == "not authorised");
}

TEST_CASE("a good-bye of the broker ends the connection with its reason") {
  Bench bench(v5);
  bench.connected().broker(packet(0xe0, "\x8e"));
  CHECK(bench.cause() == Cause::ended);
  CHECK(bench.gate->close().reason == "session taken over by another client with the same id");
  CHECK(bench.to_client.empty());
}

TEST_CASE("while paused the gate answers pings itself and swallows the broker's late answers") {
  Bench bench;
  bench.connected().client(pingreq);
  CHECK(bench.to_client.empty());
  bench.gate->pause(true);
  CHECK(bench.take().to_client == pingresp);  // the one that was on its way
  bench.client(pingreq);
  CHECK(bench.to_client == pingresp + pingresp);
  CHECK(bench.to_broker == pingreq + pingreq);  // the broker hears every one

  bench.gate->pause(false);
  bench.client(pingreq).broker(pingresp + pingresp);
  CHECK(bench.to_client == pingresp + pingresp);
  bench.broker(pingresp);
  CHECK(bench.to_client == pingresp + pingresp + pingresp);
  bench.broker(pingresp);  // asked for by nobody
  CHECK(bench.to_client == pingresp + pingresp + pingresp);
}

namespace {

/// `n` messages of QoS 1, acknowledged one by one.
void take_messages(Bench& bench, std::size_t n) {
  static std::uint16_t id = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (++id == 0) ++id;
    bench.broker(publish(v3, "a", "", {1, id})).acknowledge();
  }
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 2))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("the gate asks now and then whether the broker has its acknowledgements") {
  Bench bench;
  bench.connected();
  take_messages(bench, MqttGate::probe_every - 1);
  CHECK(times(bench.to_broker, pingreq) == 0);
  take_messages(bench, 1);
  CHECK(bench.to_broker.ends_with(pingreq));  // behind the acknowledgements
  bench.to_broker.clear();
  take_messages(bench, MqttGate::probe_every);
  CHECK(times(bench.to_broker, pingreq) == 0);  // one at a time
  bench.broker(pingresp);
  CHECK(bench.to_client.empty());
  CHECK(bench.to_broker.ends_with(pingreq));
}

TEST_CASE("a client's ping is answered beside the gate's own") {
  Bench bench;
  bench.connected().client(pingreq);
  take_messages(bench, MqttGate::probe_every);
  bench.broker(pingresp + pingresp);
  CHECK(bench.to_client == pingresp);
  bench.client(pingreq).broker(pingresp);
  CHECK(bench.to_client == pingresp + pingresp);
}

TEST_CASE("a connection takes no more than the packet ids can tell apart") {
  Bench bench;
  bench.connected();
  SECTION("of messages that wait for their commit") {
    for (std::size_t i = 1; i < MqttGate::uncertain_at_most; ++i)
      bench.broker(publish(v3, "a", "", {1, static_cast<std::uint16_t>(i)}));
    CHECK_FALSE(bench.gate->exhausted());
    bench.broker(publish(v3, "a", "", {1, 65535}));
    CHECK(bench.gate->exhausted());
  }
  SECTION("of acknowledgements that the broker may not have read") {
    take_messages(bench, MqttGate::uncertain_at_most - 1);
    CHECK_FALSE(bench.gate->exhausted());
    take_messages(bench, 1);
    CHECK(bench.gate->exhausted());
    bench.to_broker.clear();
    bench.gate->disconnect();
    CHECK(bench.take().to_broker == disconnect);
  }
  SECTION("but any number where the broker answers, what it had before the ping counting") {
    for (int i = 0; i < 40; ++i) {
      take_messages(bench, MqttGate::probe_every);
      bench.broker(pingresp);
    }
    CHECK_FALSE(bench.gate->exhausted());
    take_messages(bench, MqttGate::uncertain_at_most);
    CHECK(bench.gate->exhausted());
  }
}
