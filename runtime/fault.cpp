#include "runtime/fault.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace weir {
namespace {

constexpr std::array<std::string_view, fault_count> fault_names = {
    "none",         "stuck", "spike",    "drift",        "dead",   "clock_past",
    "clock_future", "late",  "repeated", "out_of_order", "broken", "flood"};

constexpr std::array<std::string_view, broken_payload_count> broken_names = {
    "truncated", "not_json", "empty", "not_a_number", "wrong_type"};

}  // namespace

std::string_view fault_name(Fault fault) {
  return fault_names[static_cast<std::size_t>(fault)];
}

std::string_view broken_payload_name(BrokenPayload kind) {
  return broken_names[static_cast<std::size_t>(kind)];
}

Result<std::vector<Fault>> parse_faults(std::string_view text) {
  std::vector<Fault> faults;
  if (text == "none") return faults;
  if (text == "all") {
    for (std::size_t i = 1; i < fault_count; ++i) faults.push_back(static_cast<Fault>(i));
    return faults;
  }
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const auto known = std::find(fault_names.begin() + 1, fault_names.end(), word);
    if (known == fault_names.end()) {
      std::string message = "there is no fault '" + std::string(word) + "'; known are all, none";
      for (const std::string_view name : std::span(fault_names).subspan(1)) {
        message += ", " + std::string(name);
      }
      return fail(ErrorKind::invalid, std::move(message));
    }
    const auto fault = static_cast<Fault>(known - fault_names.begin());
    if (std::ranges::find(faults, fault) == faults.end()) faults.push_back(fault);
    if (comma == std::string_view::npos) return faults;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace weir
