#include <array>
#include <utility>

#include "firmware-bridge/mqtt_packet.hpp"

namespace weir {
namespace {

using Reason = std::pair<std::uint8_t, std::string_view>;

// MQTT 3.1.1, table 3.1.
constexpr std::array connack_v3 = {
    Reason{1, "protocol version not supported"},
    Reason{2, "client id not accepted"},
    Reason{3, "server unavailable"},
    Reason{4, "bad user name or password"},
    Reason{5, "not authorised"},
};

// MQTT 5, section 2.4, what CONNACK and DISCONNECT may say.
constexpr std::array reasons_v5 = {
    Reason{0x00, "no reason given"},
    Reason{0x80, "unspecified error"},
    Reason{0x81, "malformed packet"},
    Reason{0x82, "protocol error"},
    Reason{0x83, "implementation specific error"},
    Reason{0x84, "protocol version not supported"},
    Reason{0x85, "client id not valid"},
    Reason{0x86, "bad user name or password"},
    Reason{0x87, "not authorised"},
    Reason{0x88, "server unavailable"},
    Reason{0x89, "server busy"},
    Reason{0x8a, "banned"},
    Reason{0x8b, "server shutting down"},
    Reason{0x8c, "bad authentication method"},
    Reason{0x8d, "keep alive timeout"},
    Reason{0x8e, "session taken over by another client with the same id"},
    Reason{0x8f, "topic filter not valid"},
    Reason{0x90, "topic name not valid"},
    Reason{0x93, "receive maximum exceeded"},
    Reason{0x94, "topic alias not valid"},
    Reason{0x95, "packet too large"},
    Reason{0x96, "message rate too high"},
    Reason{0x97, "quota exceeded"},
    Reason{0x98, "administrative action"},
    Reason{0x99, "payload format not valid"},
    Reason{0x9a, "retain not supported"},
    Reason{0x9b, "QoS not supported"},
    Reason{0x9c, "use another server"},
    Reason{0x9d, "server moved"},
    Reason{0x9e, "shared subscriptions not supported"},
    Reason{0x9f, "connection rate exceeded"},
    Reason{0xa0, "maximum connect time"},
    Reason{0xa1, "subscription identifiers not supported"},
    Reason{0xa2, "wildcard subscriptions not supported"},
};

template <class Table>
std::string_view find(const Table& table, std::uint8_t code) {
  for (const auto& [known, words] : table)
    if (known == code) return words;
  return "a reason that MQTT does not know";
}

}  // namespace

std::string_view mqtt_connack_reason(MqttVersion version, std::uint8_t code) {
  return version == MqttVersion::v5 ? find(reasons_v5, code) : find(connack_v3, code);
}

std::string_view mqtt_disconnect_reason(std::uint8_t code) {
  return find(reasons_v5, code);
}

}  // namespace weir
