#pragma once

#include <algorithm>
#include <cstddef>

#include "config/units.hpp"

namespace weir {

/// How often to read from the broker. Reading at most every few milliseconds gathers messages, and
/// costs a tenth of reacting to each. But a broker whose window of unacknowledged messages is full
/// sends nothing more before it is acknowledged; then a pause only costs throughput, and the flow
/// has the pace of the commits anyway. That is so when the number of unacknowledged messages comes
/// back to the same highest value in round after round.
///
/// Pure: fed with counts, asks nobody.
class MqttPace {
 public:
  static constexpr Duration interval{4000};

  /// After `acknowledge`: how many messages waited for it.
  void acknowledged(std::size_t waited) {
    if (waited == 0) return;
    const bool full = waited >= highest_;
    highest_ = std::max(highest_, waited);
    rounds_ = std::clamp(rounds_ + (full ? 1 : -1), 0, 2 * rounds_needed);
  }

  /// How long after a read the next may come.
  Duration pause() const { return window_limited() ? Duration(0) : interval; }
  bool window_limited() const { return rounds_ >= rounds_needed; }

 private:
  static constexpr int rounds_needed = 4;
  std::size_t highest_ = 0;
  int rounds_ = 0;
};

}  // namespace weir
