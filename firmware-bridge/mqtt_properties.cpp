#include <array>
#include <bitset>
#include <cstdint>
#include <initializer_list>

#include "firmware-bridge/mqtt_cursor.hpp"

namespace weir {
namespace {

enum class Form : std::uint8_t {
  flag,
  two,
  two_not_zero,
  four,
  four_not_zero,
  varint,
  text,
  topic,
  binary,
  pair
};

constexpr std::uint16_t in(std::initializer_list<MqttPacket> packets) {
  unsigned set = 0;
  for (const auto packet : packets) set |= 1U << static_cast<unsigned>(packet);
  return static_cast<std::uint16_t>(set);
}

struct Property {
  std::uint8_t id;
  Form form;
  bool repeats;
  std::uint16_t packets;  ///< a bit for each packet type in which a broker may send it
};

constexpr auto connack = MqttPacket::connack;
constexpr auto publish = MqttPacket::publish;
constexpr auto every_answer =
    in({MqttPacket::connack, MqttPacket::puback, MqttPacket::pubrec, MqttPacket::pubrel,
        MqttPacket::pubcomp, MqttPacket::suback, MqttPacket::unsuback, MqttPacket::disconnect});

// MQTT 5, table 2-4, the columns that a broker sends.
constexpr std::array properties = {
    Property{1, Form::flag, false, in({publish})},     // payload format indicator
    Property{2, Form::four, false, in({publish})},     // message expiry interval
    Property{3, Form::text, false, in({publish})},     // content type
    Property{8, Form::topic, false, in({publish})},    // response topic
    Property{9, Form::binary, false, in({publish})},   // correlation data
    Property{11, Form::varint, true, in({publish})},   // subscription identifier
    Property{17, Form::four, false, in({connack})},    // session expiry interval
    Property{18, Form::text, false, in({connack})},    // assigned client identifier
    Property{19, Form::two, false, in({connack})},     // server keep alive
    Property{21, Form::text, false, in({connack})},    // authentication method
    Property{22, Form::binary, false, in({connack})},  // authentication data
    Property{26, Form::text, false, in({connack})},    // response information
    Property{28, Form::text, false, in({connack, MqttPacket::disconnect})},  // server reference
    Property{31, Form::text, false, every_answer},                           // reason string
    Property{33, Form::two_not_zero, false, in({connack})},                  // receive maximum
    Property{34, Form::two, false, in({connack})},                           // topic alias maximum
    Property{36, Form::flag, false, in({connack})},                          // maximum QoS
    Property{37, Form::flag, false, in({connack})},                          // retain available
    Property{38, Form::pair, true,
             static_cast<std::uint16_t>(every_answer | in({publish}))},  // user property
    Property{39, Form::four_not_zero, false, in({connack})},             // maximum packet size
    Property{40, Form::flag, false, in({connack})},  // wildcard subscription available
    Property{41, Form::flag, false, in({connack})},  // subscription identifiers available
    Property{42, Form::flag, false, in({connack})},  // shared subscription available
};

constexpr std::uint8_t topic_alias = 35;

const Property* find(std::uint8_t id) {
  for (const auto& property : properties)
    if (property.id == id) return &property;
  return nullptr;
}

/// Reads one value; false if it is out of range. Whether it was there at all, the cursor knows.
bool read_value(MqttCursor& cursor, Form form) {
  switch (form) {
    case Form::flag:
      return cursor.u8() <= 1;
    case Form::two:
      cursor.u16();
      return true;
    case Form::two_not_zero:
      return cursor.u16() != 0;
    case Form::four:
      cursor.u32();
      return true;
    case Form::four_not_zero:
      return cursor.u32() != 0;
    case Form::varint:
      return cursor.varint() != 0;
    case Form::text:
      cursor.text();
      return true;
    case Form::topic:
      return valid_mqtt_topic(cursor.text());
    case Form::binary:
      cursor.binary();
      return true;
    case Form::pair:
      cursor.text();
      cursor.text();
      return true;
  }
  return false;
}

}  // namespace

MqttFault check_mqtt_properties(MqttCursor& cursor, MqttPacket packet) {
  MqttCursor part(cursor.take(cursor.varint()));
  if (!cursor.ok()) return "properties longer than their packet";
  std::bitset<64> seen;
  while (!part.at_end()) {
    const auto id = part.u8();
    if (id == topic_alias) return "a topic alias, though none was allowed";
    const Property* property = find(id);
    if (property == nullptr || (property->packets & in({packet})) == 0)
      return "a property that does not belong in its packet";
    if (seen[id] && !property->repeats) return "a property given twice";
    seen[id] = true;
    const bool in_range = read_value(part, property->form);
    if (!part.ok()) return "a property that is cut off or not valid UTF-8";
    if (!in_range) return "a property out of its range";
  }
  return {};
}

}  // namespace weir
