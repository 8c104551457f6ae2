#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "config/result.hpp"

namespace weir {

/// What can be wrong with a simulated device. Each device has at most one, so that what it causes
/// downstream can be told apart.
enum class Fault : std::uint8_t {
  none,
  stuck,         ///< for a while every value repeats the one before
  spike,         ///< for a while one message in eight has a temperature 60 degrees too high
  drift,         ///< for a while the temperature climbs, up to 30 degrees
  dead,          ///< says nothing more
  clock_past,    ///< its clock started at 1970-01-01
  clock_future,  ///< its clock is in 2087
  late,          ///< one message in five is held back for late_by
  repeated,      ///< one message in four is sent twice
  out_of_order,  ///< one message in four comes behind its successor
  broken,        ///< every other payload is one of BrokenPayload
  flood,         ///< for a while it sends flood_factor times as much
};
constexpr std::size_t fault_count = 12;  ///< with `none`

std::string_view fault_name(Fault fault);
/// "all", "none", or names separated by commas.
/// # Errors
/// `invalid`: an unknown name; the message lists the known ones.
Result<std::vector<Fault>> parse_faults(std::string_view text);

enum class BrokenPayload : std::uint8_t { truncated, not_json, empty, not_a_number, wrong_type };
constexpr std::size_t broken_payload_count = 5;
std::string_view broken_payload_name(BrokenPayload kind);

}  // namespace weir
