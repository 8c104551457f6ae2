#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "config/params.hpp"
#include "firmware-bridge/decoder.hpp"

namespace weir {

/// One entry a format: `format = "json"`. To add one, write its file and its line in registry.cpp.
struct DecoderEntry {
  std::string_view name;
  std::string_view about;  ///< one line, for --help and the manual
  /// Reads its options from the `[[source]]` table; problems are recorded there.
  std::unique_ptr<Decoder> (*make)(Params& source);
};

std::span<const DecoderEntry> decoders();

/// Reads `format` and makes the decoder; null after a problem was recorded.
std::unique_ptr<Decoder> make_decoder(Params& source);

}  // namespace weir
