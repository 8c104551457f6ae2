#pragma once

#include "config/units.hpp"

namespace weir {

/// Before and behind every event time; a sum that leaves the range of Timestamp stops at them.
constexpr Timestamp time_begin = Timestamp::min();
constexpr Timestamp time_end = Timestamp::max();

/// `time + by`, at the end of the range instead of beyond it: event times come from devices and may
/// be anything.
constexpr Timestamp saturating_add(Timestamp time, Duration by) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(count_us(time), by.count(), &sum)) return timestamp_us(sum);
  return by.count() < 0 ? time_begin : time_end;
}

constexpr Timestamp saturating_sub(Timestamp time, Duration by) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(count_us(time), by.count(), &difference)) {
    return timestamp_us(difference);
  }
  return by.count() < 0 ? time_end : time_begin;
}

/// `later - earlier`, at most the longest Duration.
constexpr Duration saturating_difference(Timestamp later, Timestamp earlier) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(count_us(later), count_us(earlier), &difference)) {
    return Duration(difference);
  }
  return later < earlier ? Duration::min() : Duration::max();
}

}  // namespace weir
