#include "runtime/uplink.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <set>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/fake_outbox.hpp"
#include "tests/support/fake_sink.hpp"
#include "tests/support/rounds.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

UplinkOptions options(std::size_t batch = 100) {
  UplinkOptions result;
  result.gateway = "gw";
  result.epoch = "epoch";
  result.batch = batch;
  result.publish_timeout = 1s;
  result.retry_min = 1ms;
  result.retry_max = 20ms;
  return result;
}

std::vector<std::uint64_t> seqs(const FakeSink& sink) {
  std::vector<std::uint64_t> found;
  for (const SinkRecord& record : sink.records()) {
    for (const auto& [name, value] : record.headers) {
      if (name != "weir-seq") continue;
      std::from_chars(value.data(), value.data() + value.size(), found.emplace_back());
    }
  }
  return found;
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> result;
  for (std::uint64_t seq = first; seq <= last; ++seq) result.push_back(seq);
  return result;
}

void add(FakeOutbox& outbox, Lane lane, int n) {
  for (int i = 0; i < n; ++i) outbox.add(lane);
}

/// Rounds with an engine that applies the feedback, until the outbox is empty.
void drain(Uplink& uplink, FakeOutbox& outbox, int rounds = 1000) {
  while (outbox.size() > 0 && rounds-- > 0) {
    uplink.step(1s);
    outbox.apply(uplink.take_feedback());
  }
  REQUIRE(outbox.size() == 0);
}

}  // namespace

TEST_CASE("everything in the outbox arrives once and in order") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 250);
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(1, 250));
  CHECK(sink.position().delivered[1] == 250);
  CHECK_FALSE(uplink.step(1s));
}

TEST_CASE("alerts go before everything that waits") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 5);
  outbox.add(Lane::alerts);
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  CHECK(seqs(sink) == std::vector<std::uint64_t>{6, 1, 2, 3, 4, 5});
}

TEST_CASE("a long lane leaves an eighth of each batch to every later one") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 400);
  add(outbox, Lane::late, 400);
  add(outbox, Lane::backlog, 400);
  Uplink uplink(options(80), outbox, sink, {});
  REQUIRE(uplink.step(1s));
  const auto first = seqs(sink);
  REQUIRE(first.size() == 80);
  const auto of_lane = [&](std::uint64_t low, std::uint64_t high) {
    return std::count_if(first.begin(), first.end(),
                         [&](std::uint64_t seq) { return seq > low && seq <= high; });
  };
  CHECK(of_lane(0, 400) == 60);
  CHECK(of_lane(400, 800) == 10);
  CHECK(of_lane(800, 1200) == 10);
  outbox.apply(uplink.take_feedback());
  drain(uplink, outbox);
  CHECK(sink.records().size() == 1200);
}

TEST_CASE("a lane alone has the whole batch") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 80);
  Uplink uplink(options(80), outbox, sink, {});
  REQUIRE(uplink.step(1s));
  CHECK(sink.records().size() == 80);
}

TEST_CASE("a lane is sent no further than the store leaves its front as it is") {
  FakeOutbox outbox;
  FakeSink sink;
  constexpr auto limit = static_cast<int>(outbox_in_flight);
  add(outbox, Lane::backlog, limit + 300);
  std::size_t woken = 0;
  Uplink uplink(options(1000), outbox, sink, [&] { ++woken; });
  while (uplink.step(1s)) {
  }
  CHECK(sink.position().delivered[3] == outbox_in_flight);
  // Other lanes are not held up by it.
  const std::uint64_t alert = outbox.add(Lane::alerts);
  CHECK(uplink.step(1s));
  CHECK(seqs(sink).back() == alert);
  CHECK_FALSE(uplink.step(1s));
  woken = 0;
  CHECK_FALSE(uplink.step(1s));
  CHECK(woken == 1);
  const auto feedback = uplink.take_feedback();
  CHECK(feedback.held_up);
  CHECK_FALSE(uplink.take_feedback().held_up);
  outbox.apply(feedback);
  drain(uplink, outbox);
  CHECK(seqs(sink).size() == outbox_in_flight + 301);
}

