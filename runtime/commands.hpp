#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// Exit codes, for scripts: those of sysexits.h where one fits.
enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,        ///< it ran and the answer is no, or something broke on the way
  exit_usage = 64,        ///< the command line is wrong
  exit_no_input = 66,     ///< a file that was named can't be read
  exit_unavailable = 69,  ///< the weir that was asked does not answer
  exit_software = 70,     ///< weir stopped itself: the store can't go on
  exit_cant_create = 73,  ///< the data directory can't be made or written to
  exit_config = 78,       ///< the configuration is wrong
};

struct RunOptions {
  std::string config = "/etc/weir/weir.toml";
};
/// Runs the gateway until SIGTERM or SIGINT.
int run_command(const RunOptions& options);

struct CheckOptions {
  std::string config = "/etc/weir/weir.toml";
  double rate =
      0;  ///< readings a second to price the configuration for; 0: one a series every 10 s
  std::uint32_t series = 0;  ///< 0: limits.series
  bool json = false;
};
/// Says everything that is wrong with the configuration, or what it will cost. Touches no network.
int check_command(const CheckOptions& options);

struct ReplayOptions {
  std::string config = "/etc/weir/weir.toml";
  std::vector<std::string> files;  ///< CSV, JSON lines, or a copied weir.db
  std::string source;              ///< the [[source]] the readings belong to; empty: the only one
  std::string time_column, device_column, metric_column;
  std::vector<std::string> value_columns;
  std::string time_unit;
  bool json = false;  ///< the summary, too, as JSON
  bool quiet = false;
  std::string diff;            ///< another configuration to compare with; empty: none
  bool as_recorded = false;    ///< of a journal: through the configurations that it recorded
  bool diff_recorded = false;  ///< compare with that
  bool keep_open = false;      ///< windows that are open at the end are not emitted
};
/// Runs recorded readings through the configuration's pipeline and prints its results as JSON
/// lines, or what is different from the results of another configuration: exit_failed if anything.
int replay_command(const ReplayOptions& options);

struct StatusOptions {
  std::string address = "127.0.0.1:9464";
  bool json = false;
};
/// Asks a running weir how it is.
int status_command(const StatusOptions& options);

struct DoctorOptions {
  std::string config = "/etc/weir/weir.toml";
  std::string directory;  ///< not empty: in place of a configuration, and offline
  bool offline = false;
  bool json = false;
};
/// Looks at everything in the data directory and compares it with what the cluster knows. Changes
/// nothing.
int doctor_command(const DoctorOptions& options);

struct DeadLetterOptions {
  std::string directory = "/var/lib/weir";
  std::optional<std::string> reason;
  std::uint32_t limit = 20;
  std::int64_t id = 0;  ///< of `show`
  std::string source;   ///< of `export`
  bool json = false;
};
int dead_letter_list_command(const DeadLetterOptions& options);
int dead_letter_show_command(const DeadLetterOptions& options);
/// The quarantined readings of a source as lines for `weir replay` (REPLAY.md), the oldest first.
int dead_letter_export_command(const DeadLetterOptions& options);

int version_command(bool json);

}  // namespace weir
