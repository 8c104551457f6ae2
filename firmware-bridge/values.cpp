#include "firmware-bridge/values.hpp"

#include <bit>
#include <charconv>
#include <cmath>

namespace weir {
namespace {

constexpr std::int64_t first_us = -62'135'596'800'000'000;  // 0001-01-01T00:00:00Z
constexpr std::int64_t last_us = 253'402'300'799'999'999;   // 9999-12-31T23:59:59.999999Z

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

template <class T>
std::errc parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::errc::invalid_argument;
  return error;
}

std::optional<Timestamp> in_range(std::int64_t us) {
  if (us < first_us || us > last_us) return std::nullopt;
  return timestamp_us(us);
}

std::optional<Timestamp> scaled(std::int64_t number, std::int64_t us_per_unit) {
  if (number < first_us / us_per_unit || number > last_us / us_per_unit) return std::nullopt;
  return timestamp_us(number * us_per_unit);
}

std::optional<int> two_digits(std::string_view text, int max) {
  int value = 0;
  if (text.size() != 2 || text[0] < '0' || text[0] > '9') return std::nullopt;
  if (parse_whole(text, value) != std::errc() || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::optional<TimeFormat> time_format(std::string_view word) {
  if (word == "s") return TimeFormat::seconds;
  if (word == "ms") return TimeFormat::milliseconds;
  if (word == "us") return TimeFormat::microseconds;
  if (word == "ns") return TimeFormat::nanoseconds;
  if (word == "rfc3339") return TimeFormat::rfc3339;
  return std::nullopt;
}

std::optional<Timestamp> time_from(std::int64_t number, TimeFormat format) {
  switch (format) {
    case TimeFormat::seconds:
      return scaled(number, 1'000'000);
    case TimeFormat::milliseconds:
      return scaled(number, 1'000);
    case TimeFormat::microseconds:
      return in_range(number);
    case TimeFormat::nanoseconds:
      return in_range(number / 1'000 - (number % 1'000 < 0 ? 1 : 0));
    case TimeFormat::rfc3339:
      break;
  }
  return std::nullopt;
}

std::optional<Timestamp> time_from(double number, TimeFormat format) {
  double us = number;
  switch (format) {
    case TimeFormat::seconds:
      us = number * 1e6;
      break;
    case TimeFormat::milliseconds:
      us = number * 1e3;
      break;
    case TimeFormat::microseconds:
      break;
    case TimeFormat::nanoseconds:
      us = number / 1e3;
      break;
    case TimeFormat::rfc3339:
      return std::nullopt;
  }
  // Written so that NaN is out of range; the bounds keep llround's result representable.
  if (!(us >= -1e17 && us <= 1e18)) return std::nullopt;
  return in_range(std::llround(us));
}

std::optional<Timestamp> time_from(std::string_view text, TimeFormat format, Duration zone) {
  if (format == TimeFormat::rfc3339) {
    const Result<Timestamp> time = parse_time(trim(text), zone);
    return time ? std::optional(*time) : std::nullopt;
  }
  text = trim(text);
  std::int64_t integer = 0;
  if (parse_whole(text, integer) == std::errc()) return time_from(integer, format);
  double decimal = 0;
  if (parse_whole(text, decimal) == std::errc()) return time_from(decimal, format);
  return std::nullopt;
}

std::optional<Duration> parse_zone(std::string_view text) {
  if (text == "Z" || text == "z") return Duration(0);
  if (text.size() != 6 || text[3] != ':') return std::nullopt;
  const std::optional<int> hours = two_digits(text.substr(1, 2), 23);
  const std::optional<int> minutes = two_digits(text.substr(4, 2), 59);
  if (!hours || !minutes || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const Duration offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return text[0] == '-' ? -offset : offset;
}

TextNumber read_number(std::string_view text) {
  using Outcome = TextNumber::Outcome;
  text = trim(text);
  std::int64_t integer = 0;
  if (parse_whole(text, integer) == std::errc())
    return {Outcome::number, static_cast<double>(integer), fits_double(integer)};
  std::uint64_t large = 0;
  if (parse_whole(text, large) == std::errc())
    return {Outcome::number, static_cast<double>(large), fits_double(large)};
  double value = 0;
  const std::errc error = parse_whole(text, value);
  if (error == std::errc::invalid_argument) return {};
  if (error != std::errc() || !std::isfinite(value)) return {Outcome::not_finite, 0, true};
  const bool integral = text.find_first_of(".eE") == std::string_view::npos;
  return {Outcome::number, value, !integral};
}

bool fits_double(std::uint64_t magnitude) {
  if (magnitude == 0) return true;
  constexpr int mantissa_bits = 53;
  return (magnitude >> std::countr_zero(magnitude)) >> mantissa_bits == 0;
}

bool fits_double(std::int64_t number) {
  // The negation in unsigned numbers is defined for the lowest one too.
  const auto bits = static_cast<std::uint64_t>(number);
  return fits_double(number < 0 ? 0 - bits : bits);
}

}  // namespace weir
