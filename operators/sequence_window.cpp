#include "operators/sequence_window.hpp"

#include <algorithm>

#include "operators/saturate.hpp"

namespace weir {

bool SequenceWindow::begins_anew(std::uint64_t number, std::size_t entries) const {
  if (number + entries <= highest_) return true;
  return number <= 1 && number < highest_ && has(number);
}

bool SequenceWindow::repeated(std::uint64_t number, Timestamp time, std::size_t entries,
                              Duration remember) {
  const bool first = bits_.empty();
  const bool newer = first || time > newest_;
  if (newer &&
      (first || saturating_difference(time, newest_) > remember || begins_anew(number, entries))) {
    bits_.assign(words_of(entries), 0);
    highest_ = number;
  } else if (number > highest_) {
    const bool far = number - highest_ >= entries;
    if (far && !newer) return false;
    if (far) std::fill(bits_.begin(), bits_.end(), 0);
    for (std::uint64_t skipped = far ? number : highest_ + 1; skipped <= number; ++skipped)
      word(skipped) &= ~(std::uint64_t{1} << skipped % 64);
    highest_ = number;
  } else if (number + entries <= highest_) {
    return false;
  } else if (has(number)) {
    return true;
  }
  word(number) |= std::uint64_t{1} << number % 64;
  newest_ = first ? time : std::max(newest_, time);
  return false;
}

void SequenceWindow::save(ByteWriter& out) const {
  out.varint(bits_.size());
  if (bits_.empty()) return;
  out.varint(highest_);
  out.zigzag(count_us(newest_));
  for (const std::uint64_t bits : bits_) out.fixed64(bits);
}

bool SequenceWindow::load(ByteReader& in) {
  bits_.resize(static_cast<std::size_t>(in.count()));
  if (bits_.empty()) return in.ok();
  highest_ = in.varint();
  newest_ = timestamp_us(in.zigzag());
  for (std::uint64_t& bits : bits_) bits = in.fixed64();
  return in.ok();
}

}  // namespace weir
