#include "runtime/snapshot.hpp"

#include <algorithm>

namespace weir {

void Histogram::add(Duration value) {
  const auto bucket =
      std::lower_bound(bounds.begin(), bounds.end(), as_seconds(value)) - bounds.begin();
  ++buckets[static_cast<std::size_t>(bucket)];
  sum += as_seconds(value);
}

std::optional<Duration> watermark_lag(const Snapshot& snapshot) {
  const Pipeline::Watermarks& marks = snapshot.watermarks;
  if (marks.devices <= marks.idle || marks.lowest == Timestamp{}) return std::nullopt;
  return std::max(Duration(0), snapshot.now.wall - marks.lowest);
}

Duration oldest_age(const Snapshot& snapshot, Lane lane) {
  const Timestamp oldest = snapshot.store.oldest[static_cast<std::size_t>(lane)];
  if (oldest == Timestamp{}) return Duration(0);
  return std::max(Duration(0), snapshot.now.wall - oldest);
}

SnapshotBoard::SnapshotBoard() : progressed_at_(std::chrono::steady_clock::now()) {}

void SnapshotBoard::post(std::shared_ptr<const Snapshot> snapshot) {
  const std::lock_guard lock(mutex_);
  latest_.swap(snapshot);
}

std::shared_ptr<const Snapshot> SnapshotBoard::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void SnapshotBoard::progressed() {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  ++progress_;
  progressed_at_ = now;
}

std::uint64_t SnapshotBoard::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

std::chrono::steady_clock::time_point SnapshotBoard::progressed_at() const {
  const std::lock_guard lock(mutex_);
  return progressed_at_;
}

}  // namespace weir
