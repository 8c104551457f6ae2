#include <array>

#include "tests/proof/simulator.hpp"

// Calls to the disk that fail: the n-th read, write, sync or other, once or until it is repaired,
// also at a start; with kills and power cuts behind them, which show what was durable.

namespace weir {

namespace {

using Fault = FaultVfs::Fault;

constexpr std::uint64_t errors_a_run = 30;
constexpr std::array faults = {Fault::disk_full, Fault::io_error, Fault::short_write,
                               Fault::sync_error, Fault::read_error};
constexpr std::array names = {"disk_full", "io_error", "short_write", "sync_error", "read_error"};

class Errors {
 public:
  explicit Errors(const SimulationOptions& options)
      : world_(options, {.lateness = std::chrono::seconds(20)}) {}

  SimulationReport run() {
    while (world_.report.counts["errors"] < errors_a_run && world_.report.failures.size() < 5)
      live();
    world_.drain();
    world_.judge(true);
    return std::move(world_.report);
  }

 private:
  void arm() {
    const std::uint64_t which = world_.random.below(faults.size());
    const std::uint64_t nth = 1 + world_.random.below(world_.random.one_in(3) ? 400 : 60);
    for_good_ = world_.random.one_in(3);
    repaired_in_ = 1 + static_cast<int>(world_.random.below(60));
    hit_ = false;
    name_ = names[which];
    world_.vfs.arm({faults[which], nth, for_good_});
  }

  void heal() {
    look();
    world_.vfs.heal();
    for_good_ = false;
  }

  /// Counts the error once it has come.
  void look() {
    if (hit_ || world_.vfs.failed() == 0) return;
    hit_ = true;
    ++world_.report.counts["errors"];
    ++world_.report.counts[name_];
    if (for_good_) ++world_.report.counts["for_good"];
  }

  /// The process, from a start to its end; what starts it waits between two attempts.
  void live() {
    const bool at_start = world_.random.one_in(3);
    if (at_start) arm();
    {
      Life life(world_.parts());
      if (life.alive()) {
        world_.begun(life);
        if (!at_start) arm();
        go(life);
      } else {
        ++world_.report.counts["starts_refused"];
        if (world_.vfs.failed() == 0) world_.failed("it does not start: " + life.death());
      }
      end(life);
    }
    if (world_.disk.dead()) world_.disk.revive();
    if (cut_) world_.reboot();
    // A start that was refused is tried again on a disk that is still broken, or repaired.
    look();
    if (!for_good_ || world_.random.one_in(2)) heal();
    world_.clock.pass(std::chrono::seconds(1));
  }

  void go(Life& life) {
    world_.broker.connect();
    const int rounds = 20 + static_cast<int>(world_.random.below(100));
    for (int i = 0; i < rounds && life.alive(); ++i) {
      world_.round(life, {.stragglers = 8});
      look();
      if (hit_ && --repaired_in_ == 0) heal();
      if (life.restart_wanted()) return world_.failed("the cluster knew more than the database");
    }
    if (life.alive()) return;
    ++world_.report.counts["stops"];
    if (!hit_) world_.failed("it died by itself: " + life.death());
  }

  /// A power cut during the next calls, a kill, or an orderly stop.
  void end(Life& life) {
    cut_ = world_.random.one_in(3);
    if (cut_) {
      ++world_.report.counts["cuts"];
      if (life.alive()) {
        world_.disk.arm(1 + world_.random.below(100));
        for (int i = 0; i < 60 && life.alive() && !world_.disk.dead(); ++i)
          world_.round(life, {.stragglers = 8});
      }
      if (!world_.disk.dead()) world_.disk.kill();
    } else if (life.alive() && world_.random.one_in(3)) {
      life.stop();
      ++world_.report.counts["orderly_stops"];
    } else {
      ++world_.report.counts["kills"];
      world_.disk.kill();
    }
  }

  World world_;
  bool for_good_ = false, hit_ = false, cut_ = false;
  int repaired_in_ = 0;
  const char* name_ = "";
};

}  // namespace

SimulationReport simulate_errors(const SimulationOptions& options) {
  return Errors(options).run();
}

}  // namespace weir
