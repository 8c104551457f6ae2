#pragma once

#include "operators/reading.hpp"
#include "operators/saturate.hpp"

namespace weir {

/// Windows of one size side by side, half-open, aligned to the epoch plus `offset` (of any sign).
/// Requires: 0 < size <= 100 years.
class Tumbling {
 public:
  constexpr Tumbling(Duration size, Duration offset) : size_(size), offset_(offset % size) {}

  /// The one window that holds `time`; at the ends of the range of Timestamp it is cut short.
  constexpr Window at(Timestamp time) const {
    // Remainders first, so that nothing overflows whatever the time is.
    Duration into = time.time_since_epoch() % size_ - offset_;
    if (into >= size_) into -= size_;
    while (into < Duration(0)) into += size_;
    return {saturating_sub(time, into), saturating_add(time, size_ - into)};
  }

 private:
  Duration size_, offset_;
};

}  // namespace weir
