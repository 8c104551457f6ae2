#include <sys/timex.h>
#include <unistd.h>

#include <ctime>

#include "runtime/clock.hpp"

namespace weir {
namespace {

Duration read_clock(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::chrono::seconds(time.tv_sec) +
         std::chrono::floor<Duration>(std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

// Asks without changing anything, which needs no privilege.
bool SystemClock::synchronised() const {
  timex query{};
  const int state = adjtimex(&query);
  if (state < 0) return access(mark_.c_str(), F_OK) == 0;
  return state != TIME_ERROR && (query.status & STA_UNSYNC) == 0;
}

bool SystemClock::can_tell() const {
  timex query{};
  return adjtimex(&query) >= 0 || access(timesyncd_.c_str(), F_OK) == 0;
}

Moment SystemClock::now() const {
  // BOOTTIME and not MONOTONIC: a gateway that was suspended has been silent for that time.
  return {Timestamp(read_clock(CLOCK_REALTIME)), read_clock(CLOCK_BOOTTIME), synchronised()};
}

}  // namespace weir
