#include "runtime/simulate.hpp"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.hpp"

namespace weir {
namespace {

using namespace std::chrono_literals;

/// Time that jumps to whatever is waited for; ends after `interrupt_at`.
class JumpingPacer : public Pacer {
 public:
  Timestamp wall() const override { return timestamp_us(1'772'366'400'000'000) + now; }
  Duration elapsed() const override { return now; }
  bool wait_until(Duration elapsed) override {
    now = std::max(now, std::min(elapsed, interrupt_at));
    return now < interrupt_at;
  }

  Duration now{123};
  Duration interrupt_at{Duration::max()};
};

class FakeOutlet : public Outlet {
 public:
  explicit FakeOutlet(JumpingPacer& pacer) : pacer_(pacer) {}

  Result<void> publish(std::string_view topic, std::string_view payload) override {
    if (sent.size() == refuse_after) return fail(ErrorKind::unavailable, "the broker is gone");
    sent.push_back({pacer_.now, std::string(topic), std::string(payload)});
    pacer_.now += cost;
    return {};
  }
  Result<void> flush() override {
    flushed = true;
    return {};
  }

  std::vector<FleetMessage> sent;
  std::size_t refuse_after = static_cast<std::size_t>(-1);
  Duration cost{0};
  bool flushed = false;

 private:
  JumpingPacer& pacer_;
};

/// Messages due at these seconds.
MessageFeed feed_of(std::vector<int> due_seconds) {
  return [due = std::move(due_seconds), next = std::size_t{0}](FleetMessage& out) mutable {
    if (next == due.size()) return false;
    out = {due[next] * Duration(1s), "a/b", "12345"};
    ++next;
    return true;
  };
}

const auto no_progress = [](const SimulateSummary&) {};

TEST_CASE("messages are sent when they are due, counted from the start") {
  JumpingPacer pacer;
  FakeOutlet outlet(pacer);
  const auto summary = play(feed_of({0, 1, 1, 4}), 1, pacer, outlet, no_progress);
  REQUIRE(summary);
  CHECK(summary->messages == 4);
  CHECK(summary->bytes == 20);
  CHECK(summary->elapsed == 4s);
  CHECK(!summary->interrupted);
  CHECK(summary->per_second() == 1);
  CHECK(outlet.flushed);
  CHECK(outlet.sent[2].due == Duration(123) + 1s);
  CHECK(outlet.sent[3].due == Duration(123) + 4s);
}

TEST_CASE("a speed divides the pauses, and none leaves them out") {
  JumpingPacer pacer;
  FakeOutlet outlet(pacer);
  CHECK(play(feed_of({0, 60, 120}), 60, pacer, outlet, no_progress)->elapsed == 2s);
  CHECK(play(feed_of({0, 60, 120}), 0, pacer, outlet, no_progress)->elapsed == Duration(0));
}

TEST_CASE("a slow broker delays messages but loses none") {
  JumpingPacer pacer;
  FakeOutlet outlet(pacer);
  outlet.cost = 3s;
  const auto summary = play(feed_of({0, 1, 2, 3}), 1, pacer, outlet, no_progress);
  CHECK(summary->messages == 4);
  CHECK(summary->elapsed == 12s);
}

TEST_CASE("an interruption sends the message that was waited for, and no other") {
  JumpingPacer pacer;
  pacer.interrupt_at = 2s;
  FakeOutlet outlet(pacer);
  const auto summary = play(feed_of({0, 1, 5, 6}), 1, pacer, outlet, no_progress);
  CHECK(summary->interrupted);
  CHECK(summary->messages == 3);
  CHECK(outlet.flushed);
}

TEST_CASE("an error of the outlet ends the simulation with its message") {
  JumpingPacer pacer;
  FakeOutlet outlet(pacer);
  outlet.refuse_after = 1;
  const auto summary = play(feed_of({0, 1}), 1, pacer, outlet, no_progress);
  REQUIRE(!summary);
  CHECK(summary.error().message == "the broker is gone");
}

TEST_CASE("progress is told a few times a second, however many messages there are") {
  JumpingPacer pacer;
  FakeOutlet outlet(pacer);
  outlet.cost = Duration(1'000);
  std::vector<int> due(10'000, 0);
  std::uint64_t told = 0, last = 0;
  REQUIRE(play(feed_of(due), 1, pacer, outlet, [&](const SimulateSummary& summary) {
    ++told;
    CHECK(summary.messages > last);
    last = summary.messages;
  }));
  CHECK(told == Approx(50).margin(1));
}

TEST_CASE("a rate is shared by the devices") {
  CHECK(interval_of(50, 50) == 1s);
  CHECK(interval_of(1000, 50) == 50ms);
  CHECK(interval_of(1e9, 1) == Duration(1));
  CHECK(interval_of(0.5, 1) == 2s);
}

TEST_CASE("the summary of a fleet holds what its faults did") {
  FleetOptions options;
  options.duration = 60s;
  options.faults = {Fault::broken, Fault::dead};
  Fleet fleet(options);
  JumpingPacer pacer;
  FakeOutlet outlet(pacer);
  const auto summary =
      play([&](FleetMessage& out) { return fleet.next(out); }, 1, pacer, outlet, no_progress);
  REQUIRE(summary);
  CHECK(summary->messages == fleet.summary().messages);
  const auto& broken = fleet.summary().faults[static_cast<std::size_t>(Fault::broken)];
  const std::string json = summary_json(*summary, &fleet.summary());
  CHECK(json.find("\"broken\":{\"messages\":" + std::to_string(broken.messages) +
                  ",\"devices\":[\"" + broken.devices[0] + "\"]}") != std::string::npos);
  CHECK(json.find("\"broken_payloads\":{\"truncated\":") != std::string::npos);
  CHECK(json.find("stuck") == std::string::npos);
  const std::string text = summary_text(*summary, &fleet.summary());
  CHECK(text.find("not sent") != std::string::npos);
  CHECK(text.find(broken.devices[0]) != std::string::npos);
  CHECK(summary_json(*summary, nullptr).find("faults") == std::string::npos);
}

}  // namespace
}  // namespace weir
