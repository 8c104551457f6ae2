#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/seeded_random.hpp"
#include "tests/proof/simulated_parts.hpp"
#include "tests/support/disk_model.hpp"
#include "tests/support/fake_sink.hpp"
#include "tests/support/fault_vfs.hpp"

namespace weir {

/// What a run did and what is wrong. The same seed gives the same report.
struct SimulationReport {
  std::map<std::string, std::uint64_t> counts;
  double simulated_seconds = 0;
  std::vector<std::string> failures;  ///< sentences; empty: all is well
};

/// What was published, and what arrived of it. The k-th reading of a device in a window has the
/// value 2^k: the sum of a window names the readings in it, so that a value that is wrong, missing
/// or counted twice shows by itself.
class Oracle {
 public:
  using Slot = std::pair<std::string, std::int64_t>;  ///< device and start of the window, in us
  struct Window {
    std::uint64_t published = 0;  ///< the sum of all values
    std::uint64_t arrived = 0;    ///< of the highest revision
    std::uint64_t revision = 0;
    std::uint64_t count = 0;  ///< what the highest revision says
  };

  explicit Oracle(Duration window) : window_(window) {}

  /// The value of the next reading of that device and time; nothing: the window has enough.
  std::optional<std::uint64_t> next(const std::string& device, Timestamp time);
  /// Holds a delivered record against what was published. Returns what is wrong with it, or
  /// nothing.
  std::string take(const SinkRecord& record);
  /// Whether what a record says can be true: readings that were published, each once at most.
  /// Returns what is wrong, or nothing.
  std::string check(const SinkRecord& record) const;
  const std::map<Slot, Window>& windows() const { return windows_; }
  std::uint64_t repeated() const { return repeated_; }  ///< the same bytes under another seq
  std::uint64_t changed() const { return changed_; }    ///< other bytes under the same identity

 private:
  Slot slot_at(const std::string& device, Timestamp time) const;

  const Duration window_;
  std::map<Slot, Window> windows_;
  std::map<std::string, std::string> seen_;  ///< by identity; also by epoch and seq
  std::uint64_t repeated_ = 0, changed_ = 0;
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint64_t lies = 0;   ///< one sync in so many does nothing; 0: an honest card
  std::string directory;    ///< an empty one, best in memory
  std::uint64_t count = 0;  ///< what is asked for in all, for a figure that is one run
};

/// How fast a world runs: each figure is the upper bound of a random one.
struct Pace {
  std::uint64_t messages = 12;       ///< a round
  std::int64_t event_step_ms = 200;  ///< between messages; 0: devices show the true time
  Duration round{120'000};
  std::uint64_t deliveries = 3;  ///< one round in so many delivers
  std::uint64_t connects = 40;   ///< one round in so many has a new connection to the broker
  std::uint64_t silences = 60;   ///< one round in so many is followed by 40 s without a message
};

struct WorldShape {
  Duration window = std::chrono::seconds(10), idle = std::chrono::seconds(30);
  std::string max_skew = "365d", lateness = "30d";
};

/// A gateway's surroundings: clock, broker, disk, cluster, and the oracle beside them.
class World {
 public:
  explicit World(const SimulationOptions& options, const WorldShape& shape = {});

  /// Of the next start.
  Life::Parts parts() {
    store.jump = 1 + SeededRandom(options.seed ^ (++starts << 32)).below(std::uint64_t{1} << 32);
    return {config, store, clock, broker, sink};
  }
  void failed(std::string sentence);
  /// After a start: nothing may be wrong with the ledger, or with the database.
  void begun(Life& life);
  void observe(Life& life);
  void round(Life& life, const Pace& pace);
  void publish(const Pace& pace);
  void deliver(Life& life);
  /// The peer's position is of a database that is no more.
  void lose_history();
  /// The faults are over: everything must arrive. False: it failed.
  bool drain();
  bool drain(Life& life);
  /// Takes every delivered record; with `exact`, every window must hold all that was published.
  void judge(bool exact);
  /// Power is back, or the process is started again.
  void reboot();

  const SimulationOptions options;
  SeededRandom random;  ///< faults
  SeededRandom data;    ///< what is published and when; the same in twins
  DiskModel disk;
  FaultVfs vfs;
  SimulatedClock clock;
  SimulatedBroker broker;
  FakeSink sink;
  StoreOptions store;
  std::uint64_t starts = 0;
  Oracle oracle;
  SimulationReport report;
  std::string config;
  bool may_set_aside = false;
  const Duration drain_step;  ///< so much time passes in a round of `drain`

 private:
  std::int64_t event_ms_;
};

/// Value of a header, empty if there is none.
std::string header(const SinkRecord& record, std::string_view name);

}  // namespace weir
