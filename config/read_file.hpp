#pragma once

#include <cstddef>
#include <string>

#include "config/result.hpp"

namespace weir::detail {

/// The whole of a small file.
/// # Errors
/// `unavailable`: absent or unreadable; `full`: more than `size_max` bytes. The message goes on
/// behind the path: "can't be read: …".
Result<std::string> read_file(const std::string& path, std::size_t size_max);

}  // namespace weir::detail
