#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "firmware-bridge/inbox.hpp"
#include "firmware-bridge/source.hpp"
#include "operators/pipeline.hpp"
#include "runtime/sink.hpp"
#include "store/store.hpp"

namespace weir {

/// Counts in fixed buckets; bounds in seconds, the last bucket is +Inf.
struct Histogram {
  static constexpr std::array<double, 11> bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                    0.1,   0.25,   0.5,   1.0,  5.0};
  std::array<std::uint64_t, bounds.size() + 1> buckets{};  ///< not cumulative
  double sum = 0;
  void add(Duration value);
};

/// Everything that /status, /metrics, the probes and `weir status` show, taken by the engine at one
/// commit so that it is consistent: the ledger in it balances.
struct Snapshot {
  std::string gateway, version, config_path, store_uuid;
  std::optional<std::string> set_aside;
  Moment started, now;
  Ledger ledger;
  std::uint64_t waiting = 0;  ///< outbox entries at the same commit
  Store::Stats store;
  Bytes store_limit{};
  bool store_over_limit = false;  ///< the newest commit had to evict …
  bool store_merging = false;     ///< … or to merge results into coarser windows
  std::string store_error;        ///< why commits fail right now; empty: they do not
  std::vector<Source::Status> sources;
  Sink::Status sink;
  Pipeline::Watermarks watermarks;
  std::size_t pipeline_bytes = 0;
  std::vector<Pipeline::OperatorMemory> operator_memory;  ///< what of it is whose
  std::uint32_t devices = 0, series = 0, devices_limit = 0, series_limit = 0;
  Inbox::Depth inbox;
  Bytes inbox_limit{};
  Histogram commit_seconds;
  std::uint64_t journal_seq = 0;
  bool replaying = false;  ///< still folding the journal at start
  bool stopping = false;
};

/// How far the lowest watermark of the active devices is behind the wall clock, never below zero;
/// nothing while no device is active.
std::optional<Duration> watermark_lag(const Snapshot& snapshot);
/// How long the oldest entry of a lane has waited; zero if none waits or the clock went back.
Duration oldest_age(const Snapshot& snapshot, Lane lane);

/// Where the engine puts the newest snapshot and everybody else reads it. Any thread.
class SnapshotBoard {
 public:
  SnapshotBoard();

  void post(std::shared_ptr<const Snapshot> snapshot);
  std::shared_ptr<const Snapshot> latest() const;  ///< null before the first

  /// The engine ticks it on every round; the watchdog is fed only while it moves.
  void progressed();
  std::uint64_t progress() const;
  /// When it last did; the time of construction before the first.
  std::chrono::steady_clock::time_point progressed_at() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> latest_;
  std::uint64_t progress_ = 0;
  std::chrono::steady_clock::time_point progressed_at_;
};

}  // namespace weir
