#include "config/units.hpp"

#include <array>
#include <limits>
#include <optional>

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::array<Unit, 7> duration_units{{{"w", 7 * 86'400'000'000ULL},
                                              {"d", 86'400'000'000ULL},
                                              {"h", 3'600'000'000ULL},
                                              {"m", 60'000'000ULL},
                                              {"s", 1'000'000ULL},
                                              {"ms", 1'000ULL},
                                              {"us", 1ULL}}};
constexpr std::size_t week = 0;
constexpr std::uint64_t duration_max_us = 36'525 * 86'400'000'000ULL;  // 100 years of 365.25 days

constexpr std::array<Unit, 9> size_units{{{"TiB", 1ULL << 40},
                                          {"GiB", 1ULL << 30},
                                          {"MiB", 1ULL << 20},
                                          {"KiB", 1ULL << 10},
                                          {"TB", 1'000'000'000'000ULL},
                                          {"GB", 1'000'000'000ULL},
                                          {"MB", 1'000'000ULL},
                                          {"kB", 1'000ULL},
                                          {"B", 1ULL}}};
constexpr std::uint64_t size_max = 1ULL << 63;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  const std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

/// A decimal number as it is written; nothing is rounded before its unit is known.
struct Decimal {
  std::string_view whole, fraction;
};

std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number{take_digits(text), {}};
  if (number.whole.empty()) return std::nullopt;
  if (!text.starts_with('.')) return number;
  text.remove_prefix(1);
  number.fraction = take_digits(text);
  if (number.fraction.empty()) return std::nullopt;
  return number;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && text[n] != '.' && !is_digit(text[n])) ++n;
  const std::string_view letters = text.substr(0, n);
  text.remove_prefix(n);
  return letters;
}

template <std::size_t N>
std::size_t find_unit(const std::array<Unit, N>& units, std::string_view name) {
  std::size_t i = 0;
  while (i < N && units[i].name != name) ++i;
  return i;
}

struct Scaled {
  std::uint64_t value = 0;
  bool exact = true;  ///< false: what is below one was cut off
};

/// number * unit, cut to a whole number; nothing if that is above `max`.
std::optional<Scaled> scale(const Decimal& number, std::uint64_t unit, std::uint64_t max) {
  Scaled result;
  const std::uint64_t whole_max = max / unit;
  for (const char c : number.whole) {
    if (result.value > whole_max / 10) return std::nullopt;
    result.value = result.value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (result.value > whole_max) return std::nullopt;
  result.value *= unit;
  // From the last digit to the first: floor((d * unit + floor(rest)) / 10) loses nothing.
  std::uint64_t part = 0;
  for (std::size_t i = number.fraction.size(); i > 0; --i) {
    part += static_cast<std::uint64_t>(number.fraction[i - 1] - '0') * unit;
    result.exact = result.exact && part % 10 == 0;
    part /= 10;
  }
  result.value += part;
  if (result.value > max) return std::nullopt;
  return result;
}

tl::unexpected<Error> bad_duration() {
  return fail(ErrorKind::invalid,
              "a duration is a number directly before each unit of w, d, h, m, s, ms, us, the "
              "largest unit first, as \"250ms\" or \"1h30m\"");
}

tl::unexpected<Error> bad_size() {
  return fail(ErrorKind::invalid,
              "a size is a number directly before one unit of B, kB, MB, GB, TB, KiB, MiB, GiB, "
              "TiB, as \"64MiB\"");
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  if (text.starts_with('-')) return fail(ErrorKind::invalid, "a duration can't be negative");
  if (text.empty()) return bad_duration();
  std::uint64_t total = 0;
  std::size_t next_unit = 0;
  while (!text.empty()) {
    const std::optional<Decimal> number = take_decimal(text);
    if (!number) return bad_duration();
    const std::string_view name = take_letters(text);
    if (name.empty() && text.empty())
      return fail(ErrorKind::invalid, "a duration needs a unit: \"30s\", \"5m\", \"2h\"");
    const std::size_t unit = find_unit(duration_units, name);
    if (unit < next_unit || unit == duration_units.size()) return bad_duration();
    next_unit = unit + 1;
    const auto part = scale(*number, duration_units[unit].size, duration_max_us - total);
    if (!part) return fail(ErrorKind::invalid, "a duration can't be longer than 100 years");
    if (!part->exact)
      return fail(ErrorKind::invalid, "a duration can't be finer than a microsecond");
    total += part->value;
  }
  return Duration(static_cast<std::int64_t>(total));
}

std::string format_duration(Duration duration) {
  if (duration.count() == 0) return "0s";
  std::string text;
  auto rest = static_cast<std::uint64_t>(duration.count());
  if (duration.count() < 0) {
    text = "-";
    rest = ~rest + 1;
  }
  for (std::size_t i = week + 1; i < duration_units.size(); ++i) {
    const auto& [name, size] = duration_units[i];
    if (rest < size) continue;
    text += std::to_string(rest / size);
    text += name;
    rest %= size;
  }
  return text;
}

Result<Bytes> parse_bytes(std::string_view text) {
  if (text.starts_with('-')) return fail(ErrorKind::invalid, "a size can't be negative");
  const std::optional<Decimal> number = take_decimal(text);
  if (!number) return bad_size();
  const std::size_t unit = find_unit(size_units, text.empty() ? "B" : text);
  if (unit == size_units.size()) return bad_size();
  if (size_units[unit].size == 1 && !number->fraction.empty())
    return fail(ErrorKind::invalid, "a size can't be finer than a byte");
  const auto size = scale(*number, size_units[unit].size, size_max);
  if (!size) return fail(ErrorKind::invalid, "a size can't be above 2^63 bytes");
  return Bytes{size->value};
}

std::string format_bytes(Bytes bytes) {
  const std::uint64_t n = count(bytes);
  for (const auto& [name, size] : size_units) {
    const bool binary = name.size() == 3;
    if (binary && n != 0 && n % size == 0) return std::to_string(n / size) + std::string(name);
  }
  return std::to_string(n) + "B";
}

}  // namespace weir
