#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "firmware-bridge/source.hpp"
#include "runtime/clock.hpp"
#include "runtime/engine.hpp"
#include "runtime/seeded_random.hpp"
#include "tests/support/disk_model.hpp"
#include "tests/support/fake_sink.hpp"
#include "tests/support/fault_vfs.hpp"

namespace weir {

/// Time that passes when it is told to.
class SimulatedClock final : public Clock {
 public:
  Moment now() const override { return moment_; }
  void pass(Duration time) {
    moment_.wall += time;
    moment_.elapsed += time;
    passed_ += time;
  }
  void jump(Duration by) { moment_.wall += by; }
  void boot() { moment_.elapsed = Duration(0); }
  Duration passed() const { return passed_; }

 private:
  Moment moment_{timestamp_us(1'700'000'000'000'000), Duration(0), true};
  Duration passed_{0};
};

/// An MQTT broker with a persistent session: a window of unacknowledged messages, what is not
/// acknowledged comes again, marked, on the next connection.
class SimulatedBroker final : public Source {
 public:
  void publish(std::string topic, std::string payload);
  void connect();           ///< a new connection: everything in flight again, in order
  void pump(Inbox& inbox);  ///< takes acknowledgements, sends what the window allows
  bool drained() const { return queue_.empty() && in_flight_.empty(); }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t sent_again() const { return sent_again_; }

  void start() override {}
  void stop(std::chrono::milliseconds) override {}
  Status status() const override { return {}; }
  void acknowledge(std::span<const AckToken> tokens) override;

 private:
  struct Sent {
    std::string topic, payload;
    std::uint16_t packet_id = 0;
  };
  void send(const Sent& message, bool again, Timestamp arrival, Batch& batch) const;

  static constexpr std::size_t window = 20;
  std::deque<Sent> queue_;
  std::deque<Sent> in_flight_;          ///< in the order of sending
  std::deque<Sent> again_;              ///< to be sent again on this connection
  std::vector<AckToken> on_their_way_;  ///< acknowledgements that a cut connection loses
  std::uint16_t next_id_ = 1;
  std::uint32_t connection_ = 1;
  std::uint64_t acknowledged_ = 0, sent_again_ = 0;
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t cuts = 50;  ///< power cuts in this run
  std::uint64_t lies = 0;   ///< one sync in so many does nothing; 0: an honest card
  bool wall_clock_jumps = true;
  std::string directory;  ///< an empty one, best in memory
};

struct SimulationReport {
  std::uint64_t cuts = 0, messages = 0, acknowledged = 0, sent_again = 0, redelivered = 0;
  std::uint64_t records = 0, windows = 0, lost_sectors = 0, set_aside = 0, gaps = 0;
  double simulated_seconds = 0;
  std::uint64_t lost = 0, twice = 0, wrong = 0;  ///< readings, records, windows
  std::vector<std::string> failures;             ///< sentences; empty: all is well
};

/// Runs the production engine, store and uplink on a simulated broker, disk, cluster and clock, one
/// thread, through power cuts, lost acknowledgements and lost answers; then lets everything drain
/// and compares what arrived with what was published. The same options give the same run.
SimulationReport simulate_gateway(const SimulationOptions& options);

}  // namespace weir
