#pragma once

#include <algorithm>
#include <cmath>
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

/// What a rollup should yield, written down as directly as possible: every accepted reading is
/// kept, every watermark is computed anew from all devices, and nothing is incremental.
class Model {
 public:
  struct Rules {
    Duration size{}, offset{}, lateness{}, out_of_order{}, max_skew{}, idle{};
  };
  /// group, metric, start
  using Key = std::tuple<std::string, std::string, std::int64_t>;

  explicit Model(const Rules& rules) : rules_(rules) {}

  void begin_batch(const Moment& now) {
    wall_ = std::max(wall_, now.wall);
    elapsed_ = now.elapsed;
    while (const auto silent = longest_silent()) {
      devices_[*silent].idle = true;
      update(devices_[*silent].group);
    }
  }

  /// What should become of the reading.
  enum class Fate { aggregated, late, quarantined };
  Fate add(const std::string& group, const std::string& name, const std::string& metric,
           const Reading& reading) {
    if (reading.time > wall_ + rules_.max_skew) return Fate::quarantined;
    Device& device = devices_[name];
    device.group = group;
    device.idle = false;
    if (device.seen != elapsed_) device.order = ++order_;
    device.seen = elapsed_;
    update(group);
    const Timestamp start = start_of(reading.time);
    const bool late = start + rules_.size + rules_.lateness <= watermarks_[group];
    if (!late) accepted_[{group, metric, count_us(start)}].push_back(reading);
    device.watermark = std::max(device.watermark, reading.time - rules_.out_of_order);
    update(group);
    return late ? Fate::late : Fate::aggregated;
  }

  const std::map<Key, std::vector<Reading>>& accepted() const { return accepted_; }

 private:
  static constexpr Timestamp beginning = timestamp_us(INT64_MIN / 2);
  struct Device {
    std::string group;
    Timestamp watermark = beginning;
    std::optional<Duration> seen;
    std::uint64_t order = 0;
    bool idle = false;
  };

  Timestamp start_of(Timestamp time) const {
    std::int64_t into = (count_us(time) - rules_.offset.count()) % rules_.size.count();
    if (into < 0) into += rules_.size.count();
    return time - Duration(into);
  }

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

  Rules rules_;
  Timestamp wall_ = beginning;
  Duration elapsed_{};
  std::uint64_t order_ = 0;
  std::map<std::string, Device> devices_;
  std::map<std::string, Timestamp> watermarks_;
  std::map<Key, std::vector<Reading>> accepted_;
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
