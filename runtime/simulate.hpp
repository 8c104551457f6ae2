#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"
#include "runtime/fleet.hpp"

namespace CLI {
class App;
}

namespace weir {

/// `weir simulate`: a fleet, or recorded files, published over MQTT.
struct SimulateOptions {
  std::string url = "mqtt://localhost:1883";
  std::string client_id;  ///< empty: one of its own for each start
  std::string username, password, password_file, ca_file;
  int qos = 1;
  bool retain = false;

  FleetOptions fleet;
  double rate = 0;  ///< messages a second of the whole fleet; 0: fleet.interval decides

  std::vector<std::string> files;  ///< empty: the fleet
  double speed = 1;                ///< how many times as fast as it was recorded; 0: no pauses
  std::string time_column, device_column, metric_column, time_unit;
  std::vector<std::string> value_columns;

  bool json = false;   ///< the summary as one JSON document
  bool quiet = false;  ///< no progress
};

/// The time of a simulation. Two implementations: the process's, and one for tests that jumps.
class Pacer {
 public:
  virtual ~Pacer() = default;
  virtual Timestamp wall() const = 0;
  /// From an arbitrary start; never goes back.
  virtual Duration elapsed() const = 0;
  /// Returns at `elapsed`, at once if that is past; false, and then early, when it is to end.
  virtual bool wait_until(Duration elapsed) = 0;
};

/// Where the messages of a simulation go.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// Blocks while too many messages wait for their acknowledgement.
  virtual Result<void> publish(std::string_view topic, std::string_view payload) = 0;
  /// Returns when everything published was acknowledged.
  virtual Result<void> flush() = 0;
};

/// What a simulation did.
struct SimulateSummary {
  std::uint64_t messages = 0, bytes = 0;  ///< sent; payload bytes
  Duration elapsed{};
  bool interrupted = false;

  double per_second() const;
};

/// Replaces its argument by the next message, in the order of `due`; false at the end.
using MessageFeed = std::function<bool(FleetMessage&)>;

/// Sends each message at its `due` divided by `speed` after the start (0: at once). `progress` is
/// called a few times a second. An interruption ends it after the message that was waited for.
/// # Errors
/// Those of the outlet.
Result<SimulateSummary> play(const MessageFeed& feed, double speed, Pacer& pacer, Outlet& outlet,
                             const std::function<void(const SimulateSummary&)>& progress);

/// The interval at which `devices` together send `rate` messages a second.
Duration interval_of(double rate, std::uint32_t devices);

/// The summary for people or, on one line, for scripts; `fleet` is null for recorded files.
std::string summary_text(const SimulateSummary& summary, const FleetSummary* fleet);
std::string summary_json(const SimulateSummary& summary, const FleetSummary* fleet);

/// Runs until the end or SIGINT or SIGTERM. Returns an ExitCode.
int simulate_command(const SimulateOptions& options);

/// Adds the command `simulate` with its options; `options` must outlive `app`.
CLI::App* add_simulate_options(CLI::App& app, SimulateOptions& options);

}  // namespace weir
