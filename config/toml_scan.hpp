#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace weir::detail {

/// What the parser must not be given.
struct Obstacle {
  std::size_t offset = 0;
  std::string_view message;
};

/// Looks over a TOML text for what toml++ can't take without harm: nesting that would exhaust the
/// stack, and characters that it has no defined behaviour for. Almost all of the latter is no TOML
/// anyway.
std::optional<Obstacle> find_obstacle(std::string_view text);

}  // namespace weir::detail
