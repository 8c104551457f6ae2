#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/result.hpp"

namespace weir {

/// Microseconds, 64 bits on every machine.
using Duration = std::chrono::duration<std::int64_t, std::micro>;

/// A point in UTC, microseconds since 1970-01-01T00:00:00Z.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// For a person, a score or a metric; exact to a microsecond within 285 years.
constexpr double as_seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

/// A number of bytes; a type of its own so that it is never taken for a count.
enum class Bytes : std::uint64_t {};

constexpr std::uint64_t count(Bytes bytes) {
  return static_cast<std::uint64_t>(bytes);
}

constexpr Timestamp timestamp_us(std::int64_t microseconds) {
  return Timestamp(Duration(microseconds));
}
constexpr std::int64_t count_us(Timestamp time) {
  return time.time_since_epoch().count();
}

/// Reads "250ms", "1h30m", "2d": a whole or decimal number directly before each unit of
/// us, ms, s, m, h, d, w, the largest first. A bare number is refused, save "0".
/// # Errors
/// `invalid`: not in that form, negative, finer than a microsecond, or above 100 years. The message
/// never quotes the text.
Result<Duration> parse_duration(std::string_view text);

/// Whole numbers of d, h, m, s, ms and us, without those that are zero; parse_duration reads it
/// back: "1h30m", "250ms", "7d", "0s".
std::string format_duration(Duration duration);

/// Reads "64MiB", "1.5GB", "512": B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (of 1024);
/// what is less than a byte of "0.1KiB" is cut off.
/// # Errors
/// `invalid`: not in that form, negative, or above 2^63 bytes. The message never quotes the text.
Result<Bytes> parse_bytes(std::string_view text);

/// A whole number of the largest unit of B, KiB, MiB, GiB, TiB that is exact; parse_bytes reads it
/// back: "256MiB", "1000B".
std::string format_bytes(Bytes bytes);

/// RFC 3339 in UTC, with as many digits behind the second as are needed (0, 3 or 6):
/// "2026-03-01T12:00:00.250Z". A time outside the years 1 to 9999 is written as the nearest inside.
std::string format_time(Timestamp time);

/// Reads RFC 3339, `T` or a blank between date and time, up to 9 digits behind the second (cut to
/// microseconds), `Z` or an offset. Without one, `zone` (an offset from UTC) is used.
/// # Errors
/// `invalid`: not in that form, no such day or time (a leap second :60 neither), a year outside 1
/// to 9999, also in UTC. The message never quotes the text.
Result<Timestamp> parse_time(std::string_view text, Duration zone = Duration(0));

}  // namespace weir
