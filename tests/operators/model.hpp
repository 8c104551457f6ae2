#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "operators/output.hpp"
#include "operators/reading.hpp"

namespace weir::test {

/// Watermarks written down as directly as possible: computed anew from all devices each time.
class ModelClocks {
 public:
  struct Rules {
    Duration size{}, offset{}, lateness{}, out_of_order{}, max_skew{}, idle{};
    /// The windows that hold a time; tumbling ones of size and offset if there is none.
    std::function<std::vector<Window>(Timestamp)> windows;
  };

  explicit ModelClocks(const Rules& rules) : rules_(rules) {}

  void begin_batch(const Moment& now) {
    wall_ = std::max(wall_, now.wall);
    elapsed_ = now.elapsed;
    while (const auto silent = longest_silent()) {
      devices_[*silent].idle = true;
      update(devices_[*silent].group);
    }
  }

 protected:
  bool quarantines(const Reading& reading) const { return reading.time > wall_ + rules_.max_skew; }
  /// The group's watermark when a reading of the device comes.
  Timestamp hear(const std::string& group, const std::string& name) {
    Device& device = devices_[name];
    device.group = group;
    device.idle = false;
    if (device.seen != elapsed_) device.order = ++order_;
    device.seen = elapsed_;
    update(group);
    return watermarks_[group];
  }
  void advance(const std::string& name, Timestamp time) {
    Device& device = devices_[name];
    device.watermark = std::max(device.watermark, time - rules_.out_of_order);
    update(device.group);
  }

  const Rules rules_;

 private:
  static constexpr Timestamp beginning = timestamp_us(INT64_MIN / 2);
  struct Device {
    std::string group;
    Timestamp watermark = beginning;
    std::optional<Duration> seen;
    std::uint64_t order = 0;
    bool idle = false;
  };

  std::optional<std::string> longest_silent() const {
    std::optional<std::string> found;
    for (const auto& [name, device] : devices_) {
      if (device.idle || elapsed_ - *device.seen < rules_.idle) continue;
      if (!found || device.order < devices_.at(*found).order) found = name;
    }
    return found;
  }

  void update(const std::string& group) {
    Timestamp furthest = beginning;
    for (const auto& [name, device] : devices_) {
      if (device.group == group) furthest = std::max(furthest, device.watermark);
    }
    std::optional<Timestamp> lowest;
    for (const auto& [name, device] : devices_) {
      if (device.group != group || device.idle) continue;
      if (device.watermark < furthest - rules_.max_skew - rules_.idle) continue;
      lowest = lowest ? std::min(*lowest, device.watermark) : device.watermark;
    }
    auto [watermark, added] = watermarks_.emplace(group, beginning);
    if (lowest) watermark->second = std::max(watermark->second, *lowest);
  }

  Timestamp wall_ = beginning;
  Duration elapsed_{};
  std::uint64_t order_ = 0;
  std::map<std::string, Device> devices_;
  std::map<std::string, Timestamp> watermarks_;
};

/// What should become of a reading.
enum class Fate { aggregated, late, quarantined };

/// What a rollup should yield: every accepted reading is kept in each of its windows, and nothing
/// is incremental.
class Model : public ModelClocks {
 public:
  /// group, metric, start
  using Key = std::tuple<std::string, std::string, std::int64_t>;
  using ModelClocks::ModelClocks;

  Fate add(const std::string& group, const std::string& name, const std::string& metric,
           const Reading& reading) {
    if (quarantines(reading)) return Fate::quarantined;
    const Timestamp watermark = hear(group, name);
    bool late = true;
    for (const Window& window : windows_of(reading.time)) {
      if (window.end + rules_.lateness <= watermark) continue;
      accepted_[{group, metric, count_us(window.start)}].push_back(reading);
      late = false;
    }
    advance(name, reading.time);
    return late ? Fate::late : Fate::aggregated;
  }

  const std::map<Key, std::vector<Reading>>& accepted() const { return accepted_; }

 private:
  std::vector<Window> windows_of(Timestamp time) const {
    if (rules_.windows) return rules_.windows(time);
    std::int64_t into = (count_us(time) - rules_.offset.count()) % rules_.size.count();
    if (into < 0) into += rules_.size.count();
    return {{time - Duration(into), time - Duration(into) + rules_.size}};
  }

  std::map<Key, std::vector<Reading>> accepted_;
};

/// Sessions: `size` is the gap. Those that are closed for good take nothing any more.
class SessionModel : public ModelClocks {
 public:
  using ModelClocks::ModelClocks;
  struct Session {
    Timestamp first, last;
    std::vector<Reading> readings;
  };
  using Series = std::pair<std::string, std::string>;