TEST_CASE("also after a restart what is delivered and not deleted yet counts") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, static_cast<int>(outbox_in_flight) + 10);
  Position position;
  position.delivered[1] = outbox_in_flight - 5;
  sink.set_position(position);
  Uplink uplink(options(), outbox, sink, {});
  REQUIRE(uplink.step(1s));
  CHECK_FALSE(uplink.step(1s));
  CHECK(seqs(sink) == range(outbox_in_flight - 4, outbox_in_flight));
}

TEST_CASE("after a lost answer what did arrive is not sent again") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 10);
  sink.fail_next_publish({ErrorKind::timeout, true});
  Uplink uplink(options(), outbox, sink, {});
  CHECK_FALSE(uplink.step(1s));
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(1, 10));
}

TEST_CASE("after a failed publish what did not arrive is sent again") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 10);
  sink.fail_next_publish({ErrorKind::fatal, false});
  Uplink uplink(options(), outbox, sink, {});
  CHECK_FALSE(uplink.step(1s));
  CHECK(sink.records().empty());
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(1, 10));
}

TEST_CASE("without a position at the sink a lost answer sends again: at least once") {
  FakeOutbox outbox;
  FakeSink sink(false);
  add(outbox, Lane::live, 3);
  sink.fail_next_publish({ErrorKind::timeout, true});
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  const auto arrived = seqs(sink);
  CHECK(std::set<std::uint64_t>(arrived.begin(), arrived.end()) ==
        std::set<std::uint64_t>{1, 2, 3});
  CHECK(arrived.size() > 3);
}

TEST_CASE("at start the sink's position decides, entries before it are only deleted") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 10);
  Position position;
  position.delivered[1] = 7;
  sink.set_position(position);
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(8, 10));
}

TEST_CASE("a position beyond the outbox deletes what is there and waits for more") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 5);
  Position position;
  position.delivered[1] = 100;
  sink.set_position(position);
  Uplink uplink(options(), outbox, sink, {});
  CHECK_FALSE(uplink.step(1s));
  const auto feedback = uplink.take_feedback();
  CHECK(feedback.delivered.delivered[1] == 100);
  CHECK(feedback.drops.empty());
  outbox.apply(feedback);
  CHECK(outbox.size() == 0);
}

TEST_CASE("what was confirmed stays confirmed even if the sink forgets its position") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 5);
  Uplink uplink(options(), outbox, sink, {});
  REQUIRE(uplink.step(1s));
  sink.set_position({});
  sink.fail_next_publish({ErrorKind::fatal, false});
  add(outbox, Lane::live, 5);
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(1, 10));
}

TEST_CASE("a new database sends nothing before it knows what those before it told") {
  FakeOutbox outbox;
  FakeSink sink;
  Position before;
  before.delivered[1] = 100;
  before.newest = timestamp_us(1'000);
  sink.serve("before");
  sink.set_position(before);
  sink.serve("new");
  add(outbox, Lane::live, 5);
  {
    Uplink uplink(options(), outbox, sink, {});
    CHECK_FALSE(uplink.step(1s));
    const auto feedback = uplink.take_feedback();
    CHECK(feedback.forgotten);
    CHECK(feedback.fork == 0);
    CHECK(feedback.delivered.newest == before.newest);
    CHECK_FALSE(uplink.step(1s));
    CHECK(sink.records().empty());
  }
  Uplink uplink(options(), outbox, sink, {});
  uplink.set_past({.told = before.newest});
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(1, 5));
}

