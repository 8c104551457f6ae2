#include "firmware-bridge/values.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

constexpr std::int64_t two_to_53 = 9'007'199'254'740'992;

std::string text(const std::optional<Timestamp>& time) {
  return time ? format_time(*time) : "none";
}

}  // namespace

TEST_CASE("times that are integers keep every digit a microsecond holds") {
  CHECK(text(time_from(std::int64_t{1541152486}, TimeFormat::seconds)) == "2018-11-02T09:54:46Z");
  CHECK(count_us(*time_from(std::int64_t{1541152486013}, TimeFormat::milliseconds)) ==
        1541152486013000);
  CHECK(count_us(*time_from(two_to_53 + 1, TimeFormat::microseconds)) == two_to_53 + 1);
  CHECK(count_us(*time_from(std::int64_t{1541152486013014999}, TimeFormat::nanoseconds)) ==
        1541152486013014);
  CHECK(count_us(*time_from(std::int64_t{-1}, TimeFormat::nanoseconds)) == -1);
  CHECK(count_us(*time_from(std::int64_t{-1000}, TimeFormat::nanoseconds)) == -1);
}

TEST_CASE("times that are decimals give back what was written, to the microsecond") {
  CHECK(count_us(*time_from(1788945292.88, TimeFormat::seconds)) == 1788945292880000);
  CHECK(count_us(*time_from(1643540082.66, TimeFormat::seconds)) == 1643540082660000);
  CHECK(count_us(*time_from(1643540082660.25, TimeFormat::milliseconds)) == 1643540082660250);
  CHECK(count_us(*time_from(-0.5, TimeFormat::seconds)) == -500000);
  // Every microsecond of a second, near the end of the range for which it is promised.
  for (std::int64_t us = 0; us < 1'000'000; us += 7) {
    const std::string written = "4294967295." + std::to_string(1'000'000 + us).substr(1);
    REQUIRE(count_us(*time_from(written, TimeFormat::seconds, Duration(0))) ==
            4'294'967'295'000'000 + us);
  }
}

TEST_CASE("times outside the years 1 to 9999 are none") {
  CHECK(text(time_from(std::int64_t{253402300799}, TimeFormat::seconds)) == "9999-12-31T23:59:59Z");
  CHECK_FALSE(time_from(std::int64_t{253402300800}, TimeFormat::seconds));
  CHECK(text(time_from(std::int64_t{-62135596800}, TimeFormat::seconds)) == "0001-01-01T00:00:00Z");
  CHECK_FALSE(time_from(std::int64_t{-62135596801}, TimeFormat::seconds));
  for (const TimeFormat format : {TimeFormat::seconds, TimeFormat::milliseconds,
                                  TimeFormat::microseconds, TimeFormat::rfc3339}) {
    CHECK_FALSE(time_from(INT64_MAX, format));
    CHECK_FALSE(time_from(INT64_MIN, format));
  }
  for (const double wrong : {1e300, -1e300, std::nan(""), HUGE_VAL})
    CHECK_FALSE(time_from(wrong, TimeFormat::seconds));
  CHECK_FALSE(time_from(std::int64_t{1}, TimeFormat::rfc3339));
  CHECK_FALSE(time_from(1.0, TimeFormat::rfc3339));
}

TEST_CASE("times that are texts hold a number or RFC 3339, as the format says") {
  const Duration berlin = std::chrono::hours(1);
  CHECK(text(time_from(" 1555745371410 ", TimeFormat::milliseconds, berlin)) ==
        "2019-04-20T07:29:31.410Z");
  CHECK(count_us(*time_from("1788945292.88", TimeFormat::seconds, berlin)) == 1788945292880000);
  CHECK(text(time_from("2018-05-22T02:01:29", TimeFormat::rfc3339, berlin)) ==
        "2018-05-22T01:01:29Z");
  CHECK(text(time_from("2020-02-26T20:44:09+02:00", TimeFormat::rfc3339, berlin)) ==
        "2020-02-26T18:44:09Z");
  CHECK(text(time_from("", TimeFormat::rfc3339, berlin)) == "none");
  CHECK(text(time_from("soon", TimeFormat::seconds, berlin)) == "none");
  CHECK(text(time_from("12 s", TimeFormat::seconds, berlin)) == "none");
  CHECK(text(time_from("nan", TimeFormat::seconds, berlin)) == "none");
  CHECK(text(time_from("2020-02-30T00:00:00Z", TimeFormat::rfc3339, berlin)) == "none");
}

TEST_CASE("a zone is Z or an offset with hours and minutes") {
  CHECK(*parse_zone("Z") == Duration(0));
  CHECK(*parse_zone("+01:30") == std::chrono::minutes(90));
  CHECK(*parse_zone("-09:00") == -std::chrono::hours(9));
  for (const char* wrong : {"", "01:00", "+1:00", "+24:00", "+00:60", "+01.00", "+0100", "+-1:00",
                            "Europe/Berlin", "+01:0x"})
    CHECK_FALSE(parse_zone(wrong));
}

TEST_CASE("a number in a text is the whole text, without a locale") {
  using Outcome = TextNumber::Outcome;
  CHECK(read_number("100.00").value == 100.0);
  CHECK(read_number(" -3\t").value == -3.0);
  CHECK(read_number("1e3").value == 1000.0);
  CHECK(read_number(".5").value == 0.5);
  for (const char* wrong : {"", " ", "1,5", "1 2", "0x10", "12a", "+5", "--1", "1e", "\xff"})
    CHECK(read_number(wrong).outcome == Outcome::not_numeric);
  for (const char* wrong : {"nan", "inf", "-Infinity", "1e999", "-1e999"})
    CHECK(read_number(wrong).outcome == Outcome::not_finite);
}

TEST_CASE("an integer is exact if a double holds it") {
  CHECK(fits_double(std::int64_t{0}));
  CHECK(fits_double(two_to_53 - 1));
  CHECK(fits_double(two_to_53));
  CHECK_FALSE(fits_double(two_to_53 + 1));
  CHECK(fits_double(two_to_53 + 2));
  CHECK_FALSE(fits_double(-two_to_53 - 1));
  CHECK(fits_double(INT64_MIN));
  CHECK_FALSE(fits_double(INT64_MAX));
  CHECK_FALSE(fits_double(UINT64_MAX));
  CHECK(read_number("9007199254740992").exact);
  CHECK_FALSE(read_number("9007199254740993").exact);
  CHECK_FALSE(read_number("18446744073709551615").exact);
  CHECK_FALSE(read_number("123456789012345678901234567890").exact);
}
