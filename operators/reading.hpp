#pragma once

#include <cstdint>
#include <vector>

#include "config/units.hpp"

namespace weir {

/// Interned identities; each is an index into SeriesTable, valid for as long as the table lives.
enum class SourceId : std::uint32_t {};
enum class DeviceId : std::uint32_t {};
enum class MetricId : std::uint32_t {};
enum class SeriesId : std::uint32_t {};

template <class Id>
constexpr std::uint32_t index(Id id) {
  return static_cast<std::uint32_t>(id);
}

/// What is known against a reading's time or value; a set of bits, none = good. Stored: never
/// renumber.
enum class Quality : std::uint8_t {
  good = 0,
  arrival_time = 1,    ///< the device gave no time, arrival stands in
  clock_unsynced = 2,  ///< arrival time, from a clock that was not synchronised
  historical = 4,      ///< a retained message: true once, perhaps not now
  inexact = 8,         ///< an integer beyond 2^53, rounded to the nearest double
};

constexpr Quality operator|(Quality a, Quality b) {
  return static_cast<Quality>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Quality& operator|=(Quality& a, Quality b) {
  return a = a | b;
}
constexpr bool has(Quality set, Quality bit) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(bit)) != 0;
}

/// The one element that flows: a finite number of one series at one time.
struct Reading {
  Timestamp time{};  ///< event time
  double value = 0;  ///< in the unit of its series; never NaN or infinite
  SeriesId series{};
  Quality quality = Quality::good;
};

/// [start, end)
struct Window {
  Timestamp start{}, end{};
  friend bool operator==(const Window&, const Window&) = default;
};

/// The gateway's own time at one instant, journaled with every batch so that operators need no
/// clock.
struct Moment {
  Timestamp wall{};          ///< the wall clock, right or wrong
  Duration elapsed{0};       ///< monotonic, never goes back, continued over restarts
  bool synchronised = true;  ///< whether the system calls its clock synchronised
};

}  // namespace weir
