#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"
#include "config/units.hpp"

namespace weir {

/// The local time of a place, from the system's time zone data (IANA). A value: it never changes
/// and reads nothing once it is made.
///
/// Our own reader of TZif (RFC 8536), because there is none in Debian 12 that is right: GCC 12 has
/// no zones, and the date library (3.0.1) leaves out the rule at the end of a file, so that files
/// as zic makes them today ("slim") go wrong after their last listed change, and all others after
/// 2037 (HowardHinnant/date, issues 614, 760, 874).
class TimeZone {
 public:
  /// Seconds; local time is always nearer to UTC (RFC 8536, section 3.2).
  static constexpr std::int64_t offset_max = 26 * std::int64_t{3600};

  /// Reads a TZif file.
  /// # Errors
  /// `invalid`: it is none, is damaged, or counts leap seconds.
  static Result<TimeZone> parse(std::string name, std::string_view bytes);
  static TimeZone utc();

  const std::string& name() const { return name_; }
  /// Local time less UTC.
  Duration offset_at(Timestamp time) const;
  /// The first time at which local clocks show `local` (microseconds since 1970 by them) or more:
  /// of a local time that comes twice the first, and for one that is skipped the end of the gap.
  Timestamp first_at(Duration local) const;

 private:
  /// From `at` on, in seconds.
  struct Change {
    std::int64_t at;
    std::int32_t offset;
  };
  /// A day of the year and a time of it: month, week and weekday, or a day's number.
  struct Day {
    enum class Form { month_week, julian, zero_based } form = Form::month_week;
    std::int32_t month = 0, week = 0, day = 0, seconds = 7200;
    std::int64_t in_year(std::int32_t year) const;  ///< local seconds since 1970
  };
  /// What holds behind the last listed change.
  struct Rule {
    std::int32_t standard = 0, summer = 0;
    std::optional<Day> begin, end;  ///< of summer time; absent: there is none
  };

  friend class TimeZoneReader;
  TimeZone() = default;
  std::vector<Change> changes_around(std::int64_t at) const;
  std::int32_t seconds_at(std::int64_t at) const;

  std::string name_;
  std::int32_t first_offset_ = 0;  ///< before the first change
  std::vector<Change> changes_;    ///< in order
  std::optional<Rule> rule_;
};

/// "Europe/Berlin", from the directory of the system's time zones ($TZDIR, else
/// /usr/share/zoneinfo). "UTC" is known without it.
/// # Errors
/// `invalid`: no such zone, or its file can't be used.
Result<TimeZone> load_time_zone(std::string_view name);

}  // namespace weir
