#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/result.hpp"
#include "operators/output.hpp"

namespace weir {

/// What a row is, as part of its CRC. Stored: never renumber.
enum class RowKind : std::uint8_t {
  journal = 1,
  checkpoint = 2,
  dead_letter = 3,
  gap = 4,
  outbox = 16,
};

constexpr RowKind outbox_row(Lane lane) {
  return static_cast<RowKind>(static_cast<unsigned>(RowKind::outbox) + static_cast<unsigned>(lane));
}

/// Room for the CRC: a body is begun with it, its content appended, and then sealed.
inline std::string begin_row() {
  return std::string(4, '\0');
}

/// Puts the CRC over content, kind and id into the first four bytes.
/// Requires: `body` came from begin_row.
void seal_row(std::string& body, RowKind kind, std::uint64_t id);

/// The content of a sealed body, pointing into it.
/// # Errors
/// `corrupt`: the CRC does not hold; the message names the row.
Result<std::string_view> open_row(std::string_view body, RowKind kind, std::uint64_t id);

}  // namespace weir
