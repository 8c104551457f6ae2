#include "runtime/clock.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <fstream>

#include "runtime/process_usage.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;

namespace {

enum ClockSays : int { can_not_tell, not_synchronised, synchronised, no_sandbox, not_one_of_these };

/// From now on the kernel answers adjtimex with EPERM, as under ProtectClock=yes.
bool forbid_adjtimex() {
  constexpr std::uint32_t forbidden = SECCOMP_RET_ERRNO | 1U;  // EPERM
  std::array<sock_filter, 5> filter = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_adjtimex, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_adjtime, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, forbidden),
  }};
  sock_fprog program{filter.size(), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// What the clock of a process says that may not ask the kernel.
ClockSays said_in_a_sandbox(const std::string& timesyncd) {
  const pid_t child = fork();
  if (child == 0) {
    if (!forbid_adjtimex()) _exit(no_sandbox);
    const SystemClock clock(timesyncd);
    if (clock.now().synchronised) _exit(clock.can_tell() ? synchronised : not_one_of_these);
    _exit(clock.can_tell() ? not_synchronised : can_not_tell);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? static_cast<ClockSays>(WEXITSTATUS(status)) : not_one_of_these;
}

}  // namespace

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

TEST_CASE("where the kernel may not be asked, systemd-timesyncd vouches for the clock") {
  CHECK(SystemClock("/nowhere").can_tell());
  if (said_in_a_sandbox("/nowhere") == no_sandbox) {
    WARN("skipped: system calls can't be forbidden here");
    return;
  }
  CHECK(said_in_a_sandbox("/nowhere") == can_not_tell);
  const TempDir timesyncd;
  CHECK(said_in_a_sandbox(timesyncd.path()) == not_synchronised);
  std::ofstream(timesyncd.path() + "/synchronized").flush();
  CHECK(said_in_a_sandbox(timesyncd.path()) == synchronised);
}

TEST_CASE("the kernel tells what the process takes") {
  const ProcessUsage usage = process_usage();
  REQUIRE(usage.resident);
  CHECK(count(*usage.resident) > 1'000'000);
  REQUIRE(usage.open_files);
  CHECK(*usage.open_files >= 3);
  CHECK(usage.cpu > Duration(0));
}
