#include "runtime/commit_pace.hpp"

#include "tests/support/catch.hpp"

using namespace weir;
using std::chrono::milliseconds;

namespace {

Duration ms(int n) {
  return milliseconds(n);
}

}  // namespace

TEST_CASE("nothing is due while no message waits") {
  CommitPace pace(ms(50));
  CHECK_FALSE(pace.due());
  pace.arrived(ms(1), 0);
  CHECK_FALSE(pace.due());
}

TEST_CASE("a lone message waits for the interval, and later ones do not put it off") {
  CommitPace pace(ms(50));
  pace.arrived(ms(10), 1);
  pace.arrived(ms(40), 1);
  CHECK(pace.due() == ms(60));
}

TEST_CASE("a broker whose window is full is recognised by the burst behind an acknowledgement") {
  CommitPace pace(ms(50));
  pace.arrived(ms(0), 20);
  CHECK(pace.due() == ms(50));
  pace.committed(ms(50), 20);
  pace.arrived(ms(51), 12);
  pace.arrived(ms(52), 8);
  CHECK(pace.due() == ms(101));  // not yet known
  pace.committed(ms(101), 20);
  REQUIRE(pace.window_limited());
  pace.arrived(ms(102), 20);
  CHECK(pace.due() == ms(102) + CommitPace::pause);
}

TEST_CASE("a steady flow is not taken for a full window") {
  CommitPace pace(ms(50));
  int at = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 17; ++i) pace.arrived(ms(at += 3), 1);
    pace.committed(ms(at), 17);
    CHECK_FALSE(pace.window_limited());
  }
}

TEST_CASE("the state of a full window ends after three quiet rounds, not after one") {
  CommitPace pace(ms(50));
  const auto round = [&](int at, std::uint64_t burst) {
    pace.arrived(ms(at), burst);
    pace.arrived(ms(at + 20), 20 - burst);
    pace.committed(ms(at + 30), 20);
  };
  round(0, 20);
  round(31, 20);
  REQUIRE(pace.window_limited());
  round(62, 1);
  CHECK(pace.window_limited());
  round(93, 1);
  CHECK(pace.window_limited());
  round(124, 1);
  CHECK_FALSE(pace.window_limited());
}

TEST_CASE("a flood is committed before the interval is over") {
  CommitPace pace(ms(50));
  pace.arrived(ms(10), CommitPace::max_messages);
  CHECK(pace.due() == ms(10));
}
