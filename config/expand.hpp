#pragma once

#include <string>
#include <string_view>

#include "config/params.hpp"

namespace weir::detail {

struct Expanded {
  std::string text;
  bool from_variables = false;  ///< a variable's value stands in it
};

/// Replaces `${NAME}`, `${NAME:-default}` (also where the variable is empty), `${NAME:?message}`
/// (an error where it is unset or empty); `$${` stands for `${`.
/// # Errors
/// `invalid`: a variable is not set, or what follows `${` has none of these forms. Names the
/// variable, never its value.
Result<Expanded> expand(std::string_view text, const ConfigFile::Environment& environment);

}  // namespace weir::detail
