#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/units.hpp"

namespace weir {

/// How a time is written in a payload or in a recorded file.
enum class TimeFormat { seconds, milliseconds, microseconds, nanoseconds, rfc3339 };

/// "s", "ms", "us", "ns", "rfc3339"; nothing for any other word.
std::optional<TimeFormat> time_format(std::string_view word);

// A time from a number since 1970 (UTC) or a text. Integers do not pass through a double;
// nanoseconds are cut to microseconds. A decimal is rounded to the nearest microsecond, which gives
// back what was written for times up to the year 2106. A text may hold a number, with blanks around
// it. Nothing comes back for what is not in the given format or outside the years 1 to 9999.
std::optional<Timestamp> time_from(std::int64_t number, TimeFormat format);
std::optional<Timestamp> time_from(double number, TimeFormat format);
std::optional<Timestamp> time_from(std::string_view text, TimeFormat format, Duration zone);

/// An offset from UTC: "Z", "+01:00", "-09:30"; at most 23:59.
std::optional<Duration> parse_zone(std::string_view text);

/// A number read from a text.
struct TextNumber {
  enum class Outcome { number, not_numeric, not_finite } outcome = Outcome::not_numeric;
  double value = 0;   ///< finite
  bool exact = true;  ///< false: an integer that no double holds, rounded to the nearest
};

/// Takes the whole text, save blanks around it: "100.00", " -3 ", "1e3". Never looks at the locale.
TextNumber read_number(std::string_view text);

/// Whether a double holds this integer without rounding.
bool fits_double(std::uint64_t magnitude);
bool fits_double(std::int64_t number);

}  // namespace weir
