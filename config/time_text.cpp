#include <algorithm>

#include "config/units.hpp"

namespace weir {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr Timestamp earliest = sys_days(std::chrono::year(1) / 1 / 1);
constexpr Timestamp latest = Timestamp(sys_days(std::chrono::year(10'000) / 1 / 1)) - Duration(1);

/// The decimal number of `n` digits at `at`, or -1.
int digits_at(std::string_view text, std::size_t at, std::size_t n) {
  int value = 0;
  for (std::size_t i = at; i < at + n; ++i) {
    const unsigned digit = static_cast<unsigned char>(text[i]) - unsigned{'0'};
    if (digit > 9) return -1;
    value = value * 10 + static_cast<int>(digit);
  }
  return value;
}

/// Writes `n` digits of `value`, zeros in front.
void put_digits(char* out, std::size_t n, std::int64_t value) {
  for (std::size_t i = n; i > 0; --i, value /= 10) out[i - 1] = static_cast<char>('0' + value % 10);
}

tl::unexpected<Error> bad_form() {
  return fail(ErrorKind::invalid,
              "a time is written as in RFC 3339, \"2026-03-01T12:00:00.250Z\" or with an offset "
              "as \"+01:00\"");
}

Result<Duration> parse_offset(std::string_view text) {
  if (text.size() == 1 && (text[0] == 'Z' || text[0] == 'z')) return Duration(0);
  const bool fits = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
  if (!fits) return bad_form();
  const int hours = digits_at(text, 1, 2), minutes = digits_at(text, 4, 2);
  if (hours < 0 || minutes < 0) return bad_form();
  if (hours > 23 || minutes > 59)
    return fail(ErrorKind::invalid, "the offset from UTC is beyond 23:59");
  const Duration offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return text[0] == '-' ? -offset : offset;
}

/// Takes ".123456789" off the front, if it is there; digits behind the sixth are cut off.
Result<Duration> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return Duration(0);
  std::int64_t microseconds = 0;
  std::size_t n = 1;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n)
    if (n <= 6) microseconds = microseconds * 10 + (text[n] - '0');
  if (n < 2 || n > 10)
    return fail(ErrorKind::invalid, "a time has 1 to 9 digits behind the point of the second");
  for (std::size_t i = n; i <= 6; ++i) microseconds *= 10;
  text.remove_prefix(n);
  return Duration(microseconds);
}

}  // namespace

std::string format_time(Timestamp time) {
  time = std::clamp(time, earliest, latest);
  const sys_days day = std::chrono::floor<days>(time);
  const year_month_day date(day);
  std::int64_t rest = (time - Timestamp(day)).count();
  const std::int64_t microseconds = rest % 1'000'000;
  rest /= 1'000'000;

  char text[] = "0000-00-00T00:00:00.000000Z";
  put_digits(text, 4, static_cast<int>(date.year()));
  put_digits(text + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text + 11, 2, rest / 3600);
  put_digits(text + 14, 2, rest / 60 % 60);
  put_digits(text + 17, 2, rest % 60);
  put_digits(text + 20, 6, microseconds);
  std::size_t length = 26;
  if (microseconds % 1000 == 0) length = microseconds == 0 ? 19 : 23;
  text[length] = 'Z';
  return {text, length + 1};
}

Result<Timestamp> parse_time(std::string_view text, Duration zone) {
  constexpr std::size_t seconds_end = 19;  // "2026-03-01T12:00:00"
  if (text.size() < seconds_end) return bad_form();
  const bool separated = text[4] == '-' && text[7] == '-' &&
                         (text[10] == 'T' || text[10] == 't' || text[10] == ' ') &&
                         text[13] == ':' && text[16] == ':';
  const int year = digits_at(text, 0, 4), month = digits_at(text, 5, 2),
            day = digits_at(text, 8, 2), hour = digits_at(text, 11, 2),
            minute = digits_at(text, 14, 2), second = digits_at(text, 17, 2);
  if (!separated || (year | month | day | hour | minute | second) < 0) return bad_form();

  const year_month_day date{std::chrono::year{year}, std::chrono::month{unsigned(month)},
                            std::chrono::day{unsigned(day)}};
  if (year == 0) return fail(ErrorKind::invalid, "the year 0 is outside 1 to 9999");
  if (!date.ok()) return fail(ErrorKind::invalid, "there is no such day in the calendar");
  if (second == 60)
    return fail(ErrorKind::invalid, "the leap second :60 has no place in UTC microseconds");
  if (hour > 23 || minute > 59 || second > 59)
    return fail(ErrorKind::invalid, "there is no such time of day");

  text.remove_prefix(seconds_end);
  const Result<Duration> fraction = take_fraction(text);
  if (!fraction) return fail(fraction.error());
  const Result<Duration> offset = text.empty() ? Result<Duration>(zone) : parse_offset(text);
  if (!offset) return fail(offset.error());
  const Timestamp time = Timestamp(sys_days(date)) + std::chrono::hours(hour) +
                         std::chrono::minutes(minute) + std::chrono::seconds(second) + *fraction -
                         *offset;
  if (time < earliest || time > latest)
    return fail(ErrorKind::invalid, "the year in UTC is outside 1 to 9999");
  return time;
}

}  // namespace weir
