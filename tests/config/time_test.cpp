#include "config/units.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

/// Microseconds since the epoch, or the message.
std::string read(std::string_view text, Duration zone = 0s) {
  const auto time = parse_time(text, zone);
  return time ? std::to_string(count_us(*time)) : time.error().message;
}

const std::string form =
    "a time is written as in RFC 3339, \"2026-03-01T12:00:00.250Z\" or with an offset as "
    "\"+01:00\"";
const std::string calendar = "there is no such day in the calendar";
const std::string clock_face = "there is no such time of day";

}  // namespace

TEST_CASE("RFC 3339 is read in all its forms") {
  CHECK(read("1970-01-01T00:00:00Z") == "0");
  CHECK(read("2026-03-01T12:00:00.250Z") == "1772366400250000");
  CHECK(read("2026-03-01t12:00:00.250z") == "1772366400250000");
  CHECK(read("2026-03-01 12:00:00Z") == "1772366400000000");
  CHECK(read("2026-03-01T13:00:00+01:00") == "1772366400000000");
  CHECK(read("2026-03-01T06:30:00-05:30") == "1772366400000000");
  CHECK(read("2026-03-01T12:00:00-00:00") == "1772366400000000");
  CHECK(read("1969-12-31T23:59:59.999999Z") == "-1");
  CHECK(read("1900-01-01T00:00:00Z") == "-2208988800000000");
}

TEST_CASE("digits behind the sixth are cut, and ten are refused") {
  CHECK(read("1970-01-01T00:00:00.1Z") == "100000");
  CHECK(read("1970-01-01T00:00:00.123456Z") == "123456");
  CHECK(read("1970-01-01T00:00:00.123456999Z") == "123456");
  CHECK(read("1970-01-01T00:00:00.000000001Z") == "0");
  const std::string digits = "a time has 1 to 9 digits behind the point of the second";
  CHECK(read("1970-01-01T00:00:00.1234567890Z") == digits);
  CHECK(read("1970-01-01T00:00:00.Z") == digits);
}

TEST_CASE("without an offset the given zone is used, and only then") {
  CHECK(read("1970-01-01T01:00:00", 1h) == "0");
  CHECK(read("1970-01-01T01:00:00.5", 1h) == "500000");
  CHECK(read("1970-01-01T00:00:00Z", 1h) == "0");
  CHECK(read("1970-01-01T00:00:00", -90min) == "5400000000");
}

TEST_CASE("a day that is not in the calendar is refused") {
  CHECK(read("2024-02-29T00:00:00Z") == "1709164800000000");
  CHECK(read("2000-02-29T00:00:00Z") == "951782400000000");
  for (const char* day : {"2023-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-01",
                          "2026-01-00", "2026-01-32", "2026-99-99"}) {
    INFO(day);
    CHECK(read(std::string(day) + "T00:00:00Z") == calendar);
  }
}

TEST_CASE("a time that is not on the clock is refused, a leap second with its name") {
  CHECK(read("2016-12-31T23:59:60Z") == "the leap second :60 has no place in UTC microseconds");
  CHECK(read("2016-12-31T24:00:00Z") == clock_face);
  CHECK(read("2016-12-31T23:60:00Z") == clock_face);
  CHECK(read("2016-12-31T23:59:61Z") == clock_face);
  CHECK(read("2016-12-31T00:00:00+24:00") == "the offset from UTC is beyond 23:59");
  CHECK(read("2016-12-31T00:00:00+00:60") == "the offset from UTC is beyond 23:59");
}

TEST_CASE("years reach from 1 to 9999, in UTC too") {
  CHECK(read("0001-01-01T00:00:00Z") == "-62135596800000000");
  CHECK(read("9999-12-31T23:59:59.999999Z") == "253402300799999999");
  CHECK(read("0000-12-31T00:00:00Z") == "the year 0 is outside 1 to 9999");
  CHECK(read("0001-01-01T00:00:00+00:01") == "the year in UTC is outside 1 to 9999");
  CHECK(read("9999-12-31T23:59:59-00:01") == "the year in UTC is outside 1 to 9999");
}

TEST_CASE("what is not RFC 3339 is refused with its form") {
  for (const char* text : {"",
                           "2026-03-01",
                           "2026-03-01T",
                           "2026-03-01T12:00",
                           "2026-03-01T12:00Z",
                           "20260301T120000Z",
                           "2026-3-1T12:00:00Z",
                           "2026/03/01T12:00:00Z",
                           "2026-03-01_12:00:00Z",
                           "2026-03-01T12.00.00Z",
                           "+026-03-01T12:00:00Z",
                           "-001-03-01T12:00:00Z",
                           "2026-03-01T12:00:00X",
                           "2026-03-01T12:00:00Z ",
                           " 2026-03-01T12:00:00Z",
                           "2026-03-01T12:00:00+1:00",
                           "2026-03-01T12:00:00+0100",
                           "2026-03-01T12:00:00+01",
                           "2026-03-01T12:00:00+01:0a",
                           "2026-03-01T12:00:00ZZ",
                           "2026-03-01T1a:00:00Z",
                           "2026-03-01T12:00:00,5Z",
                           "1772366400",
                           "2026-03-01T12:00:0\xff",
                           "\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-03-01T12:00:00Z",
                           "2026-03-01T12:00:-1Z",
                           "today at noon, or so"}) {
    INFO(text);
    CHECK(read(text) == form);
  }
  CHECK(read(std::string_view("2026-03-01T12:00:00\0", 20)) == form);
}

TEST_CASE("a time is written with as many digits as it needs") {
  CHECK(format_time(timestamp_us(0)) == "1970-01-01T00:00:00Z");
  CHECK(format_time(timestamp_us(1'772'366'400'250'000)) == "2026-03-01T12:00:00.250Z");
  CHECK(format_time(timestamp_us(1)) == "1970-01-01T00:00:00.000001Z");
  CHECK(format_time(timestamp_us(-1)) == "1969-12-31T23:59:59.999999Z");
  CHECK(format_time(timestamp_us(951'782'400'000'000)) == "2000-02-29T00:00:00Z");
}

TEST_CASE("a time beyond the years 1 to 9999 is written as the nearest within") {
  CHECK(format_time(Timestamp::min()) == "0001-01-01T00:00:00Z");
  CHECK(format_time(Timestamp::max()) == "9999-12-31T23:59:59.999999Z");
}

TEST_CASE("every time that is written is read back as the same") {
  constexpr std::int64_t first = -62'135'596'800'000'000, span = 315'537'897'600'000'000;
  std::uint64_t seed = 7;
  for (int i = 0; i < 50'000; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    std::int64_t us = first + static_cast<std::int64_t>((seed >> 1) % std::uint64_t{span});
    if (i % 3 == 1) us -= us % 1000;
    if (i % 3 == 2) us -= us % 1'000'000;
    INFO(us);
    REQUIRE(read(format_time(timestamp_us(us))) == std::to_string(us));
  }
}

TEST_CASE("days follow one another through every leap year rule") {
  // 146 097 days make the 400 years after which the calendar repeats.
  std::string before = format_time(timestamp_us(-11'676'096'000'000'000));
  CHECK(before == "1600-01-01T00:00:00Z");
  for (std::int64_t day = 1; day <= 146'097; ++day) {
    const std::string now =
        format_time(timestamp_us(-11'676'096'000'000'000 + day * 86'400'000'000));
    REQUIRE(before < now);
    before = now;
  }
  CHECK(before == "2000-01-01T00:00:00Z");
}