TEST_CASE(
    "where history was lost, what waits from before counts as told, what came later does not") {
  FakeOutbox outbox;
  FakeSink sink;
  const auto add_until = [&](std::int64_t seconds) {
    Output output = sample_output("m");
    output.window.end = timestamp_us(seconds * 1'000'000);
    outbox.add(Lane::backlog, output);
  };
  Position position;
  position.newest = timestamp_us(100'000'000);
  const bool doubt = GENERATE(true, false);
  UplinkOptions of_copy = options();
  if (doubt) {
    add_until(1000);
    add_until(2000);
    position.delivered[3] = 1;
  } else {
    // Given out: 1, 2, and what this start gives out from 4 on. The sink has heard of 3.
    of_copy.issued.begin(2, 1);
    add_until(1000);
    add_until(2000);
    position.delivered[3] = 3;
  }
  add_until(3000);
  add_until(3000);
  sink.set_position(position);
  Uplink uplink(of_copy, outbox, sink, {});
  if (doubt) uplink.set_past({.doubt = 2});
  outbox.fail_reads(1);
  CHECK_FALSE(uplink.step(1s));
  CHECK_FALSE(uplink.take_feedback().forgotten);
  CHECK_FALSE(uplink.step(1s));
  const auto feedback = uplink.take_feedback();
  CHECK(feedback.forgotten);
  CHECK(feedback.fork == 2);
  CHECK(feedback.delivered.newest == timestamp_us(2'000'000'000));
  CHECK(feedback.delivered.delivered[3] == (doubt ? 1 : 2));
  CHECK_FALSE(uplink.step(1s));
  CHECK(sink.records().empty());
}

TEST_CASE("what can't be read while it is in doubt is told to be mended, and nothing goes out") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 3);
  Uplink uplink(options(), outbox, sink, {});
  uplink.set_past({.doubt = 2});
  outbox.fail_reads(2, ErrorKind::corrupt);
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(uplink.step(1s));
    const auto feedback = uplink.take_feedback();
    CHECK(feedback.damaged);
    CHECK_FALSE(feedback.forgotten);
  }
  // The doubt stands until it can be read.
  CHECK_FALSE(uplink.step(1s));
  const auto feedback = uplink.take_feedback();
  CHECK_FALSE(feedback.damaged);
  CHECK(feedback.forgotten);
  CHECK(feedback.fork == 2);
  CHECK(sink.records().empty());
}

TEST_CASE("a sink that has lost its position is noticed once, also after a restart") {
  FakeOutbox outbox;
  FakeSink sink;
  const auto noticed = [&](Uplink& uplink) {
    sink.forget_position();
    sink.fail_next_publish({ErrorKind::fatal, false});
    sink.fail_next_publish({ErrorKind::fatal, false});
    add(outbox, Lane::live, 5);
    int times = 0;
    while (outbox.size() > 0) {
      uplink.step(1s);
      const auto feedback = uplink.take_feedback();
      times += feedback.position_lost ? 1 : 0;
      outbox.apply(feedback);
    }
    return times;
  };
  {
    Uplink fresh(options(), outbox, sink, {});
    CHECK(noticed(fresh) == 0);
    CHECK(noticed(fresh) == 1);
    CHECK(noticed(fresh) == 1);
  }
  Uplink restarted(options(), outbox, sink, {});
  restarted.set_past({.confirmed = true});
  CHECK(noticed(restarted) == 1);
  CHECK(seqs(sink) == range(1, 20));
  FakeSink without(false);
  Uplink other(options(), outbox, without, {});
  other.set_past({.confirmed = true});
  add(outbox, Lane::live, 1);
  other.step(1s);
  CHECK_FALSE(other.take_feedback().position_lost);
}

TEST_CASE("a refused entry goes to the dead letters and holds up nobody") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 20);
  sink.refuse_if([](const SinkRecord& record) { return record.key.ends_with("/m7"); });
  Uplink uplink(options(), outbox, sink, {});
  uplink.step(1s);
  const auto feedback = uplink.take_feedback();
  REQUIRE(feedback.drops.size() == 1);
  CHECK(feedback.drops[0].seq == 7);
  CHECK(feedback.drops[0].lane == Lane::live);
  CHECK(feedback.drops[0].reason == "refused_by_peer");
  REQUIRE(feedback.dead_letters.size() == 1);
  const DeadLetter& letter = feedback.dead_letters[0];
  CHECK(letter.reason == "refused_by_peer");
  CHECK(letter.source == "press_1m");
  CHECK(letter.topic == "rollups");
  CHECK(letter.message == "refused");
  CHECK(letter.payload.find("\"metric\":\"m7\"") != std::string::npos);
  CHECK(letter.payload_size == letter.payload.size());
  outbox.apply(feedback);
  drain(uplink, outbox);
  auto expected = range(1, 20);
  expected.erase(expected.begin() + 6);
  CHECK(seqs(sink) == expected);
  CHECK(uplink.take_feedback().drops.empty());
}

