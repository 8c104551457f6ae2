#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "config/units.hpp"

namespace weir {

/// When to commit. Waiting gathers more messages into one sync, which saves the SD card; but a
/// broker that has its window of unacknowledged messages full sends nothing more before it is
/// acknowledged, and then waiting only costs throughput. It can't be asked (MQTT 3.1.1), so it is
/// recognised: right after an acknowledgement of n messages a burst of about n follows. While that
/// is so, a commit is due as soon as the flow pauses; otherwise when the oldest message has waited
/// for `interval`.
///
/// Pure: fed with elapsed time, asks nobody.
class CommitPace {
 public:
  explicit CommitPace(Duration interval) : interval_(interval) {}

  void arrived(Duration now, std::uint64_t messages) {
    if (waiting_ == 0) oldest_ = now;
    waiting_ += messages;
    newest_ = now;
    if (acked_ > 0 && now - acked_at_ <= burst_window) burst_ += messages;
  }

  void committed(Duration now, std::uint64_t acknowledged) {
    judge();
    waiting_ = 0;
    acked_ = acknowledged;
    acked_at_ = now;
    burst_ = 0;
  }

  /// When the next commit is due if nothing more arrives; nothing if no message waits.
  std::optional<Duration> due() const {
    if (waiting_ == 0) return std::nullopt;
    if (waiting_ >= max_messages) return oldest_;
    const Duration full = oldest_ + interval_;
    return window_limited_ ? std::min(full, newest_ + pause) : full;
  }

  bool window_limited() const { return window_limited_; }
  std::uint64_t waiting() const { return waiting_; }

  static constexpr Duration pause{1000};
  static constexpr Duration burst_window{5000};
  static constexpr std::uint64_t max_messages = 20'000;

 private:
  /// Three quiet rounds in a row end the state, so that one slow round does not cost an interval.
  void judge() {
    if (acked_ == 0) return;
    const bool burst = burst_ * 2 >= acked_;
    quiet_rounds_ = burst ? 0 : quiet_rounds_ + 1;
    if (burst) window_limited_ = true;
    if (quiet_rounds_ >= 3) window_limited_ = false;
  }

  Duration interval_;
  Duration oldest_{0}, newest_{0}, acked_at_{0};
  std::uint64_t waiting_ = 0, acked_ = 0, burst_ = 0;
  int quiet_rounds_ = 0;
  bool window_limited_ = false;
};

}  // namespace weir
