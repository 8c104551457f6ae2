#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "store/store.hpp"

namespace weir {

/// What the outbox holds behind a commit; in each journal row and each checkpoint.
struct Tail {
  std::uint64_t next_seq = 1;  ///< of the next entry, whatever its lane; never goes back
  std::array<std::uint64_t, lane_count> waiting{};
};

// Encodings of what stands in rows, without the CRC; the formats are in schema.hpp. The writers
// append, the readers return `corrupt` (or `unsupported`, for a version or a section that a newer
// weir wrote) and never fail in another way.

void write_tail(const Tail& tail, std::string& out);
bool read_tail(ByteReader& in, Tail& tail);

/// `delta` stands in the record instead of its own.
void write_record(const JournalRecord& record, const Ledger& delta, std::string& out);
void write_output(const Output& output, std::string& out);
void write_dead_letter(const DeadLetter& letter, std::string& out);
Result<DeadLetter> read_dead_letter(std::string_view bytes);

/// Skips the optional sections at the end of an encoding.
/// # Errors
/// `corrupt`: cut short; `unsupported`: a section that can't be skipped.
Result<void> skip_sections(ByteReader& in, std::string_view what);

constexpr std::uint8_t first_optional_section = 128;

}  // namespace weir
