#pragma once

#include <string>

#include "config/document.hpp"

namespace weir::detail {

/// Appends a value as TOML on one line, its variables replaced, keys in the order of their names:
/// the same text for values that say the same.
void write_toml(const Value& value, std::string& out);

}  // namespace weir::detail
