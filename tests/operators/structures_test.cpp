#include <set>

#include "operators/hold_tree.hpp"
#include "operators/recency.hpp"
#include "operators/sequence_window.hpp"
#include "operators/tumbling.hpp"
#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using weir::test::Seeded;
using namespace std::chrono_literals;

TEST_CASE("the lowest of many watermarks is the lowest after any change") {
  Seeded seeded(1);
  for (const std::uint32_t leaves : {1u, 2u, 3u, 7u, 64u, 65u}) {
    HoldTree tree;
    std::vector<Timestamp> model;
    for (int step = 0; step < 2000; ++step) {
      const Timestamp value =
          seeded.below(10) == 0 ? HoldTree::no_hold : timestamp_us(seeded.between(-1000, 1000));
      if (model.size() < leaves && seeded.below(4) == 0) {
        CHECK(tree.add(value) == model.size());
        model.push_back(value);
      } else if (!model.empty()) {
        const auto leaf = static_cast<std::uint32_t>(seeded.below(model.size()));
        tree.set(leaf, value);
        model[leaf] = value;
      }
      if (model.empty()) continue;
      const Timestamp lowest = *std::min_element(model.begin(), model.end());
      REQUIRE(tree.lowest() == lowest);
      if (lowest != HoldTree::no_hold) REQUIRE(model.at(tree.lowest_leaf()) == lowest);
    }
  }
}

TEST_CASE("the longest silent id comes first, list by list") {
  Recency recency(2);
  CHECK_FALSE(recency.oldest(0));
  recency.touch(0, 5, 1s);
  recency.touch(1, 0, 1s);
  recency.touch(0, 7, 2s);
  recency.touch(0, 5, 3s);
  REQUIRE(recency.oldest(0));
  CHECK(recency.oldest(0)->id == 7);
  CHECK(recency.oldest(0)->seen == 2s);
  CHECK(recency.oldest(1)->id == 0);
  recency.remove(7);
  recency.remove(7);
  CHECK_FALSE(recency.contains(7));
  CHECK(recency.oldest(0)->id == 5);
  recency.remove(5);
  CHECK_FALSE(recency.oldest(0));
  CHECK(recency.contains(0));
}

TEST_CASE("touched at the same moment, ids keep the order in which they were first touched") {
  Recency recency(1);
  for (const std::uint32_t id : {3u, 1u, 2u, 3u}) recency.touch(0, id, 1s);
  std::vector<std::uint32_t> order;
  for (const Recency::Entry& entry : recency.entries(0)) order.push_back(entry.id);
  CHECK(order == std::vector<std::uint32_t>{3, 1, 2});
}

TEST_CASE("every time is in exactly one window, aligned, whatever the sign of time and offset") {
  Seeded seeded(2);
  for (const Duration size : {Duration(1), Duration(7), Duration(1s), Duration(24h)}) {
    for (const Duration offset : {Duration(0), Duration(3), Duration(-5s), Duration(100h)}) {
      const Tumbling windows(size, offset);
      for (int i = 0; i < 500; ++i) {
        const Timestamp time(Duration(seeded.between(-1'000'000'000'000, 1'000'000'000'000)));
        const Window window = windows.at(time);
        REQUIRE(window.start <= time);
        REQUIRE(time < window.end);
        REQUIRE(window.end - window.start == size);
        REQUIRE((window.start.time_since_epoch() - offset) % size == Duration(0));
        REQUIRE(windows.at(window.start) == window);
        REQUIRE(windows.at(window.end).start == window.end);
      }
    }
  }
}

TEST_CASE("windows at the ends of time are cut short and overflow nothing") {
  const Tumbling windows(24h, -7h);
  CHECK(windows.at(time_begin).start == time_begin);
  CHECK(windows.at(time_begin).end > time_begin);
  CHECK(windows.at(time_end).end == time_end);
  CHECK(windows.at(time_end).start < time_end);
}

namespace {

std::string saved(const SequenceWindow& window) {
  std::string bytes;
  ByteWriter out(bytes);
  window.save(out);
  return bytes;
}

}  // namespace

TEST_CASE("numbers that only grow or repeat are each new once, in any order inside the window") {
  Seeded seeded(4);
  for (const std::size_t entries : {1u, 2u, 63u, 64u, 65u, 1000u}) {
    SequenceWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t highest = 100'000;
    for (int step = 0; step < 5000; ++step) {
      // What is not newer begins nothing anew, so that the model is a plain set.
      const std::uint64_t behind = seeded.below(2 * entries);
      const std::uint64_t number = behind < entries ? highest - behind : highest + 1;
      const bool ahead = number > highest;
      highest = std::max(highest, number);
      const bool repeat = window.repeated(number, ahead ? timestamp_us(step) : timestamp_us(0),
                                          entries, std::chrono::hours(1));
      REQUIRE(repeat == !seen.insert(number).second);
      if (step % 500 != 0) continue;
      SequenceWindow again;
      const std::string bytes = saved(window);
      ByteReader in(bytes);
      REQUIRE(again.load(in));
      REQUIRE(in.at_end());
      REQUIRE(again.fits(entries));
      REQUIRE(saved(again) == bytes);
      window = again;
    }
    CHECK(window.memory_bytes() <= entries / 8 + 8);
  }
}

TEST_CASE("whatever numbers come, a count that goes on is taken again before long") {
  Seeded seeded(5);
  for (int round = 0; round < 300; ++round) {
    SequenceWindow window;
    Timestamp time{};
    const auto say = [&](std::uint64_t number) {
      time += std::chrono::seconds(1);
      return window.repeated(number, time, 64, std::chrono::hours(168));
    };
    for (int i = 0; i < 100; ++i) say(seeded.next() >> (11 + seeded.below(53)));
    const std::uint64_t start = seeded.next() >> (12 + seeded.below(52));
    int dropped = 0;
    for (std::uint64_t i = 0; i < 200; ++i) dropped += say(start + i) ? 1 : 0;
    REQUIRE(dropped <= 64);
    REQUIRE_FALSE(say(start + 200));
  }
}
