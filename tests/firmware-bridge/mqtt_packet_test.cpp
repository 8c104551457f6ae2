#include "firmware-bridge/mqtt_packet.hpp"

#include <vector>

#include "tests/firmware-bridge/mqtt_packets.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;

namespace {

/// What the reader for its type says about a packet from a broker.
MqttFault judge(MqttVersion version, const std::string& bytes) {
  MqttHead head;
  REQUIRE(read_mqtt_head(bytes, head) == MqttFraming::complete);
  const auto body = std::string_view(bytes).substr(head.size);
  MqttPublish publish;
  MqttConnack connack;
  MqttAck ack;
  std::uint8_t reason = 0;
  switch (head.type) {
    case MqttPacket::publish:
      return read_publish(head, body, version, publish);
    case MqttPacket::connack:
      return read_connack(head, body, version, connack);
    case MqttPacket::disconnect:
      return read_disconnect(head, body, version, reason);
    case MqttPacket::pingresp:
      return check_pingresp(head);
    default:
      return read_ack(head, body, version, ack);
  }
}

bool good(MqttVersion version, const std::string& bytes) {
  return judge(version, bytes).empty();
}

std::string with_property(const std::string& property) {
  return publish(v5, "a/b", "x", {1, 7, false, false, property});
}

}  // namespace

TEST_CASE("a remaining length has one to four bytes") {
  MqttHead head;
  const auto framing = [&](const std::string& bytes) { return read_mqtt_head(bytes, head); };
  CHECK(framing("") == MqttFraming::incomplete);
  CHECK(framing("\x30") == MqttFraming::incomplete);
  CHECK(framing("\x30\x80") == MqttFraming::incomplete);
  CHECK(framing("\x30\xff\xff\xff") == MqttFraming::incomplete);
  CHECK(framing("\x30\xff\xff\xff\xff") == MqttFraming::malformed);
  CHECK(framing("\x0f\x00"s) == MqttFraming::malformed);
  REQUIRE(framing("\x30\xff\xff\xff\x7f") == MqttFraming::complete);
  CHECK(head.remaining == 268'435'455);
  CHECK(head.size == 5);
  REQUIRE(framing("\x3d\x80\x01") == MqttFraming::complete);
  CHECK(head.remaining == 128);
  CHECK(head.flags == 13);
  CHECK(head.type == MqttPacket::publish);
  REQUIRE(framing("\xd0\x80\x00"s) == MqttFraming::complete);
  CHECK_FALSE(head.minimal);
}

TEST_CASE("a PUBLISH is taken apart") {
  for (const auto version : {v3, v5}) {
    const auto bytes = publish(version, "a/b", "payload", {2, 515, true, true});
    MqttHead head;
    REQUIRE(read_mqtt_head(bytes, head) == MqttFraming::complete);
    MqttPublish out;
    REQUIRE(read_publish(head, std::string_view(bytes).substr(head.size), version, out).empty());
    CHECK(out.topic == "a/b");
    CHECK(out.payload == "payload");
    CHECK(out.packet_id == 515);
    CHECK(out.qos == 2);
    CHECK(out.retained);
    CHECK(out.duplicate);
  }
}

TEST_CASE("well-formed packets of every type pass") {
  for (const auto version : {v3, v5}) {
    CHECK(good(version, publish(version, "a", "")));
    CHECK(good(version, publish(version, "\xf0\x9f\x8c\x8a/\xc3\xa4", "\x00\xff"s, {1, 1})));
    CHECK(good(version, connack(version, true)));
    CHECK(good(version, connack(version, false, 5)));
    for (const auto& ack : {puback(1), pubrec(1), pubrel(65535), pubcomp(1)})
      CHECK(good(version, ack));
    CHECK(good(version, suback(version, 1, "\x00\x01\x02\x80"s)));
    CHECK(good(version, pingresp));
  }
  CHECK(good(v3, packet(0xb0, u16(1))));
  CHECK(good(v5, packet(0xb0, u16(1) + props(v5) + "\x11")));
  CHECK(good(v5, packet(0x40, u16(1) + "\x10")));
  CHECK(good(v5, packet(0x40, u16(1) + "\x80" + props(v5, "\x1f" + text("why")))));
  CHECK(good(v5, disconnect));
  CHECK(good(v5, packet(0xe0, "\x8e")));
  CHECK(good(v5, packet(0xe0, "\x8b" + props(v5, "\x1c" + text("elsewhere")))));
}

