#pragma once

#include <cstdint>
#include <string_view>

#include "firmware-bridge/mqtt_packet.hpp"

namespace weir {

/// Reads the data types of MQTT from a packet's body. After the first read that goes past the end,
/// `ok()` is false for good and every read returns zero or an empty text.
class MqttCursor {
 public:
  explicit MqttCursor(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t u8() {
    const auto part = take(1);
    return part.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(part[0]);
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  /// A variable byte integer; one of more than four bytes, or longer than it need be, fails.
  std::uint32_t varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint32_t byte = u8();
      value |= (byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) {
        if (shift > 0 && byte == 0) ok_ = false;
        return value;
      }
    }
    ok_ = false;
    return 0;
  }
  /// Two bytes of length and that many bytes.
  std::string_view binary() { return take(u16()); }
  /// The same, and it must be a valid text.
  std::string_view text() {
    const auto part = binary();
    if (!valid_mqtt_text(part)) ok_ = false;
    return part;
  }
  std::string_view take(std::size_t n) {
    if (!ok_ || bytes_.size() < n) {
      ok_ = false;
      return {};
    }
    const auto part = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return part;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

/// Reads the properties of an MQTT 5 packet (their length and themselves) and checks each: known,
/// allowed in that packet from a broker, given once, well formed, its value in range.
MqttFault check_mqtt_properties(MqttCursor& cursor, MqttPacket packet);

}  // namespace weir
