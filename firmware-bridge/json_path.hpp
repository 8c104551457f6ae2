#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"

namespace weir {

/// One step into a JSON document.
struct JsonStep {
  std::string key;                   ///< of an object
  std::optional<std::size_t> index;  ///< of an array, if the key is a number
  bool each = false;                 ///< *: every element or member
};

/// Where something stands in a JSON document: "state.power", "sensors.0.value". Only dots separate,
/// so "switch:0" needs no quotes; a key that holds a dot, begins with a quote, is * or is empty is
/// put in single quotes, with a quote in it doubled: "params.'a.b'.'it''s'".
using JsonPath = std::vector<JsonStep>;

/// # Errors
/// `invalid`: an empty step, an open quote, a * where `each_allowed` is false, over 64 steps.
Result<JsonPath> parse_json_path(std::string_view text, bool each_allowed = false);

/// Appends a step in the form that parse_json_path reads back.
void append_json_step(std::string& path, std::string_view key);

std::string json_path_text(const JsonPath& path);

}  // namespace weir
