#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <chrono>
#include <optional>

#include "tests/proof/simulator.hpp"

// The same data, stamped by devices whose clocks are right, through a gateway with a good clock and
// through its twin whose clock jumps by up to ten years, starts in 1970 or stands where the last
// shutdown left it, until the system sets it right. As Linux does it, a clock that was set by
// anything but its time service does not count as synchronised.

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr auto ten_years = 10 * 365 * 24h;

/// What sets the gateway's clock; null: it is always right.
class Disturber {
 public:
  Disturber(World& world, bool ever_right)
      : world_(world), random_(world.options.seed ^ 0xc10c), ever_right_(ever_right) {}

  void boot(bool first) {
    switch (random_.below(first ? 3 : 4)) {
      case 0:
        return set(timestamp_us(static_cast<std::int64_t>(random_.below(100'000'000))), "in_1970");
      case 1:
        return set(world_.clock.truth() - past(ten_years), "in_the_past");
      case 2:
        return right();
      default:
        // fake-hwclock: the clock goes on where the last shutdown left it.
        return set(world_.clock.now().wall - past(48h), "in_the_past");
    }
  }

  void round() {
    if (random_.one_in(40)) return jump();
    if (random_.one_in(30)) right();
  }

 private:
  Duration past(Duration most) {
    return Duration(static_cast<std::int64_t>(
        random_.below(static_cast<std::uint64_t>(Duration(most).count()))));
  }
  void jump() {
    const Duration by = past(2 * Duration(ten_years)) - Duration(ten_years);
    set(world_.clock.truth() + by, "jumps");
  }
  void set(Timestamp wall, const char* what) {
    world_.clock.set(wall, false);
    ++world_.report.counts[what];
  }
  void right() {
    if (!ever_right_) return;
    world_.clock.set(world_.clock.truth(), true);
    ++world_.report.counts["set_right"];
  }

  World& world_;
  SeededRandom random_;
  const bool ever_right_;
};

constexpr Pace pace{4, 0, 2s, 3, 40, 60};

void live(World& world, std::optional<Disturber>& disturber, int rounds) {
  Life life(world.parts());
  world.begun(life);
  world.broker.connect();
  for (int i = 0; i < rounds && life.alive(); ++i) {
    if (disturber) disturber->round();
    world.round(life, pace);
  }
  if (!life.alive()) world.failed("it died by itself: " + life.death());
}

/// The newest revision of each window as the cluster has it: its value but for the revision, which
/// says how often it was emitted.
using Windows = std::map<std::string, std::pair<std::uint64_t, std::string>>;

Windows windows_of(const World& world) {
  Windows windows;
  for (const SinkRecord& record : world.sink.records()) {
    rapidjson::Document value;
    value.Parse(record.value.data(), record.value.size());
    if (std::string_view(value["kind"].GetString()) != "rollup") continue;
    const std::uint64_t revision = value["revision"].GetUint64();
    value.RemoveMember("revision");
    rapidjson::StringBuffer text;
    rapidjson::Writer<rapidjson::StringBuffer> writer(text);
    value.Accept(writer);
    auto& newest = windows[record.key + " " + value["window"]["start"].GetString()];
    if (newest.second.empty() || newest.first <= revision)
      newest = {revision, record.topic + " " + text.GetString()};
  }
  return windows;
}

/// Every other gateway is never told the right time at all.
void run(World& world, bool disturbed) {
  std::optional<Disturber> disturber;
  if (disturbed) disturber.emplace(world, world.options.seed % 2 == 0);
  for (int boots = 0; boots < 6; ++boots) {
    world.clock.boot();
    if (disturber) disturber->boot(boots == 0);
    live(world, disturber, 20 + static_cast<int>(world.data.below(200)));
  }
  world.drain();
  world.judge(true);
}

}  // namespace

SimulationReport simulate_clocks(const SimulationOptions& options) {
  World good({options.seed, 0, options.directory + "/good"}, {.max_skew = "5m"});
  run(good, false);
  World wrong({options.seed, 0, options.directory + "/wrong"}, {.max_skew = "5m"});
  run(wrong, true);
  const Windows expected = windows_of(good), found = windows_of(wrong);
  if (expected.empty()) wrong.failed("no windows");
  for (const auto& [name, window] : expected) {
    const auto other = found.find(name);
    if (other != found.end() && other->second.second == window.second) continue;
    wrong.failed(name + ": " + (other == found.end() ? "missing" : other->second.second) +
                 " instead of " + window.second);
    if (++wrong.report.counts["different"] == 3) break;
  }
  if (found.size() != expected.size()) wrong.failed("another number of windows");
  for (std::string& failure : good.report.failures)
    wrong.report.failures.push_back(std::move(failure));
  ++wrong.report.counts["runs"];
  return std::move(wrong.report);
}

}  // namespace weir
