#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/bytes.hpp"
#include "operators/reading.hpp"

namespace weir {

/// Which numbers of a device's count of its messages came already: the highest and a bitmap of the
/// `entries` up to it (RFC 6479's ring, which never shifts), so its size is fixed.
///
/// A number among them was there before, and the message is a repeat. But devices start again and
/// counters wrap around, so a message that is newer than all before it begins the count anew if its
/// number is at least `entries` below the highest, if it is 0 or 1 again and others came since, or
/// if nothing came for `remember`. What is neither remembered nor newer is taken and not
/// remembered, as nobody can tell. So a restart costs at most `entries` messages, for at most
/// `remember`, and none where the count starts at 0 or 1.
class SequenceWindow {
 public:
  static constexpr std::uint64_t number_end = std::uint64_t{1} << 53;  ///< all below are numbers

  /// Whether this is a repeat; if it is not, it is remembered.
  /// Requires: `number` is below `number_end`; `entries` and `remember` are those of all calls.
  bool repeated(std::uint64_t number, Timestamp time, std::size_t entries, Duration remember);

  void save(ByteWriter& out) const;
  bool load(ByteReader& in);
  /// Whether it is one of that many entries; to be asked of what was loaded.
  bool fits(std::size_t entries) const {
    return bits_.empty() || (bits_.size() == words_of(entries) && highest_ < number_end);
  }
  std::size_t memory_bytes() const { return bits_.capacity() * sizeof(std::uint64_t); }

 private:
  static std::size_t words_of(std::size_t entries) { return (entries + 63) / 64; }
  bool begins_anew(std::uint64_t number, std::size_t entries) const;
  // Room for at least `entries` numbers; two of them that far apart share no bit.
  std::uint64_t& word(std::uint64_t number) { return bits_[number / 64 % bits_.size()]; }
  bool has(std::uint64_t number) const {
    return (bits_[number / 64 % bits_.size()] >> number % 64 & 1) != 0;
  }

  std::vector<std::uint64_t> bits_;  ///< empty: nothing came yet
  std::uint64_t highest_ = 0;
  Timestamp newest_{};  ///< of the messages that were taken and remembered
};

}  // namespace weir
