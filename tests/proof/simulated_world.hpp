#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/seeded_random.hpp"
#include "tests/proof/simulated_losses.hpp"
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
  std::uint64_t stragglers = 0;  ///< one message in so many is up to a minute older, or is bad
};

struct WorldShape {
  Duration window = std::chrono::seconds(10), idle = std::chrono::seconds(30);
  std::string max_skew = "365d";
  Duration lateness = std::chrono::hours(30 * 24);
};

/// A gateway's surroundings: clock, broker, disk, cluster, and the oracle beside them.
class World {
 public:
  explicit World(const SimulationOptions& options, const WorldShape& shape = {});

  /// Of the next start.
  Life::Parts parts() {
    store.jump = 1 + SeededRandom(options.seed ^ (++starts << 32)).below(std::uint64_t{1} << 32);
    return {config, store, clock, broker, sink, [this](const auto& epoch) { sink.serve(epoch); },
            &states};
  }
  void failed(std::string sentence);
  /// After a start: nothing may be wrong with the ledger, or with the database.
  void begun(Life& life);
  void observe(Life& life);
  void round(Life& life, const Pace& pace);
  void publish(const Pace& pace);
  void publish_bad(const std::string& device);
  void deliver(Life& life);
  /// The peer's position is of a database that is no more.
  void lose_history();
  /// The faults are over: everything must arrive. False: it failed.
  bool drain();
  /// What the ledger must say of an honest card, to the last message.
  void judge(const Ledger& ledger, std::uint64_t dead_letters);
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
  std::map<std::uint64_t, std::size_t> states;
  Oracle oracle;
  Losses losses;
  SimulationReport report;
  std::string config;
  bool may_set_aside = false;
  const Duration drain_step;  ///< so much time passes in a round of `drain`

 private:
  void note_answers(Life& life);
  bool quiet(Life& life);
  void judge_losses();
  bool drained(Life& life);

  std::int64_t event_ms_;
};

}  // namespace weir
