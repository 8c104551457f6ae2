#pragma once

#include <cstdint>
#include <optional>

#include "config/units.hpp"

namespace weir {

/// What this process takes from its machine, as the kernel counts it. A figure the kernel does not
/// tell (a sandbox, another kernel) is absent.
struct ProcessUsage {
  std::optional<Bytes> resident;  ///< memory
  std::optional<Bytes> written;   ///< handed to the block layer since the start of the process
  std::optional<std::uint64_t> open_files;
  Duration cpu{};  ///< user and system, since the start of the process
};

/// Any thread; reads a few files of /proc.
ProcessUsage process_usage();

}  // namespace weir
