#include <unistd.h>

#include <chrono>
#include <iostream>

#include "runtime/commands.hpp"
#include "runtime/json_writer.hpp"
#include "runtime/player.hpp"
#include "runtime/result_diff.hpp"
#include "runtime/uplink.hpp"

namespace weir {

namespace {

/// A line that is written over itself, on a terminal only, a few times a second.
class ReplayProgress {
 public:
  explicit ReplayProgress(bool wanted) : wanted_(wanted && ::isatty(STDERR_FILENO) == 1) {}

  void show(const RecordedFile& file, std::uint64_t readings) {
    if (!wanted_ || readings % 4096 != 0) return;
    const double seconds = this->seconds();
    if (seconds - shown_ < 0.2) return;
    shown_ = seconds;
    const std::uint64_t size = std::max<std::uint64_t>(count(file.size()), 1);
    std::cerr << "\r" << count(file.bytes_read()) * 100 / size << " %  " << readings
              << " readings  "
              << static_cast<std::uint64_t>(static_cast<double>(readings) / seconds) << "/s   "
              << std::flush;
  }
  void end() const {
    if (wanted_ && shown_ > 0) std::cerr << '\n';
  }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

 private:
  bool wanted_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double shown_ = 0;
};

Result<RecordedOptions> recorded_options(const ReplayOptions& options) {
  RecordedOptions recorded;
  if (!options.time_column.empty()) recorded.time_column = options.time_column;
  if (options.device_column.starts_with('='))
    recorded.device = options.device_column.substr(1);
  else
    recorded.device_column = options.device_column;
  recorded.metric_column = options.metric_column;
  recorded.value_columns = options.value_columns;
  if (!options.metric_column.empty() && options.value_columns.size() == 1) {
    recorded.value_column = options.value_columns.front();
    recorded.value_columns.clear();
  }
  if (!options.time_unit.empty()) {
    const auto format = time_format(options.time_unit);
    if (!format) return fail(ErrorKind::invalid, "no such time unit: " + options.time_unit);
    recorded.time_format = *format;
  }
  return recorded;
}

Result<void> play_file(const std::string& path, const RecordedOptions& options, bool as_recorded,
                       Player& player, ReplayProgress& progress) {
  if (path.ends_with(".db")) return player.play_journal(path, as_recorded);
  auto file = RecordedFile::open(path, options);
  if (!file) return fail(file.error());
  while (true) {
    const auto event = (*file)->next();
    if (!event) return fail(event.error());
    if (!*event) return {};
    if (auto played = player.play(**event); !played) {
      return fail(ErrorKind::invalid,
                  path + ":" + std::to_string((*event)->line) + ": " + played.error().message);
    }
    progress.show(**file, player.readings());
  }
}

const SourceOptions* choose_source(const Settings& settings, const std::string& name) {
  for (const SourceOptions& source : settings.source_options) {
    if (source.name == name || (name.empty() && settings.source_options.size() == 1))
      return &source;
  }
  return nullptr;
}

void summarise(const Player& player, const ReplayProgress& progress, bool json) {
  const ReadingCounts& counts = player.counts();
  if (json) {
    JsonWriter out;
    out.begin_object()
        .member("readings", player.readings())
        .member("results", player.results())
        .member("aggregated", counts.aggregated)
        .member("late", counts.late)
        .member("quarantined", counts.quarantined)
        .member("unused", counts.unused)
        .member("filtered", counts.filtered_total() + counts.no_room)
        .end_object();
    std::cerr << out.take() << '\n';
    return;
  }
  const double seconds = std::max(progress.seconds(), 1e-6);
  std::cerr << player.readings() << " readings (" << counts.aggregated << " aggregated, "
            << counts.late << " late, " << counts.quarantined << " quarantined, " << counts.unused
            << " unused, " << counts.filtered_total() + counts.no_room << " filtered), "
            << player.results() << " results in " << seconds << " s: "
            << static_cast<std::uint64_t>(static_cast<double>(player.readings()) / seconds)
            << " readings/s\n";
}

void summarise(const ResultDiff::Summary& diff, bool json) {
  if (!json) {
    std::cerr << diff.added << " results added, " << diff.removed << " removed, " << diff.changed
              << " changed, " << diff.same << " the same\n";
    return;
  }
  JsonWriter out;
  out.begin_object()
      .member("added", diff.added)
      .member("removed", diff.removed)
      .member("changed", diff.changed)
      .member("same", diff.same)
      .end_object();
  std::cerr << out.take() << '\n';
}

/// Plays every file. Anything but exit_ok: it was said why.
int play_files(const Settings& settings, const ReplayOptions& options,
               const RecordedOptions& recorded, bool as_recorded, const Player::Emit& emit) {
  const SourceOptions* source = choose_source(settings, options.source);
  if (source == nullptr) {
    std::cerr << "weir replay: say with --source which [[source]] of " << settings.config_path
              << " the readings belong to\n";
    return exit_usage;
  }
  Player player(settings, *source, emit);
  ReplayProgress progress(!options.quiet);
  for (const std::string& path : options.files) {
    if (auto played = play_file(path, recorded, as_recorded, player, progress); !played) {
      progress.end();
      std::cout.flush();
      std::cerr << "weir replay: " << played.error().message << '\n';
      return played.error().kind == ErrorKind::unavailable ? exit_no_input : exit_failed;
    }
  }
  for (const std::string& name : player.left_out()) {
    std::cerr << "weir replay: the saved state of " << name << " does not fit "
              << settings.config_path << "; its windows begin with the journal\n";
  }
  if (!options.keep_open) player.finish();
  progress.end();
  if (!options.quiet) summarise(player, progress, options.json);
  return exit_ok;
}

int print_results(const Settings& settings, const ReplayOptions& options,
                  const RecordedOptions& recorded) {
  OutboxEntry entry;
  return play_files(settings, options, recorded, options.as_recorded, [&](const Output& output) {
    ++entry.seq;
    entry.output = output;
    std::cout << make_record(entry, settings.gateway, "replay").value << '\n';
  });
}

int print_difference(const Settings& settings, const ReplayOptions& options,
                     const RecordedOptions& recorded) {
  const auto other = options.diff_recorded ? std::nullopt : load_settings(options.diff);
  if (!other && !options.diff_recorded) return exit_config;
  ResultDiff diff(settings.gateway);
  const auto into = [&diff](ResultDiff::Side side) {
    return [&diff, side](const Output& output) { diff.add(side, output); };
  };
  int code = play_files(other ? *other : settings, options, recorded, options.diff_recorded,
                        into(ResultDiff::Side::before));
  if (code == exit_ok)
    code = play_files(settings, options, recorded, false, into(ResultDiff::Side::after));
  if (code != exit_ok) return code;
  const ResultDiff::Summary summary = diff.write(std::cout);
  summarise(summary, options.json);
  return summary.different() ? exit_failed : exit_ok;
}

}  // namespace

int replay_command(const ReplayOptions& options) {
  const auto settings = load_settings(options.config);
  if (!settings) return exit_config;
  const auto recorded = recorded_options(options);
  if (!recorded) {
    std::cerr << "weir replay: " << recorded.error().message << '\n';
    return exit_usage;
  }
  std::ios::sync_with_stdio(false);
  const bool diff = !options.diff.empty() || options.diff_recorded;
  const int code = diff ? print_difference(*settings, options, *recorded)
                        : print_results(*settings, options, *recorded);
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "weir replay: the results could not be written\n";
    return exit_failed;
  }
  return code;
}

}  // namespace weir
