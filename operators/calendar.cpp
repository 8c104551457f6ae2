#include "operators/calendar.hpp"

#include "operators/tumbling.hpp"

namespace weir {

using namespace std::chrono;

Calendar::Date Calendar::first_of(Date date) const {
  const year_month_day day(date);
  switch (every_) {
    case Every::day:
      return date;
    case Every::week:
      return date - (weekday(date) - Monday);
    case Every::month:
      return Date(day.year() / day.month() / 1);
  }
  return date;
}

Calendar::Date Calendar::next(Date first) const {
  if (every_ == Every::day) return first + days(1);
  if (every_ == Every::week) return first + days(7);
  return Date(year_month_day(first).year() / year_month_day(first).month() / 1 + months(1));
}

Window Calendar::at(Timestamp time) const {
  constexpr Timestamp earliest = sys_days(year(1) / 1 / 1), latest = sys_days(year(9999) / 1 / 1);
  if (time < earliest || time >= latest) {
    const Duration size = every_ == Every::day    ? hours(24)
                          : every_ == Every::week ? hours(168)
                                                  : hours(720);
    return Tumbling(size, Duration(0)).at(time);
  }
  const Duration local = time.time_since_epoch() + zone_.offset_at(time) - offset_;
  Date first = first_of(floor<days>(local_time<Duration>(local)));
  Window window{begin(first), begin(next(first))};
  // Clocks that were set back over the beginning show the day before for a while once more.
  while (window.end <= time) {
    first = next(first);
    window = {window.end, begin(next(first))};
  }
  return window;
}

}  // namespace weir
