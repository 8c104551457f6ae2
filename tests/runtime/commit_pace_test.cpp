#include "runtime/commit_pace.hpp"

#include <vector>

#include "tests/support/catch.hpp"

using namespace weir;
using std::chrono::milliseconds;

namespace {

Duration ms(int n) {
  return milliseconds(n);
}

/// A broker that sends `window` messages and then nothing before they are acknowledged; a commit
/// takes 2 ms. Returns when each of `rounds` commits began.
std::vector<Duration> full_window(CommitPace& pace, Duration& now, std::uint64_t window,
                                  int rounds) {
  std::vector<Duration> commits;
  for (int i = 0; i < rounds; ++i) {
    pace.arrived(now += ms(1), window);
    now = *pace.due();
    commits.push_back(now);
    pace.closing(now);
    pace.committed(now += ms(2), window);
  }
  return commits;
}

/// A message every `gap`, whatever is acknowledged. Returns the number of commits.
int steady_flow(CommitPace& pace, Duration& now, Duration gap, int messages) {
  int commits = 0;
  for (int i = 0; i < messages; ++i) {
    const Duration next = now + gap;
    while (pace.due() && *pace.due() < next) {
      pace.closing(*pace.due());
      pace.committed(*pace.due() + Duration(500), pace.waiting());
      ++commits;
    }
    pace.arrived(now = next, 1);
  }
  return commits;
}

}  // namespace

TEST_CASE("nothing is due while no message waits") {
  CommitPace pace(ms(250));
  CHECK_FALSE(pace.due());
  pace.arrived(ms(1), 0);
  CHECK_FALSE(pace.due());
}

TEST_CASE("a message after a pause is committed at once") {
  CommitPace pace(ms(250));
  pace.arrived(ms(1000), 1);
  CHECK(pace.due() == ms(1000) + CommitPace::lead);
  pace.closing(ms(1005));
  pace.committed(ms(1007), 1);
  pace.arrived(ms(9000), 1);
  CHECK(pace.due() == ms(9000) + CommitPace::lead);
}

TEST_CASE("commits are an interval apart, and later messages do not put them off") {
  CommitPace pace(ms(250));
  pace.arrived(ms(1000), 1);
  pace.closing(ms(1005));
  pace.committed(ms(1007), 1);
  pace.arrived(ms(1020), 1);
  pace.arrived(ms(1200), 5);
  CHECK(pace.due() == ms(1257));
}

TEST_CASE("many messages and then stillness do not wait out the interval, few do") {
  for (const std::uint64_t messages : {CommitPace::many, CommitPace::many - 1}) {
    CommitPace pace(ms(1000));
    pace.arrived(ms(5000), 1);
    pace.closing(ms(5005));
    pace.committed(ms(5007), 1);
    pace.arrived(ms(5010), messages);
    CHECK(pace.due() ==
          (messages == CommitPace::many ? ms(5010) + CommitPace::stillness : ms(6007)));
  }
}

TEST_CASE("a full window is recognised after one stillness, however long the interval") {
  CommitPace pace(ms(1000));
  Duration now = ms(5000);
  const auto commits = full_window(pace, now, 1000, 4);
  CHECK(commits.back() - commits.front() < ms(100));
  CHECK(pace.window_limited());
}

TEST_CASE("a commit without messages counts for the distance, too") {
  CommitPace pace(ms(250));
  pace.closing(ms(1000));
  pace.committed(ms(1002), 0);
  pace.arrived(ms(1100), 1);
  CHECK(pace.due() == ms(1252));
}

TEST_CASE("a broker whose small window is full is recognised after one long round") {
  for (const std::uint64_t window : {1U, 20U, 499U}) {
    CAPTURE(window);
    CommitPace pace(ms(250));
    Duration now = ms(1000);
    const auto commits = full_window(pace, now, window, 30);
    CHECK(commits[1] - commits[0] > ms(200));  // the interval
    REQUIRE(pace.window_limited());
    for (std::size_t i = 3; i < commits.size(); ++i) CHECK(commits[i] - commits[i - 1] <= ms(4));
  }
}

TEST_CASE("a full window stays recognised, and the looks beyond it cost little") {
  CommitPace pace(ms(250));
  Duration now = ms(0);
  full_window(pace, now, 20, 3);
  const Duration begun = now;
  full_window(pace, now, 20, 1000);
  CHECK(pace.window_limited());
  CHECK(now - begun < ms(1000 * 4 + 1000));
}

TEST_CASE("a steady flow of any rate costs one commit an interval") {
  for (const int gap_us : {100, 300, 1100, 3000, 5200, 7000, 9000, 15'000, 25'000, 60'000}) {
    CAPTURE(gap_us);
    CommitPace pace(ms(250));
    Duration now = ms(1000);
    const int commits = steady_flow(pace, now, Duration(gap_us), 4000);
    CHECK(commits <= 4000.0 * gap_us / 250'000 + 2);
  }
}

TEST_CASE("a steady flow that stands still once is no full window") {
  CommitPace pace(ms(1000));
  Duration now = ms(1000);
  steady_flow(pace, now, Duration(1100), 3300);
  REQUIRE(pace.waiting() >= CommitPace::many);
  now += ms(20);
  CHECK(steady_flow(pace, now, Duration(1100), 10'000) <= 14);
}

TEST_CASE("a flow is noticed when the window is no longer full") {
  for (const int gap_us : {300, 1100, 3000, 5200, 7000, 9000, 15'000}) {
    CAPTURE(gap_us);
    CommitPace pace(ms(250));
    Duration now = ms(1000);
    full_window(pace, now, 20, 10);
    REQUIRE(pace.window_limited());
    steady_flow(pace, now, Duration(gap_us), 2000);
    CHECK_FALSE(pace.window_limited());
  }
}

TEST_CASE("messages that nobody acknowledges say nothing about a window") {
  CommitPace pace(ms(250));
  for (int at = 1000; at < 20'000; at += 257) {
    pace.arrived(ms(at), 20);
    pace.closing(*pace.due());
    pace.committed(*pace.due() + ms(2), 0);
    CHECK_FALSE(pace.window_limited());
  }
}

TEST_CASE("a flood is committed before the interval is over") {
  CommitPace pace(ms(50));
  pace.arrived(ms(10), CommitPace::max_messages);
  CHECK(pace.due() == ms(10));
}
