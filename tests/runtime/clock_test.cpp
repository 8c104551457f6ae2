#include "runtime/clock.hpp"

#include <sys/timex.h>

#include "runtime/process_usage.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("the system clock tells the wall time") {
  const auto before = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  const Moment now = SystemClock().now();
  const auto after = std::chrono::ceil<Duration>(std::chrono::system_clock::now());
  CHECK(now.wall >= before);
  CHECK(now.wall <= after);
}

TEST_CASE("elapsed time never goes back") {
  const SystemClock clock;
  Duration last = clock.now().elapsed;
  CHECK(last > Duration(0));
  for (int i = 0; i < 1000; ++i) {
    const Duration next = clock.now().elapsed;
    REQUIRE(next >= last);
    last = next;
  }
}

TEST_CASE("the clock is called synchronised exactly if the kernel says so") {
  timex query{};
  const int state = adjtimex(&query);
  const bool expected = state >= 0 && state != TIME_ERROR && (query.status & STA_UNSYNC) == 0;
  CHECK(SystemClock().now().synchronised == expected);
}

TEST_CASE("the kernel tells what the process takes") {
  const ProcessUsage usage = process_usage();
  REQUIRE(usage.resident);
  CHECK(count(*usage.resident) > 1'000'000);
  REQUIRE(usage.open_files);
  CHECK(*usage.open_files >= 3);
  CHECK(usage.cpu > Duration(0));
}