TEST_CASE("a refused entry is reported once even if the engine is slow to delete it") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 1);
  sink.refuse_if([](const SinkRecord& record) { return record.key.ends_with("/m1"); });
  Uplink uplink(options(), outbox, sink, {});
  for (int i = 0; i < 5; ++i) CHECK_FALSE(uplink.step(1s));
  CHECK(uplink.take_feedback().drops.size() == 1);
  add(outbox, Lane::live, 1);
  CHECK(uplink.step(1s));
  CHECK(seqs(sink) == range(2, 2));
}

TEST_CASE("a damaged entry is dropped, reported once, and its bytes never leave") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 6);
  outbox.damage(3);
  outbox.damage(6);
  Uplink uplink(options(), outbox, sink, {});
  REQUIRE(uplink.step(1s));
  uplink.step(1s);
  const auto feedback = uplink.take_feedback();
  REQUIRE(feedback.drops.size() == 2);
  CHECK(feedback.drops[0].seq == 3);
  CHECK(feedback.drops[0].reason == "damaged");
  CHECK(feedback.drops[1].seq == 6);
  CHECK(feedback.dead_letters.empty());
  CHECK(seqs(sink) == std::vector<std::uint64_t>{1, 2, 4, 5});
}

TEST_CASE("an outbox of nothing but damaged entries drains") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::late, 30);
  for (std::uint64_t seq = 1; seq <= 30; ++seq) outbox.damage(seq);
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  CHECK(sink.records().empty());
}

TEST_CASE("a batch that is too large as a whole is halved until it passes") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 100);
  sink.set_largest_batch(10);
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  CHECK(seqs(sink) == range(1, 100));
  const auto batches = sink.batches();
  CHECK(*std::max_element(batches.begin(), batches.end()) <= 10);
}

TEST_CASE("batches grow again after errors have made them small") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 1000);
  for (int i = 0; i < 10; ++i) sink.fail_next_publish({ErrorKind::timeout, false});
  Uplink uplink(options(), outbox, sink, {});
  drain(uplink, outbox);
  CHECK(sink.batches().front() == 1);
  const auto batches = sink.batches();
  CHECK(*std::max_element(batches.begin(), batches.end()) == 100);
  CHECK(seqs(sink) == range(1, 1000));
}

TEST_CASE("any sequence of mishaps delivers everything exactly once") {
  for (int seed = 1; seed <= test::rounds(200); ++seed) {
    FakeOutbox outbox;
    FakeSink sink;
    unsigned dice = static_cast<unsigned>(seed) * 2654435761U;
    const auto roll = [&](unsigned sides) {
      dice = dice * 1664525U + 1013904223U;
      return (dice >> 16) % sides;
    };
    sink.refuse_if([](const SinkRecord& record) { return record.key.ends_with("13"); });
    constexpr std::array kinds = {ErrorKind::timeout, ErrorKind::fatal, ErrorKind::unavailable};
    auto uplink = std::make_unique<Uplink>(options(16), outbox, sink, std::function<void()>());
    std::set<std::uint64_t> dropped;
    const auto commit = [&] {
      const auto feedback = uplink->take_feedback();
      for (const auto& drop : feedback.drops) dropped.insert(drop.seq);
      outbox.apply(feedback);
    };
    for (int i = 0; i < 100; ++i) {
      add(outbox, static_cast<Lane>(roll(4)), static_cast<int>(roll(8)));
      if (roll(3) == 0) sink.fail_next_publish({kinds[roll(3)], roll(2) == 0});
      if (roll(10) == 0) sink.fail_next_opens(roll(3));
      if (roll(10) == 0) outbox.fail_reads(roll(3));
      uplink->step(1s);
      if (roll(2) == 0) commit();
      if (roll(20) == 0)  // the process is killed: feedback that was not committed is lost
        uplink = std::make_unique<Uplink>(options(16), outbox, sink, std::function<void()>());
    }
    drain(*uplink, outbox);
    auto arrived = seqs(sink);
    const std::set<std::uint64_t> distinct(arrived.begin(), arrived.end());
    INFO("seed " << seed);
    REQUIRE(distinct.size() == arrived.size());
    const std::uint64_t last = outbox.add(Lane::live) - 1;
    for (std::uint64_t seq = 1; seq <= last; ++seq) {
      const bool refused = std::to_string(seq).ends_with("13");
      REQUIRE(distinct.contains(seq) != refused);
    }
  }
}

