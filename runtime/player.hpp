#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware-bridge/recorded.hpp"
#include "runtime/engine_state.hpp"
#include "runtime/settings.hpp"

namespace weir {

/// Runs recordings through the pipeline of a configuration. A recording that does not say what time
/// it was at the gateway has no clock, so the newest event time stands for it. Each reading is a
/// batch of its own, so that results do not depend on how a file is cut. REPLAY.md is the contract.
class Player {
 public:
  using Emit = std::function<void(const Output&)>;

  /// The settings outlive the player; `source` is one of theirs. `emit` is handed every result.
  Player(const Settings& settings, const SourceOptions& source, Emit emit);

  /// # Errors
  /// `invalid`, `full`: the device does not fit the source, or there are too many.
  Result<void> play(const RecordedEvent& event);
  /// The journal of a copied database, with its own clocks, from its checkpoint on. `as_recorded`:
  /// through the configurations that it recorded, in place of that of the settings.
  Result<void> play_journal(const std::string& path, bool as_recorded);
  /// The recording is over: everybody falls silent, so the open windows are emitted as they stand.
  void finish();

  /// Operators whose saved state did not fit: their windows begin with the journal.
  const std::vector<std::string>& left_out() const { return left_out_; }
  std::uint64_t readings() const { return readings_; }
  std::uint64_t results() const { return results_; }
  const ReadingCounts& counts() const { return counts_; }

 private:
  Result<void> take(const RecordedReading& reading, bool clock_told);
  Result<void> take(const RecordedWatermark& watermark, bool clock_told);
  Result<void> take(const RecordedRestart&, bool clock_told);
  Result<void> take(const RecordedPause&, bool clock_told);
  std::uint64_t learn_series(StoreInspector& journal, std::uint64_t after);
  void introduce_derived();
  EngineState engine_state();
  void restart();
  void set_clock(Timestamp wall);
  void process(std::span<const Reading> readings);
  Result<void> settle();
  Result<DeviceId> device_of(std::string_view text);
  Result<SeriesId> series_of(const RecordedReading& reading);

  const Settings& settings_;
  const SourceOptions& source_;
  Emit emit_;
  std::unique_ptr<SeriesTable> table_;
  std::unique_ptr<Pipeline> pipeline_;
  Ledger ledger_;
  Redeliveries redeliveries_;
  std::uint64_t doubt_ = 0;
  Moment now_;
  Outputs outputs_;
  ReadingCounts counts_;
  std::vector<std::string> left_out_;
  std::uint64_t readings_ = 0, results_ = 0;
  bool clock_started_ = false;
};

}  // namespace weir
