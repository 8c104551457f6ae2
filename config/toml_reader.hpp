#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/document.hpp"

namespace weir::detail {

struct SyntaxError {
  Position at;
  std::string message;
};

/// Reads one TOML file. `file` is what the positions say of it. Never throws; a hostile text costs
/// at most memory and time in proportion to its length.
tl::expected<Value, SyntaxError> read_toml(std::string_view text, std::uint32_t file);

}  // namespace weir::detail
