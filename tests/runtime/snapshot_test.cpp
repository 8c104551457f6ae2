#include "runtime/snapshot.hpp"

#include "tests/runtime/snapshot_samples.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using std::chrono::microseconds;

TEST_CASE("a histogram counts a value in the first bucket whose bound it does not exceed") {
  Histogram histogram;
  histogram.add(microseconds(0));
  histogram.add(microseconds(1000));
  histogram.add(microseconds(1001));
  histogram.add(microseconds(5'000'000));
  histogram.add(microseconds(5'000'001));
  CHECK(histogram.buckets[0] == 2);
  CHECK(histogram.buckets[1] == 1);
  CHECK(histogram.buckets[Histogram::bounds.size() - 1] == 1);
  CHECK(histogram.buckets[Histogram::bounds.size()] == 1);
  CHECK(histogram.sum == Approx(10.002002));
}

TEST_CASE("the board shows the newest snapshot, and none before the first") {
  SnapshotBoard board;
  CHECK(board.latest() == nullptr);
  auto first = std::make_shared<Snapshot>();
  auto second = std::make_shared<Snapshot>();
  board.post(first);
  const auto held = board.latest();
  board.post(second);
  CHECK(held == first);
  CHECK(board.latest() == second);
}

TEST_CASE("progress counts rounds and remembers when the last one was") {
  SnapshotBoard board;
  const auto before = board.progressed_at();
  CHECK(board.progress() == 0);
  board.progressed();
  board.progressed();
  CHECK(board.progress() == 2);
  CHECK(board.progressed_at() >= before);
  CHECK(board.progressed_at() <= std::chrono::steady_clock::now());
}

TEST_CASE("the watermark lag is absent without an active device and never negative") {
  Snapshot snapshot = busy_snapshot();
  CHECK(watermark_lag(snapshot) == Duration(std::chrono::seconds(90)));
  snapshot.watermarks.lowest = snapshot.now.wall + std::chrono::seconds(1);
  CHECK(watermark_lag(snapshot) == Duration(0));
  snapshot.watermarks.idle = snapshot.watermarks.devices;
  CHECK_FALSE(watermark_lag(snapshot));
  snapshot.watermarks = {};
  CHECK_FALSE(watermark_lag(snapshot));
}

TEST_CASE("the age of a lane is zero when it is empty or the clock went back") {
  Snapshot snapshot = busy_snapshot();
  CHECK(oldest_age(snapshot, Lane::alerts) == Duration(2'500'000));
  CHECK(oldest_age(snapshot, Lane::backlog) == Duration(0));
  snapshot.now.wall -= std::chrono::hours(24);
  CHECK(oldest_age(snapshot, Lane::alerts) == Duration(0));
}
