#pragma once

#include <chrono>
#include <utility>

#include "config/time_zone.hpp"
#include "operators/reading.hpp"

namespace weir {

/// The days, weeks (from Monday) or months of a time zone, each shifted by `offset` of local time
/// ("6h": from six in the morning to six the next, whatever the clocks do in the night). A window
/// begins when the clocks first show its beginning; where they skip that time, when they skip it.
/// Outside of the years 1 to 9999 windows are days, weeks or 30 days of UTC.
class Calendar {
 public:
  enum class Every : std::uint8_t { day = 1, week = 2, month = 3 };

  Calendar(Every every, TimeZone zone, Duration offset)
      : every_(every), zone_(std::move(zone)), offset_(offset) {}

  /// The one window that holds `time`.
  Window at(Timestamp time) const;

  Every every() const { return every_; }
  const TimeZone& zone() const { return zone_; }
  Duration offset() const { return offset_; }

 private:
  using Date = std::chrono::local_days;
  Date first_of(Date date) const;
  Date next(Date first) const;
  Timestamp begin(Date first) const { return zone_.first_at(first.time_since_epoch() + offset_); }

  Every every_;
  TimeZone zone_;
  Duration offset_;
};

}  // namespace weir
