#include "firmware-bridge/mqtt_packet.hpp"

#include "firmware-bridge/mqtt_cursor.hpp"
#include "firmware-bridge/utf8.hpp"

namespace weir {
namespace {

constexpr MqttFault truncated = "a packet that ends before its fields do";
constexpr MqttFault trailing = "a packet with bytes behind its last field";
constexpr MqttFault bad_flags = "reserved flags in a fixed header";
constexpr MqttFault zero_id = "a packet identifier of zero";

/// What every packet has to keep to, whatever its type.
MqttFault check_head(const MqttHead& head, MqttVersion version, std::uint8_t flags) {
  if (head.flags != flags) return bad_flags;
  if (version == MqttVersion::v5 && !head.minimal) return "a remaining length longer than need be";
  return {};
}

}  // namespace

bool valid_mqtt_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

bool valid_mqtt_topic(std::string_view topic) {
  return !topic.empty() && topic.find_first_of("+#") == std::string_view::npos &&
         valid_mqtt_text(topic);
}

MqttFraming read_mqtt_head(std::string_view bytes, MqttHead& out) {
  if (bytes.empty()) return MqttFraming::incomplete;
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x10) return MqttFraming::malformed;  // packet type 0
  out.type = static_cast<MqttPacket>(first >> 4);
  out.flags = first & 0x0f;
  out.remaining = 0;
  for (std::size_t i = 1; i <= 4; ++i) {
    if (i >= bytes.size()) return MqttFraming::incomplete;
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out.remaining |= static_cast<std::size_t>(byte & 0x7fU) << (7 * (i - 1));
    if ((byte & 0x80U) != 0) continue;
    out.size = i + 1;
    out.minimal = i == 1 || byte != 0;
    return MqttFraming::complete;
  }
  return MqttFraming::malformed;  // the fourth length byte promises a fifth
}

MqttFault read_publish(const MqttHead& head, std::string_view body, MqttVersion version,
                       MqttPublish& out) {
  if (const auto fault = check_head(head, version, head.flags); !fault.empty()) return fault;
  out.retained = (head.flags & 1U) != 0;
  out.duplicate = (head.flags & 8U) != 0;
  out.qos = head.flags >> 1 & 3U;
  out.packet_id = 0;
  if (out.qos == 3) return "a PUBLISH of QoS 3";
  if (out.qos == 0 && out.duplicate) return "a PUBLISH of QoS 0 that calls itself a repeat";
  MqttCursor cursor(body);
  out.topic = cursor.binary();
  if (!cursor.ok()) return truncated;
  if (!valid_mqtt_topic(out.topic))
    return "a topic that is empty, not valid UTF-8, or has a NUL or a wildcard";
  if (out.qos > 0) {
    out.packet_id = cursor.u16();
    if (!cursor.ok()) return truncated;
    if (out.packet_id == 0) return zero_id;
  }
  if (version == MqttVersion::v5) {
    const auto fault = check_mqtt_properties(cursor, MqttPacket::publish);
    if (!fault.empty()) return fault;
  }
  out.payload = cursor.rest();
  return {};
}

MqttFault read_connack(const MqttHead& head, std::string_view body, MqttVersion version,
                       MqttConnack& out) {
  if (const auto fault = check_head(head, version, 0); !fault.empty()) return fault;
  MqttCursor cursor(body);
  const auto flags = cursor.u8();
  out.code = cursor.u8();
  if (!cursor.ok()) return truncated;
  if (flags > 1) return "reserved flags in a CONNACK";
  out.session_present = flags == 1;
  if (out.session_present && out.code != 0) return "a session in a CONNACK that refuses";
  if (version == MqttVersion::v5) {
    const auto fault = check_mqtt_properties(cursor, MqttPacket::connack);
    if (!fault.empty()) return fault;
  } else if (out.code > 5) {
    return "an unknown return code in a CONNACK";
  }
  return cursor.at_end() ? MqttFault{} : trailing;
}

