#include "firmware-bridge/registry.hpp"

#include <array>
#include <string>
#include <vector>

#include "firmware-bridge/json_decoder.hpp"

namespace weir {
namespace {

std::unique_ptr<Decoder> make_json(Params& source) {
  return make_json_decoder(JsonOptions::read(source));
}

constexpr std::array<DecoderEntry, 1> table = {{
    {"json", "objects, arrays and bare numbers in JSON (RFC 8259)", make_json},
}};

}  // namespace

std::span<const DecoderEntry> decoders() {
  return table;
}

std::unique_ptr<Decoder> make_decoder(Params& source) {
  const std::string format = source.text("format", table[0].name);
  std::vector<std::string> known;
  for (const DecoderEntry& entry : table) {
    if (entry.name == format) return entry.make(source);
    known.emplace_back(entry.name);
  }
  std::string message = "unknown format '" + format + "'; known:";
  for (const std::string& name : known) message += " " + name;
  if (const std::string near = nearest_word(format, known); !near.empty())
    message += "; did you mean '" + near + "'?";
  source.problem("format", std::move(message));
  return nullptr;
}

}  // namespace weir
