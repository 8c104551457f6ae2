#include "operators/calendar.hpp"
#include "operators/saturate.hpp"

#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* places[] = {"Europe/Berlin", "America/Santiago",    "Asia/Kathmandu",
                                  "Pacific/Apia",  "Australia/Lord_Howe", "Africa/Casablanca"};

}  // namespace

TEST_CASE("every time is in one window of the calendar, and windows stand side by side") {
  Seeded seeded(1);
  for (const char* place : places) {
    const auto zone = load_time_zone(place);
    REQUIRE(zone);
    for (const auto every : {Calendar::Every::day, Calendar::Every::week, Calendar::Every::month}) {
      const Calendar calendar(every, *zone, Duration(seeded.between(-86'400, 86'400)) * 1'000'000);
      for (int i = 0; i < 300; ++i) {
        const Timestamp time =
            timestamp_us(seeded.between(-2'000'000'000, 4'000'000'000) * 1'000'000);
        const Window window = calendar.at(time);
        CAPTURE(place, count_us(time));
        REQUIRE(window.start <= time);
        REQUIRE(time < window.end);
        REQUIRE(calendar.at(window.start) == window);
        REQUIRE(calendar.at(window.end - Duration(1)) == window);
        REQUIRE(calendar.at(window.end).start == window.end);
      }
    }
  }
}

TEST_CASE("days at the changes of clocks have 23, 25 and, on Lord Howe, 23.5 hours") {
  const auto length = [](const char* place, const char* time) {
    const Calendar days(Calendar::Every::day, load_time_zone(place).value(), Duration(0));
    const Window day = days.at(parse_time(time, Duration(0)).value());
    return day.end - day.start;
  };
  CHECK(length("Europe/Berlin", "2024-03-31T12:00:00Z") == 23h);
  CHECK(length("Europe/Berlin", "2024-10-27T12:00:00Z") == 25h);
  CHECK(length("Europe/Berlin", "2024-06-01T12:00:00Z") == 24h);
  CHECK(length("Australia/Lord_Howe", "2024-10-06T00:00:00Z") == 23h + 30min);
}

TEST_CASE("times beyond the calendar are in a window, too") {
  const Calendar months(Calendar::Every::month, TimeZone::utc(), Duration(0));
  for (const Timestamp time : {time_begin, time_begin + Duration(1), time_end - Duration(1)}) {
    const Window window = months.at(time);
    CHECK(window.start <= time);
    CHECK(time < window.end);
  }
}
