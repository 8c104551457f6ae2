#pragma once

#include <cstddef>
#include <optional>

namespace weir::test {

/// How often this thread has asked for memory so far; nothing under a sanitizer.
std::optional<std::size_t> allocations();

}  // namespace weir::test