TEST_CASE("malformed packets are told from well-formed ones") {
  for (const auto version : {v3, v5}) {
    CHECK_FALSE(good(version, packet(0x36, text("a") + u16(1) + props(version))));  // QoS 3
    CHECK_FALSE(good(version, packet(0x38, text("a") + props(version))));           // DUP, QoS 0
    CHECK_FALSE(good(version, publish(version, "a", "", {1, 0})));
    for (const auto& topic : {""s, "a/+"s, "#"s, "a\0b"s, "\xff"s, "\xc0\x80"s, "\xed\xa0\x80"s,
                              "\xf4\x90\x80\x80"s, "\xe2\x82"s})
      CHECK_FALSE(good(version, publish(version, topic, "")));
    CHECK_FALSE(good(version, packet(0x41, u16(1))));  // flags
    CHECK_FALSE(good(version, packet(0x60, u16(1))));
    CHECK_FALSE(good(version, packet(0x40, u16(0))));
    CHECK_FALSE(good(version, packet(0x21, "\x00\x00"s + props(version))));
    CHECK_FALSE(good(version, packet(0x20, "\x02\x00"s + props(version))));
    CHECK_FALSE(good(version, connack(version, true, 5)));
    CHECK_FALSE(good(version, suback(version, 1, "")));
    CHECK_FALSE(good(version, suback(version, 1, "\x03")));
    CHECK_FALSE(good(version, packet(0xd0, "x")));
    CHECK_FALSE(good(version, packet(0xd1, "")));
  }
  CHECK_FALSE(good(v3, connack(v3, false, 6)));
  CHECK_FALSE(good(v3, puback(1).replace(1, 1, "\x03") + "x"));
  CHECK_FALSE(good(v3, disconnect));
  CHECK_FALSE(good(v5, "\x40\x82\x00\x00\x01"s));  // a length longer than need be
  CHECK(good(v3, "\x40\x82\x00\x00\x01"s));        // which 3.1.1 does not forbid
}

TEST_CASE("a packet cut short anywhere is malformed") {
  const auto property = "\x26" + text("k") + text("v");
  const std::vector<std::pair<MqttVersion, std::string>> whole = {
      {v3, publish(v3, "topic", "", {1, 9})},
      {v5, publish(v5, "topic", "", {1, 9, false, false, property})},
      {v3, connack(v3)},
      {v5, packet(0x20, "\x00\x00"s + props(v5, property))},
      {v3, suback(v3, 1)},
      {v5, packet(0x90, u16(1) + props(v5, property) + "\x01")},
      {v3, puback(1)},
      {v5, packet(0xe0, "\x80" + props(v5, property))}};
  for (const auto& [version, bytes] : whole) {
    REQUIRE(good(version, bytes));
    for (std::size_t size = 2; size + 1 < bytes.size(); ++size) {
      const bool short_form = bytes[0] == '\xe0' && size <= 3;  // DISCONNECT may end early
      const auto cut = packet(static_cast<unsigned char>(bytes[0]), bytes.substr(2, size - 2));
      INFO("first byte " << static_cast<int>(static_cast<unsigned char>(bytes[0])) << ", " << size
                         << " bytes");
      CHECK(good(version, cut) == short_form);
    }
  }
}

TEST_CASE("properties are checked for place, form, range and repeats") {
  CHECK(good(v5, with_property("")));
  CHECK(good(v5, with_property("\x01\x01")));
  CHECK(good(v5, with_property("\x02\x00\x00\x00\x00"s)));
  CHECK(good(v5, with_property("\x03" + text("json") + "\x08" + text("reply/to") + "\x09" +
                               text("\xff"))));
  CHECK(good(v5, with_property("\x0b\x01\x0b\xff\x7f")));
  CHECK(good(v5, with_property("\x26" + text("k") + text("v") + "\x26" + text("k") + text("v"))));

  CHECK_FALSE(good(v5, with_property("\x01\x02")));                  // out of range
  CHECK_FALSE(good(v5, with_property("\x01\x01\x01\x01")));          // twice
  CHECK_FALSE(good(v5, with_property("\x08" + text("no/+"))));       // a wildcard to reply to
  CHECK_FALSE(good(v5, with_property("\x0b\x00"s)));                 // subscription 0
  CHECK_FALSE(good(v5, with_property("\x0b\x80\x00"s)));             // longer than need be
  CHECK_FALSE(good(v5, with_property("\x0b\xff\xff\xff\xff\x01")));  // five bytes
  CHECK_FALSE(good(v5, with_property("\x03" + text("\xff"))));       // not UTF-8
  CHECK_FALSE(good(v5, with_property("\x26" + text("k"))));          // half a pair
  CHECK_FALSE(good(v5, with_property("\x11\x00\x00\x00\x01"s)));     // belongs in CONNACK
  CHECK_FALSE(good(v5, with_property("\x7f")));                      // unknown
  CHECK_FALSE(good(v5, packet(0x20, "\x00\x00\x03\x21\x00\x00"s)));  // receive maximum 0
  CHECK_FALSE(good(v5, packet(0x20, "\x00\x00\x7f"s)));              // longer than the packet

  CHECK(judge(v5, with_property("\x23\x00\x01"s)) == "a topic alias, though none was allowed");
}

TEST_CASE("the start of an oversized PUBLISH tells its topic and packet id") {
  const auto bytes = publish(v3, "big", std::string(1000, 'x'), {1, 258});
  MqttHead head;
  REQUIRE(read_mqtt_head(bytes, head) == MqttFraming::complete);
  MqttPublishStart start;
  for (std::size_t size = 0; size < 7; ++size)
    CHECK(read_publish_start(head, std::string_view(bytes).substr(head.size, size), start) ==
          MqttFraming::incomplete);
  REQUIRE(read_publish_start(head, std::string_view(bytes).substr(head.size, 7), start) ==
          MqttFraming::complete);
  CHECK(start.topic == "big");
  CHECK(start.packet_id == 258);
}

TEST_CASE("acknowledgements are four bytes") {
  std::string out;
  append_mqtt_ack(out, MqttPacket::puback, 0x0102);
  append_mqtt_ack(out, MqttPacket::pubrec, 1);
  append_mqtt_ack(out, MqttPacket::pubcomp, 65535);
  CHECK(out == puback(0x0102) + pubrec(1) + pubcomp(65535));
}