MqttFault read_ack(const MqttHead& head, std::string_view body, MqttVersion version, MqttAck& out) {
  const std::uint8_t flags = head.type == MqttPacket::pubrel ? 2 : 0;
  if (const auto fault = check_head(head, version, flags); !fault.empty()) return fault;
  MqttCursor cursor(body);
  out.packet_id = cursor.u16();
  out.codes = 0;
  if (!cursor.ok()) return truncated;
  if (out.packet_id == 0) return zero_id;
  const bool has_codes = head.type == MqttPacket::suback || head.type == MqttPacket::unsuback;
  if (version == MqttVersion::v5) {
    // The short forms of PUBACK and its kin leave out a reason of success, and no properties.
    if (!has_codes) {
      if (!cursor.at_end()) cursor.u8();
      if (cursor.at_end()) return {};
    }
    const auto fault = check_mqtt_properties(cursor, head.type);
    if (!fault.empty()) return fault;
  }
  if (!has_codes || (version == MqttVersion::v3_1_1 && head.type == MqttPacket::unsuback))
    return cursor.at_end() ? MqttFault{} : trailing;
  if (cursor.at_end()) return "a SUBACK or UNSUBACK without a reason code";
  out.codes = cursor.rest().size();
  if (head.type == MqttPacket::unsuback) return {};
  for (const char byte : cursor.rest()) {
    const auto code = static_cast<unsigned char>(byte);
    const bool refused = version == MqttVersion::v5 ? code >= 0x80 : code == 0x80;
    if (code > 2 && !refused) return "an unknown reason code in a SUBACK";
  }
  return {};
}

MqttFault read_disconnect(const MqttHead& head, std::string_view body, MqttVersion version,
                          std::uint8_t& reason) {
  if (const auto fault = check_head(head, version, 0); !fault.empty()) return fault;
  if (version == MqttVersion::v3_1_1) return "a DISCONNECT, which MQTT 3.1.1 gives only to clients";
  MqttCursor cursor(body);
  reason = cursor.at_end() ? std::uint8_t{0} : cursor.u8();
  if (cursor.at_end()) return {};
  const auto fault = check_mqtt_properties(cursor, MqttPacket::disconnect);
  if (!fault.empty()) return fault;
  return cursor.at_end() ? MqttFault{} : trailing;
}

MqttFault check_pingresp(const MqttHead& head) {
  if (head.flags != 0) return bad_flags;
  return head.remaining == 0 && head.minimal ? MqttFault{} : trailing;
}

MqttFraming read_publish_start(const MqttHead& head, std::string_view start,
                               MqttPublishStart& out) {
  MqttCursor cursor(start);
  const std::size_t topic_size = cursor.u16();
  if (cursor.ok() && head.remaining < topic_size + 4) return MqttFraming::malformed;
  out.topic = cursor.take(topic_size);
  out.packet_id = cursor.u16();
  if (!cursor.ok()) return MqttFraming::incomplete;
  return out.packet_id != 0 && valid_mqtt_topic(out.topic) ? MqttFraming::complete
                                                           : MqttFraming::malformed;
}

MqttFault read_connect(const MqttHead& head, std::string_view body, MqttConnect& out) {
  if (head.flags != 0) return bad_flags;
  MqttCursor cursor(body);
  const auto name = cursor.binary();
  const auto level = cursor.u8();
  cursor.u8();   // flags
  cursor.u16();  // keep alive
  if (!cursor.ok()) return truncated;
  if (name != "MQTT" || (level != 4 && level != 5)) return "neither MQTT 3.1.1 nor 5";
  out.version = static_cast<MqttVersion>(level);
  if (out.version == MqttVersion::v5) cursor.take(cursor.varint());
  out.client_id_at = body.size() - cursor.rest().size();
  out.client_id = cursor.binary();
  return cursor.ok() ? MqttFault{} : truncated;
}

MqttFault read_subscribe(const MqttHead& head, std::string_view body, MqttVersion version,
                         MqttAck& out) {
  if (head.flags != 2) return bad_flags;
  MqttCursor cursor(body);
  out.packet_id = cursor.u16();
  if (version == MqttVersion::v5) cursor.take(cursor.varint());
  for (out.codes = 0; cursor.ok() && !cursor.at_end(); ++out.codes) {
    cursor.binary();
    cursor.u8();
  }
  return cursor.ok() ? MqttFault{} : truncated;
}

void append_mqtt_head(std::string& out, MqttPacket type, std::size_t remaining) {
  const unsigned flags =
      type == MqttPacket::subscribe || type == MqttPacket::unsubscribe || type == MqttPacket::pubrel
          ? 2U
          : 0U;
  out.push_back(static_cast<char>(static_cast<unsigned>(type) << 4 | flags));
  do {
    const auto more = remaining > 0x7f ? 0x80U : 0U;
    out.push_back(static_cast<char>((remaining & 0x7fU) | more));
    remaining >>= 7;
  } while (remaining > 0);
}

void append_mqtt_ack(std::string& out, MqttPacket type, std::uint16_t packet_id) {
  append_mqtt_head(out, type, 2);
  out.push_back(static_cast<char>(packet_id >> 8));
  out.push_back(static_cast<char>(packet_id & 0xffU));
}

}  // namespace weir
