#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "config/units.hpp"

namespace weir {

/// When to commit. At most one commit an `interval`: the longer messages are gathered, the less is
/// written. A message after a pause is not kept waiting for company that may not come.
///
/// But a broker that has its window of unacknowledged messages full sends nothing more before it is
/// acknowledged, and then waiting only costs throughput. It can't be asked (MQTT 3.1.1), so it is
/// recognised: the flow stands still although messages wait, and goes on right after their
/// acknowledgement. While that is so, a commit is due as soon as the flow pauses. Now and then it
/// waits a little longer all the same, to see whether the broker could send more. Many messages and
/// then stillness look like a full window before it is known: to wait out the interval would leave
/// the broker with a queue that it may never work off.
///
/// Pure: fed with elapsed time, asks nobody.
class CommitPace {
 public:
  explicit CommitPace(Duration interval) : interval_(interval) {}

  void arrived(Duration now, std::uint64_t messages) {
    if (messages == 0) return;
    if (waiting_ == 0) {
      oldest_ = now;
      resumed_ = stood_still_ && now - acked_at_ <= resume_window;
      if (resumed_ && !window_limited_) begin_limited();
    } else if (now - newest_ > open_gap) {
      open_ = true;
    }
    waiting_ += messages;
    newest_ = now;
  }

  /// A commit of what waits begins.
  void closing(Duration now) {
    if (waiting_ == 0) return;
    const bool flows = newest_ - oldest_ >= interval_ / 2;
    quiet_rounds_ = resumed_ ? 0 : quiet_rounds_ + 1;
    if (open_ || flows || quiet_rounds_ >= 3) window_limited_ = false;
    stood_still_ = window_limited_ || (!open_ && now - newest_ >= stillness);
  }

  /// The commit is done, and so many of its messages are acknowledged.
  void committed(Duration now, std::uint64_t acknowledged) {
    if (acknowledged > 0) acked_at_ = now;
    if (waiting_ > 0) ++rounds_;
    committed_at_ = now;
    waiting_ = 0;
    open_ = false;
  }

  /// When the next commit is due if nothing more arrives; nothing if no message waits.
  std::optional<Duration> due() const {
    if (waiting_ == 0) return std::nullopt;
    if (waiting_ >= max_messages) return oldest_;
    const Duration next = std::max(oldest_ + lead, committed_at_ + interval_);
    const Duration full = std::min(next, oldest_ + interval_);
    if (!window_limited_) return waiting_ < many ? full : std::min(full, newest_ + stillness);
    return std::min(full, newest_ + (rounds_ % probe_every == 0 ? probe : pause));
  }

  bool window_limited() const { return window_limited_; }
  std::uint64_t waiting() const { return waiting_; }

  static constexpr Duration lead{5000};           ///< for the first message after a pause
  static constexpr Duration pause{1000};          ///< the flow pauses
  static constexpr Duration open_gap{8000};       ///< longer than a source gathers before it reads
  static constexpr Duration stillness{20'000};    ///< so long that the flow may wait for us
  static constexpr std::uint64_t many = 500;      ///< messages that are worth a commit
  static constexpr Duration resume_window{5000};  ///< "right after"
  static constexpr Duration probe{20'000};
  static constexpr std::uint64_t probe_every = 32;  ///< rounds
  static constexpr std::uint64_t max_messages = 20'000;

 private:
  static constexpr Duration never = Duration::min() / 4;

  /// With a probe: a steady flow that stood still by chance goes on behind it as well.
  void begin_limited() {
    window_limited_ = true;
    rounds_ = 0;
    quiet_rounds_ = 0;
  }

  Duration interval_;
  Duration oldest_{0}, newest_{0};  ///< of what waits
  std::uint64_t waiting_ = 0;
  bool open_ = false;  ///< the broker sent although messages waited: its window is not full
  Duration committed_at_ = never, acked_at_ = never;
  bool stood_still_ = false;  ///< the flow, before the last acknowledgement …
  bool resumed_ = false;      ///< … and right after it
  bool window_limited_ = false;
  std::uint64_t rounds_ = 0;
  int quiet_rounds_ = 0;
};

}  // namespace weir
