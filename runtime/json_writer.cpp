#include "runtime/json_writer.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <charconv>
#include <cmath>

namespace weir {
namespace {

/// The length of the well-formed UTF-8 character at the start of `text` (Unicode 15, table 3-7);
/// 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0 && at(1) < 0xA0) return 0;  // overlong
    if (lead == 0xED && at(1) > 0x9F) return 0;  // surrogate
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0 && at(1) < 0x90) return 0;  // overlong
    if (lead == 0xF4 && at(1) > 0x8F) return 0;  // beyond U+10FFFF
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

/// `text` itself if it is valid UTF-8; else a repaired copy in `repaired`.
std::string_view valid_utf8(std::string_view text, std::string& repaired) {
  std::size_t good = 0;
  while (good < text.size()) {
    const std::size_t length = character_length(text.substr(good));
    if (length == 0) break;
    good += length;
  }
  if (good == text.size()) return text;
  repaired.assign(text.substr(0, good));
  while (good < text.size()) {
    const std::size_t length = character_length(text.substr(good));
    if (length == 0)
      repaired += "\xEF\xBF\xBD";
    else
      repaired.append(text.substr(good, length));
    good += length == 0 ? 1 : length;
  }
  return repaired;
}

}  // namespace

struct JsonWriter::State {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  std::string repaired;

  template <class T>
  void number(T value) {
    // RapidJSON's own number formatting is not the shortest in every case; this one is.
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    writer.RawValue(digits.data(), static_cast<std::size_t>(end - digits.data()),
                    rapidjson::kNumberType);
  }
};

JsonWriter::JsonWriter() : state_(std::make_unique<State>()) {}
JsonWriter::~JsonWriter() = default;
JsonWriter::JsonWriter(JsonWriter&&) noexcept = default;
JsonWriter& JsonWriter::operator=(JsonWriter&&) noexcept = default;

JsonWriter& JsonWriter::begin_object() {
  state_->writer.StartObject();
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  state_->writer.EndObject();
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  state_->writer.StartArray();
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  state_->writer.EndArray();
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  return value(name);
}

JsonWriter& JsonWriter::value(std::string_view text) {
  const std::string_view valid = valid_utf8(text, state_->repaired);
  state_->writer.String(valid.data() == nullptr ? "" : valid.data(),
                        static_cast<rapidjson::SizeType>(valid.size()));
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  state_->number(number);
  return *this;
}

JsonWriter& JsonWriter::null() {
  state_->writer.Null();
  return *this;
}

JsonWriter& JsonWriter::boolean(bool truth) {
  state_->writer.Bool(truth);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) {
  state_->number(number);
  return *this;
}

JsonWriter& JsonWriter::natural(std::uint64_t number) {
  state_->number(number);
  return *this;
}

std::string JsonWriter::take() {
  std::string document(state_->buffer.GetString(), state_->buffer.GetSize());
  state_->buffer.Clear();
  state_->writer.Reset(state_->buffer);
  return document;
}

}  // namespace weir
