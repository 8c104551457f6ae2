#pragma once

#include "operators/reading.hpp"

namespace weir {

/// The gateway's time. The one seam through which wall and monotonic clocks come in.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Any thread. `elapsed` counts from an arbitrary start; the engine makes it continue over
  /// restarts.
  virtual Moment now() const = 0;
};

/// CLOCK_REALTIME, CLOCK_BOOTTIME and adjtimex.
class SystemClock : public Clock {
 public:
  Moment now() const override;
};

}  // namespace weir
