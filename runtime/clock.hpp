#pragma once

#include <string>

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

/// CLOCK_REALTIME, CLOCK_BOOTTIME and adjtimex. Where a sandbox forbids adjtimex, which is what
/// systemd's ProtectClock=yes does, systemd-timesyncd vouches for the clock by the mark it makes.
class SystemClock : public Clock {
 public:
  /// `timesyncd`: the directory that is there while systemd-timesyncd runs.
  explicit SystemClock(const std::string& timesyncd = "/run/systemd/timesync")
      : timesyncd_(timesyncd), mark_(timesyncd + "/synchronized") {}

  Moment now() const override;
  /// Whether there is anybody to ask; otherwise no moment is ever called synchronised.
  bool can_tell() const;

 private:
  bool synchronised() const;

  std::string timesyncd_, mark_;
};

}  // namespace weir
