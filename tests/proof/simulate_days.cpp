#include <array>
#include <chrono>
#include <optional>

#include "tests/proof/simulator.hpp"

// Days of a gateway: hours of quiet, then something happens. The link is away, the power fails, the
// process is killed, the disk fails, the clock jumps, also several of these at once. The days of
// every fourth seed are lived twice and must deliver the same bytes.

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr Duration days_a_run = 36 * 24h + 12h;
constexpr std::int64_t us_an_hour = 3'600'000'000;

class Days {
 public:
  explicit Days(const SimulationOptions& options)
      : world_(options, {.window = 10min, .idle = 30min, .max_skew = "5m", .lateness = 1h}) {}

  World& world() { return world_; }

  SimulationReport run() {
    while (world_.clock.passed() < days_a_run && world_.report.failures.size() < 5) {
      if (!up()) continue;
      pass(hours(12));
      happen();
      while (world_.random.one_in(3)) happen();
    }
    go_down();
    world_.drain();
    world_.judge(true);
    world_.report.counts["days"] +=
        static_cast<std::uint64_t>(world_.clock.passed() / Duration(24h));
    return std::move(world_.report);
  }

 private:
  Duration hours(std::uint64_t most) {
    return Duration(static_cast<std::int64_t>(1 + world_.random.below(most)) * us_an_hour / 2);
  }

  /// A start; false: the disk would not have it, and is repaired by now.
  bool up() {
    if (life_) return true;
    life_.emplace(world_.parts());
    if (life_->alive()) {
      world_.begun(*life_);
      world_.broker.connect();
      return true;
    }
    if (world_.vfs.failed() == 0) world_.failed("it does not start: " + life_->death());
    ++world_.report.counts["starts_refused"];
    go_down();
    world_.vfs.heal();
    return false;
  }

  /// The end of the process, however it comes.
  void go_down() {
    if (!life_) return;
    const bool cut = world_.disk.dead();
    if (!cut) world_.disk.kill();
    life_.reset();
    if (!cut) return world_.disk.revive();
    world_.reboot();
    ++world_.report.counts["power_cuts"];
    if (world_.random.one_in(2)) world_.clock.set(timestamp_us(0), false);
    pass_down(hours(6));
  }

  /// The devices go on while the gateway is down.
  void pass_down(Duration time) {
    for (const Duration end = world_.clock.passed() + time; world_.clock.passed() < end;) {
      world_.publish(pace_);
      world_.clock.pass(2min);
    }
  }

  void pass(Duration time) {
    for (const Duration end = world_.clock.passed() + time; life_ && world_.clock.passed() < end;) {
      world_.round(*life_, pace_);
      if (world_.random.one_in(50)) world_.clock.set(world_.clock.truth(), true);
      if (world_.disk.dead()) return go_down();
      if (life_->alive() && !life_->restart_wanted()) continue;
      if (life_->restart_wanted()) world_.failed("the cluster knew more than the database");
      if (!life_->alive() && world_.vfs.failed() == 0)
        world_.failed("it died by itself: " + life_->death());
      ++world_.report.counts["stops"];
      go_down();
    }
  }

  void happen() {
    if (!up()) return;
    switch (world_.random.below(5)) {
      case 0:
        return outage();
      case 1:
        world_.disk.arm(1 + world_.random.below(500));
        return pass(hours(4));
      case 2:
        ++world_.report.counts["kills"];
        return go_down();
      case 3:
        return disk_error();
      default:
        ++world_.report.counts["clock_jumps"];
        world_.clock.set(world_.clock.truth() +
                             Duration(us_an_hour) *
                                 (static_cast<std::int64_t>(world_.random.below(175'200)) - 87'600),
                         false);
    }
  }

  void outage() {
    ++world_.report.counts["outages"];
    pace_.deliveries = UINT64_MAX;
    pass(hours(48));
    pace_.deliveries = 3;
  }

  void disk_error() {
    using Fault = FaultVfs::Fault;
    constexpr std::array faults = {Fault::disk_full, Fault::io_error, Fault::short_write,
                                   Fault::sync_error, Fault::read_error};
    const bool for_good = world_.random.one_in(2);
    world_.vfs.arm(
        {faults[world_.random.below(faults.size())], 1 + world_.random.below(200), for_good});
    pass(hours(6));
    if (world_.vfs.failed() > 0) ++world_.report.counts["disk_errors"];
    world_.vfs.heal();
  }

  World world_;
  Pace pace_{8, 0, 8min, 3, 40, 1000};
  std::optional<Life> life_;
};

/// All that was delivered but the name of the database, which is never the same.
std::string bytes_of(const World& world) {
  std::string bytes;
  for (const SinkRecord& record : world.sink.records())
    bytes += record.topic + record.key + record.value + header(record, "weir-seq") + "\n";
  return bytes;
}

}  // namespace

SimulationReport simulate_days(const SimulationOptions& options) {
  Days days({options.seed, 0, options.directory + "/days"});
  SimulationReport report = days.run();
  if (options.seed % 4 != 0) return report;
  Days again({options.seed, 0, options.directory + "/again"});
  again.run();
  ++report.counts["replayed"];
  if (bytes_of(again.world()) != bytes_of(days.world()))
    report.failures.push_back("seed " + std::to_string(options.seed) +
                              ": the same seed delivers other bytes");
  return report;
}

}  // namespace weir