  Fate add(const std::string& group, const std::string& name, const std::string& metric,
           const Reading& reading) {
    if (quarantines(reading)) return Fate::quarantined;
    const Timestamp watermark = hear(group, name);
    Session joined{reading.time, reading.time, {}};
    std::vector<Session> others;
    for (Session& session : sessions_[{group, metric}]) {
      const bool kept = session.last + rules_.size + rules_.lateness > watermark;
      const bool near =
          reading.time <= session.last + rules_.size && session.first <= reading.time + rules_.size;
      if (!kept || !near) {
        others.push_back(session);
        continue;
      }
      joined.first = std::min(joined.first, session.first);
      joined.last = std::max(joined.last, session.last);
      joined.readings.insert(joined.readings.end(), session.readings.begin(),
                             session.readings.end());
    }
    const bool late =
        joined.readings.empty() && reading.time + rules_.size + rules_.lateness <= watermark;
    if (!late) {
      joined.readings.push_back(reading);
      others.push_back(joined);
      sessions_[{group, metric}] = others;
    }
    advance(name, reading.time);
    return late ? Fate::late : Fate::aggregated;
  }

  const std::map<Series, std::vector<Session>>& sessions() const { return sessions_; }

 private:
  std::map<Series, std::vector<Session>> sessions_;
};

/// All readings of each series in the order of arrival, for windows by count.
class ArrivalModel : public ModelClocks {
 public:
  using ModelClocks::ModelClocks;
  using Series = std::pair<std::string, std::string>;

  Fate add(const std::string& group, const std::string& name, const std::string& metric,
           const Reading& reading) {
    if (quarantines(reading)) return Fate::quarantined;
    hear(group, name);
    arrived_[{group, metric}].push_back(reading);
    advance(name, reading.time);
    return Fate::aggregated;
  }

  const std::map<Series, std::vector<Reading>>& arrived() const { return arrived_; }

 private:
  std::map<Series, std::vector<Reading>> arrived_;
};

/// Look-backs over `size`: what each reading should emit.
class LookbackModel : public ModelClocks {
 public:
  using ModelClocks::ModelClocks;
  using Series = std::pair<std::string, std::string>;
  struct Told {
    Series series;
    Window window;
    std::uint32_t revision = 0;
    std::vector<Reading> readings;  ///< in the order of arrival
  };

  Fate add(const std::string& group, const std::string& name, const std::string& metric,
           const Reading& reading) {
    if (quarantines(reading)) return Fate::quarantined;
    hear(group, name);
    Seen& seen = seen_[{group, metric}];
    const bool late = !seen.readings.empty() && reading.time <= seen.newest - rules_.size;
    if (!late) {
      const bool again = !seen.readings.empty() && reading.time <= seen.newest;
      seen.newest = again ? seen.newest : reading.time;
      seen.revision = again ? seen.revision + 1 : 0;
      seen.readings.push_back(reading);
      Told told{{group, metric},
                {seen.newest - rules_.size + Duration(1), seen.newest + Duration(1)},
                seen.revision,
                {}};
      for (const Reading& each : seen.readings) {
        if (each.time > seen.newest - rules_.size) told.readings.push_back(each);
      }
      told_.push_back(told);
    }
    advance(name, reading.time);
    return late ? Fate::late : Fate::aggregated;
  }

  const std::vector<Told>& told() const { return told_; }

 private:
  struct Seen {
    Timestamp newest{};
    std::uint32_t revision = 0;
    std::vector<Reading> readings;
  };
  std::map<Series, Seen> seen_;
  std::vector<Told> told_;
};

/// The aggregates of a window, from all its readings in the order of arrival.
inline std::vector<Field> recompute(const std::vector<Reading>& readings) {
  double low = readings.front().value, high = low;
  long double sum = 0;
  const Reading *first = &readings.front(), *last = first;
  for (const Reading& reading : readings) {
    low = std::min(low, reading.value);
    high = std::max(high, reading.value);
    sum += reading.value;
    if (reading.time < first->time) first = &reading;
    if (reading.time >= last->time) last = &reading;
  }
  const auto count = static_cast<long double>(readings.size());
  long double squares = 0;
  for (const Reading& reading : readings) {
    squares += (reading.value - sum / count) * (reading.value - sum / count);
  }
  std::vector<Field> fields = {
      {"count", static_cast<std::int64_t>(readings.size())},
      {"sum", static_cast<double>(sum)},
      {"mean", static_cast<double>(sum / count)},
      {"min", low},
      {"max", high},
      {"first", first->value},
      {"last", last->value},
  };
  if (readings.size() > 1) {
    fields.push_back({"stddev", static_cast<double>(std::sqrt(squares / (count - 1)))});
  }
  return fields;
}

}  // namespace weir::test
