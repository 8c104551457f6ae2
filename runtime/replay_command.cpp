#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "firmware-bridge/recorded.hpp"
#include "runtime/commands.hpp"
#include "runtime/engine_state.hpp"
#include "runtime/json_writer.hpp"
#include "runtime/settings.hpp"
#include "runtime/uplink.hpp"

namespace weir {

namespace {

/// What a recording can't say: who sent too much.
constexpr SeriesTable::Limits no_limits{1'000'000, 1'000'000};

/// Runs readings through a pipeline as if they arrived at their event time: a recording has no
/// clock, so the newest event time stands for it. Each reading is a batch of its own, so that
/// results do not depend on how a file is cut.
class Player {
 public:
  Player(const Settings& settings, const SourceOptions& source)
      : settings_(settings), source_(source) {
    restart();
  }

  Result<void> play(const RecordedReading& reading) {
    const auto series = series_of(reading);
    if (!series) return fail(series.error());
    if (readings_ == 0 || reading.time > now_.wall) {
      if (readings_ > 0) now_.elapsed += reading.time - now_.wall;
      now_.wall = reading.time;
    }
    ++readings_;
    const Reading one{reading.time, reading.value, *series, reading.quality};
    process(std::span(&one, 1));
    pipeline_->tick(now_, outputs_);
    print();
    return {};
  }

  EngineState engine_state() { return {now_, *table_, ledger_, *pipeline_, redeliveries_}; }

  /// As the process does: from what it stored.
  void restart() {
    std::string state;
    if (pipeline_) state = encode_state(engine_state());
    table_ = std::make_unique<SeriesTable>(no_limits);
    pipeline_ = make_pipeline(*settings_.pipeline, settings_.source_options, *table_);
    if (!state.empty() && !decode_state(state, engine_state())) {
      throw std::logic_error("the pipeline can't read its own state");
    }
  }

  /// The recording is over: everybody falls silent, so the open windows are emitted as they stand.
  void finish() {
    for (const SourceOptions& source : settings_.source_options) {
      now_.elapsed = std::max(now_.elapsed, now_.elapsed + source.idle + std::chrono::seconds(1));
    }
    pipeline_->tick(now_, outputs_);
    print();
  }

  Result<void> play_journal(const std::string& path) {
    auto inspector = StoreInspector::open(std::filesystem::path(path).parent_path().string());
    if (!inspector) return fail(inspector.error());
    const auto checkpoint = (*inspector)->checkpoint();
    if (!checkpoint) return fail(checkpoint.error());
    if (!checkpoint->state.empty()) {
      const auto left_out = decode_state(checkpoint->state, engine_state());
      if (!left_out) return fail(left_out.error());
      for (const std::string& name : *left_out) {
        std::cerr << "weir replay: the saved state of " << name
                  << " does not fit this configuration; its windows begin with the journal\n";
      }
    }
    return (*inspector)->replay(checkpoint->journal_seq, [this](JournalRecord&& record) {
      ByteReader dictionary(record.dictionary);
      if (!record.dictionary.empty()) table_->read(dictionary);
      now_ = record.now;
      readings_ += record.readings.size();
      if (!record.readings.empty()) process(record.readings);
      pipeline_->tick(now_, outputs_);
      print();
    });
  }

  std::uint64_t readings() const { return readings_; }
  std::uint64_t results() const { return results_; }
  const ReadingCounts& counts() const { return counts_; }

 private:
  void process(std::span<const Reading> readings) {
    pipeline_->process(readings, now_, outputs_);
    const ReadingCounts& counts = pipeline_->counts();
    counts_.aggregated += counts.aggregated;
    counts_.late += counts.late;
    counts_.quarantined += counts.quarantined;
    counts_.unused += counts.unused;
  }

  Result<SeriesId> series_of(const RecordedReading& reading) {
    std::vector<std::string_view> tags;
    std::string_view rest = reading.device;
    while (tags.size() + 1 < source_.tag_names.size() && rest.find('/') != rest.npos) {
      tags.push_back(rest.substr(0, rest.find('/')));
      rest.remove_prefix(rest.find('/') + 1);
    }
    tags.push_back(rest);
    if (tags.size() != source_.tag_names.size()) {
      return fail(ErrorKind::invalid, "source " + source_.name + " tells devices apart by " +
                                          std::to_string(source_.tag_names.size()) +
                                          " tags: write the device as tag/tag");
    }
    const SourceId source = table_->intern_source(source_.name, source_.tag_names);
    const auto device = table_->intern_device(source, tags);
    const auto series = device ? table_->intern_series(*device, reading.metric) : std::nullopt;
    if (!series) return fail(ErrorKind::full, "a recording may have a million series at most");
    return *series;
  }

