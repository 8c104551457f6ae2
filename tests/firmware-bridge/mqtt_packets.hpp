#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "firmware-bridge/mqtt_packet.hpp"

/// Packets for tests, written by hand and not by the code under test.
namespace weir::test {

using namespace std::string_literals;

constexpr auto v3 = MqttVersion::v3_1_1;
constexpr auto v5 = MqttVersion::v5;

inline std::string u16(std::size_t n) {
  return {static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff)};
}
inline std::string text(std::string_view s) {
  return u16(s.size()) + std::string(s);
}

inline std::string packet(unsigned first, const std::string& body) {
  std::string out(1, static_cast<char>(first));
  auto n = body.size();
  do {
    out.push_back(static_cast<char>((n & 127) | (n > 127 ? 128 : 0)));
    n >>= 7;
  } while (n > 0);
  return out + body;
}

/// Properties behind their length; nothing in MQTT 3.1.1.
inline std::string props(MqttVersion version, const std::string& list = "") {
  return version == v5 ? std::string(1, static_cast<char>(list.size())) + list : "";
}

inline std::string connect(MqttVersion version, std::string_view id) {
  return packet(0x10, text("MQTT") + static_cast<char>(version) + "\x02\x00\x1e"s + props(version) +
                          text(id));
}
inline std::string connack(MqttVersion version, bool session = false, unsigned code = 0) {
  return packet(0x20,
                std::string{static_cast<char>(session), static_cast<char>(code)} + props(version));
}
inline std::string subscribe(MqttVersion version, unsigned id, std::string_view filter) {
  return packet(0x82, u16(id) + props(version) + text(filter) + "\x01"s);
}
inline std::string suback(MqttVersion version, unsigned id, const std::string& codes = "\x01"s) {
  return packet(0x90, u16(id) + props(version) + codes);
}

struct Pub {
  unsigned qos = 0, id = 0;
  bool dup = false, retain = false;
  std::string properties = "";
};
inline std::string publish(MqttVersion version, std::string_view topic, std::string_view payload,
                           const Pub& p = {}) {
  const unsigned first = 0x30U | (p.dup ? 8U : 0U) | p.qos << 1 | (p.retain ? 1U : 0U);
  return packet(first, text(topic) + (p.qos > 0 ? u16(p.id) : "") + props(version, p.properties) +
                           std::string(payload));
}

inline std::string puback(unsigned id) {
  return packet(0x40, u16(id));
}
inline std::string pubrec(unsigned id) {
  return packet(0x50, u16(id));
}
inline std::string pubrel(unsigned id) {
  return packet(0x62, u16(id));
}
inline std::string pubcomp(unsigned id) {
  return packet(0x70, u16(id));
}
const std::string pingreq = "\xc0\x00"s;
const std::string pingresp = "\xd0\x00"s;
const std::string disconnect = "\xe0\x00"s;

}  // namespace weir::test