TEST_CASE("the thread delivers what is announced and wakes the engine") {
  FakeOutbox outbox;
  FakeSink sink;
  std::atomic<int> wakes{0};
  Uplink uplink(options(), outbox, sink, [&] { ++wakes; });
  uplink.start();
  add(outbox, Lane::live, 5);
  uplink.notify();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.records().size() == 5; }));
  add(outbox, Lane::alerts, 1);
  uplink.notify();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.records().size() == 6; }));
  uplink.stop(1s);
  CHECK(uplink.take_feedback().delivered.delivered == Position{{6, 5, 0, 0}}.delivered);
  CHECK(wakes >= 2);
}

TEST_CASE("a row of refused entries does not stop the thread before those behind them") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 8);
  sink.refuse_if([](const SinkRecord& record) { return record.key.back() <= '4'; });
  // Once the first four are refused, errors make the batch smaller than that row.
  sink.fail_next_publish({ErrorKind::unavailable, false});
  Uplink uplink(options(8), outbox, sink, {});  // nobody applies the feedback
  uplink.start();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.records().size() == 4; }));
  CHECK(seqs(sink) == range(5, 8));
}

TEST_CASE("the thread comes back after the sink was away") {
  FakeOutbox outbox;
  FakeSink sink;
  sink.fail_next_opens(5);
  add(outbox, Lane::live, 5);
  Uplink uplink(options(), outbox, sink, {});
  uplink.start();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.records().size() == 5; }));
  CHECK(sink.opens() == 6);
}

TEST_CASE("an idle uplink neither reads nor opens anything") {
  FakeOutbox outbox;
  FakeSink sink;
  Uplink uplink(options(), outbox, sink, {});
  uplink.start();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.opens() == 1; }));
  add(outbox, Lane::live, 1);
  uplink.notify();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.records().size() == 1; }));
  // The round that finds nothing ends the work; from then on the count of reads stands still.
  CHECK_FALSE(sink.wait_until([](const FakeSink&) { return false; }, 50ms));
  const std::size_t reads = outbox.reads();
  CHECK_FALSE(sink.wait_until([&](const FakeSink&) { return outbox.reads() != reads; }, 200ms));
}

TEST_CASE("results wait for company, alerts do not") {
  FakeOutbox outbox;
  FakeSink sink;
  UplinkOptions slow = options();
  slow.linger = 1h;
  Uplink uplink(slow, outbox, sink, {});
  uplink.start();
  add(outbox, Lane::live, 3);
  uplink.notify();
  CHECK_FALSE(sink.wait_until([](const FakeSink& s) { return !s.records().empty(); }, 100ms));
  outbox.add(Lane::alerts);
  uplink.notify();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.records().size() == 4; }));
  CHECK(sink.batches() == std::vector<std::size_t>{4});
}

TEST_CASE("stop lets a publish that is under way end") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 3);
  sink.cork();
  Uplink uplink(options(), outbox, sink, {});
  uplink.start();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.opens() == 1; }));
  std::thread opener([&] { sink.uncork(); });
  uplink.stop(10s);
  opener.join();
  const auto delivered = uplink.take_feedback().delivered.delivered[1];
  CHECK(delivered == sink.position().delivered[1]);
}

TEST_CASE("stop does not wait longer than told for a publish that hangs") {
  FakeOutbox outbox;
  FakeSink sink;
  add(outbox, Lane::live, 3);
  sink.cork();
  Uplink uplink(options(), outbox, sink, {});
  uplink.start();
  REQUIRE(sink.wait_until([](const FakeSink& s) { return s.opens() == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  uplink.stop(50ms);
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
  CHECK(sink.records().empty());
}
