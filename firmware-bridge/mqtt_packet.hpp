#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// The wire format of MQTT 3.1.1 and 5 as far as the gate needs it: framing, whether a packet is
/// well formed, and the fields of the packets it acts on. Pure; no allocation; texts point into the
/// bytes handed in; never reads behind their end.
enum class MqttVersion : std::uint8_t { v3_1_1 = 4, v5 = 5 };  ///< the protocol level in CONNECT

enum class MqttPacket : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth,
};

/// What is wrong with a packet: words of static lifetime; empty: nothing.
using MqttFault = std::string_view;

/// The fixed header.
struct MqttHead {
  MqttPacket type{};
  std::uint8_t flags = 0;
  bool minimal = true;  ///< the remaining length is coded as short as it can be (MQTT 5 demands it)
  std::size_t size = 0;  ///< of the header itself
  std::size_t remaining = 0;
  std::size_t packet_size() const { return size + remaining; }
};

enum class MqttFraming { complete, incomplete, malformed };

/// Reads the fixed header at the start of `bytes`; `complete` speaks of the header alone.
MqttFraming read_mqtt_head(std::string_view bytes, MqttHead& out);

struct MqttPublish {
  std::string_view topic, payload;
  std::uint16_t packet_id = 0;  ///< 0 with QoS 0
  std::uint8_t qos = 0;
  bool retained = false, duplicate = false;
};

struct MqttConnack {
  bool session_present = false;
  std::uint8_t code = 0;  ///< 0: accepted
};

/// The variable header of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
struct MqttAck {
  std::uint16_t packet_id = 0;
  std::size_t codes = 0;  ///< how many reason codes a SUBACK or UNSUBACK has
};

/// Checks flags and body of one packet *from a broker* and reads what the gate needs. A topic alias
/// is a fault, because weir never allows one. Reason codes of MQTT 5 are not judged.
MqttFault read_publish(const MqttHead& head, std::string_view body, MqttVersion version,
                       MqttPublish& out);
MqttFault read_connack(const MqttHead& head, std::string_view body, MqttVersion version,
                       MqttConnack& out);
MqttFault read_ack(const MqttHead& head, std::string_view body, MqttVersion version, MqttAck& out);
MqttFault read_disconnect(const MqttHead& head, std::string_view body, MqttVersion version,
                          std::uint8_t& reason);
MqttFault check_pingresp(const MqttHead& head);

/// Where a PUBLISH that is too large to be read as a whole is from.
struct MqttPublishStart {
  std::string_view topic;
  std::uint16_t packet_id = 0;
};
/// Reads topic and packet id of a PUBLISH of which only the first bytes are there.
MqttFraming read_publish_start(const MqttHead& head, std::string_view start, MqttPublishStart& out);

/// What the gate needs to know of a CONNECT from its own client.
struct MqttConnect {
  MqttVersion version{};
  std::string_view client_id;
  std::size_t client_id_at = 0;  ///< offset of its two length bytes in the body
};
MqttFault read_connect(const MqttHead& head, std::string_view body, MqttConnect& out);

/// Packet id and number of topic filters of a SUBSCRIBE from our own client.
MqttFault read_subscribe(const MqttHead& head, std::string_view body, MqttVersion version,
                         MqttAck& out);

/// Appends a fixed header.
void append_mqtt_head(std::string& out, MqttPacket type, std::size_t remaining);
/// Appends a PUBACK, PUBREC or PUBCOMP that says success; the same bytes in both versions.
void append_mqtt_ack(std::string& out, MqttPacket type, std::uint16_t packet_id);

/// Whether the text is UTF-8 as MQTT wants it: no surrogates, no overlong forms, no U+0000.
bool valid_mqtt_text(std::string_view text);
/// Whether messages can be published to it: a valid text, not empty, without wildcards.
bool valid_mqtt_topic(std::string_view topic);

/// A reason code of CONNACK or DISCONNECT in words: "bad user name or password".
std::string_view mqtt_connack_reason(MqttVersion version, std::uint8_t code);
std::string_view mqtt_disconnect_reason(std::uint8_t code);

}  // namespace weir
