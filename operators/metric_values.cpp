#include "operators/metric_values.hpp"

#include <algorithm>

namespace weir {

void MetricValues::note(DeviceId device, const Value& value) {
  Newest& newest = devices_[device];
  std::size_t at = 0;
  while (at < newest.count && newest.values[at].time > value.time) ++at;
  if (at < newest.count && newest.values[at].time == value.time) {
    newest.values[at] = value;
    return;
  }
  if (at == kept) return;
  newest.count = std::min(newest.count + 1, kept);
  for (std::size_t i = newest.count - 1; i > at; --i) newest.values[i] = newest.values[i - 1];
  newest.values[at] = value;
}

std::optional<MetricValues::Value> MetricValues::as_of(DeviceId device, Timestamp time,
                                                       Duration tolerance) const {
  const Newest* const newest = devices_.find(device);
  if (newest == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < newest->count; ++i) {
    const Value& value = newest->values[i];
    if (value.time > time) continue;
    if (saturating_difference(time, value.time) > tolerance) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

void MetricValues::Newest::save(ByteWriter& out) const {
  out.u8(static_cast<std::uint8_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    out.zigzag(count_us(values[i].time));
    out.f64(values[i].value);
    out.u8(static_cast<std::uint8_t>(values[i].quality));
  }
}

bool MetricValues::Newest::load(ByteReader& in) {
  count = in.u8();
  if (count > kept) return false;
  for (std::size_t i = 0; i < count; ++i) {
    values[i].time = timestamp_us(in.zigzag());
    values[i].value = in.f64();
    values[i].quality = static_cast<Quality>(in.u8());
    if (i > 0 && values[i].time >= values[i - 1].time) return false;
  }
  return in.ok();
}

std::size_t SourceValues::place(const std::string& metric) {
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (metrics_[i]->metric() == metric) return i;
  }
  metrics_.push_back(std::make_unique<MetricValues>(source_, metric, table_));
  return metrics_.size() - 1;
}

std::size_t SourceValues::place_of(MetricId metric) {
  return places_.of(metric, [this](MetricId id) {
    const auto found =
        std::ranges::find(metrics_, table_.metric(id),
                          [](const auto& each) -> const std::string& { return each->metric(); });
    return found == metrics_.end() ? none : static_cast<std::size_t>(found - metrics_.begin());
  });
}

void SourceValues::note(const Reading& reading) {
  const SeriesTable::Series& series = table_.series(reading.series);
  const std::size_t place = place_of(series.metric);
  if (place == none) return;
  metrics_[place]->note(series.device, {reading.time, reading.value, reading.quality});
}

}  // namespace weir