  void print() {
    for (Output& output : outputs_) {
      OutboxEntry entry;
      entry.seq = ++results_;
      entry.output = std::move(output);
      std::cout << make_record(entry, settings_.gateway, "replay").value << '\n';
    }
    outputs_.clear();
  }

  const Settings& settings_;
  const SourceOptions& source_;
  std::unique_ptr<SeriesTable> table_;
  std::unique_ptr<Pipeline> pipeline_;
  Ledger ledger_;
  Redeliveries redeliveries_;
  Moment now_;
  Outputs outputs_;
  ReadingCounts counts_;
  std::uint64_t readings_ = 0, results_ = 0;
};

/// A line that is written over itself, on a terminal only, a few times a second.
class Progress {
 public:
  explicit Progress(bool wanted) : wanted_(wanted && ::isatty(STDERR_FILENO) == 1) {}

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

Result<void> play_file(const std::string& path, const RecordedOptions& options, Player& player,
                       Progress& progress) {
  if (path.ends_with(".db")) return player.play_journal(path);
  auto file = RecordedFile::open(path, options);
  if (!file) return fail(file.error());
  while (true) {
    const auto event = (*file)->next();
    if (!event) return fail(event.error());
    if (!*event) return {};
    if (const auto* reading = std::get_if<RecordedReading>(&(*event)->what)) {
      if (auto played = player.play(*reading); !played) {
        return fail(ErrorKind::invalid,
                    path + ":" + std::to_string((*event)->line) + ": " + played.error().message);
      }
      progress.show(**file, player.readings());
    } else if (std::holds_alternative<RecordedRestart>((*event)->what)) {
      player.restart();
    } else {
      return fail(ErrorKind::unsupported,
                  path + ":" + std::to_string((*event)->line) +
                      ": this version takes its watermarks from readings alone");
    }
  }
}

const SourceOptions* choose_source(const Settings& settings, const std::string& name) {
  for (const SourceOptions& source : settings.source_options) {
    if (source.name == name || (name.empty() && settings.source_options.size() == 1))
      return &source;
  }
  return nullptr;
}

void summarise(const Player& player, const Progress& progress, bool json) {
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
        .end_object();
    std::cerr << out.take() << '\n';
    return;
  }
  const double seconds = std::max(progress.seconds(), 1e-6);
  std::cerr << player.readings() << " readings (" << counts.aggregated << " aggregated, "
            << counts.late << " late, " << counts.quarantined << " quarantined, " << counts.unused
            << " unused), " << player.results() << " results in " << seconds << " s: "
            << static_cast<std::uint64_t>(static_cast<double>(player.readings()) / seconds)
            << " readings/s\n";
}

}  // namespace

int replay_command(const ReplayOptions& options) {
  const auto settings = load_settings(options.config);
  if (!settings) return exit_config;
  const SourceOptions* source = choose_source(*settings, options.source);
  if (source == nullptr) {
    std::cerr << "weir replay: say with --source which [[source]] of " << options.config
              << " the readings belong to\n";
    return exit_usage;
  }
  const auto recorded = recorded_options(options);
  if (!recorded) {
    std::cerr << "weir replay: " << recorded.error().message << '\n';
    return exit_usage;
  }
  std::ios::sync_with_stdio(false);
  Player player(*settings, *source);
  Progress progress(!options.quiet);
  for (const std::string& path : options.files) {
    if (auto played = play_file(path, *recorded, player, progress); !played) {
      progress.end();
      std::cout.flush();
      std::cerr << "weir replay: " << played.error().message << '\n';
      return played.error().kind == ErrorKind::unavailable ? exit_no_input : exit_failed;
    }
  }
  player.finish();
  progress.end();
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "weir replay: the results could not be written\n";
    return exit_failed;
  }
  if (!options.quiet) summarise(player, progress, options.json);
  return exit_ok;
}

}  // namespace weir
