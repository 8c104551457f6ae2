#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <string_view>

#include "config/params.hpp"
#include "firmware-bridge/registry.hpp"
#include "tests/support/catch.hpp"

namespace weir {

/// The decoder of a `[[source]]` that says this and nothing else about its payloads.
inline std::unique_ptr<Decoder> decoder_of(std::string_view options) {
  ConfigFile file = ConfigFile::parse("[[source]]\n" + std::string(options), "test.toml");
  std::unique_ptr<Decoder> decoder;
  Params root = file.root();
  for (Params& source : root.tables("source")) decoder = make_decoder(source);
  root.finish();
  INFO(file.problems().text());
  REQUIRE(file.problems().empty());
  REQUIRE(decoder);
  return decoder;
}

/// The problems that these options of a `[[source]]` have.
inline std::string problems_of(std::string_view options) {
  ConfigFile file = ConfigFile::parse("[[source]]\n" + std::string(options), "test.toml");
  Params root = file.root();
  for (Params& source : root.tables("source")) make_decoder(source);
  root.finish();
  return file.problems().text();
}

inline std::string number_text(double value) {
  std::string text(32, '\0');
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

/// One line a record: "host=a at 1970-01-01T00:00:00Z: x=1 y=2", an inexact value with a ~ behind
/// it.
inline std::string text_of(const Decoded& decoded, const Decoder& decoder) {
  std::string text;
  for (const Decoded::Record& record : decoded.records) {
    if (!text.empty()) text += '\n';
    for (std::size_t i = 0; i < decoder.tag_names().size(); ++i)
      text += decoder.tag_names()[i] + '=' + std::string(decoded.tags[record.first_tag + i]) + ' ';
    if (record.has_time) text += "at " + format_time(record.time);
    text += ':';
    for (std::uint32_t i = 0; i < record.value_count; ++i) {
      const Decoded::Value& value = decoded.values[record.first_value + i];
      text += ' ' + std::string(value.metric) + '=' + number_text(value.value);
      if (has(value.quality, Quality::inexact)) text += '~';
    }
  }
  return text;
}

/// What the payload decodes to, or "refused: …".
inline std::string decode(Decoder& decoder, std::string_view payload) {
  Decoded decoded;
  const Result<void> result = decoder.decode(payload, decoded);
  if (!result) {
    CHECK(result.error().kind == ErrorKind::invalid);
    CHECK(result.error().message.size() <= 200);
    return "refused: " + result.error().message;
  }
  return text_of(decoded, decoder);
}

inline std::string decode(std::string_view options, std::string_view payload) {
  return decode(*decoder_of(options), payload);
}

}  // namespace weir
