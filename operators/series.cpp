#include "operators/series.hpp"

#include <array>
#include <utility>

namespace weir {

namespace {

// Lengths in front of the texts, so that ("ab", "c") and ("a", "bc") are two keys.
template <class Texts>
void make_key(std::string& key, std::uint64_t prefix, const Texts& texts) {
  key.clear();
  ByteWriter writer(key);
  writer.varint(prefix);
  for (const auto& text : texts) writer.text(text);
}

void make_source_key(std::string& key, std::string_view name,
                     std::span<const std::string> tag_names) {
  make_key(key, tag_names.size(), tag_names);
  key.append(name);
}

constexpr std::uint64_t series_key(SeriesTable::Series series) {
  return std::uint64_t{index(series.device)} << 32 | index(series.metric);
}

void write_texts(ByteWriter& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts) out.text(text);
}

std::vector<std::string> read_texts(ByteReader& in) {
  std::vector<std::string> texts;
  for (std::uint64_t left = in.count(); left > 0; --left) texts.emplace_back(in.text());
  return texts;
}

// A varint that is to be an index below `size`; anything else fails by `valid`.
std::uint32_t read_index(ByteReader& in, std::size_t size, bool& valid) {
  const std::uint64_t value = in.varint();
  if (value < size) return static_cast<std::uint32_t>(value);
  valid = false;
  return 0;
}

}  // namespace

SourceId SeriesTable::intern_source(std::string_view name, std::span<const std::string> tag_names) {
  make_source_key(key_, name, tag_names);
  if (const auto found = source_index_.find(key_); found != source_index_.end()) {
    return found->second;
  }
  return add_source({std::string(name), {tag_names.begin(), tag_names.end()}}, key_);
}

std::optional<DeviceId> SeriesTable::intern_device(SourceId source,
                                                   std::span<const std::string_view> tag_values) {
  make_key(key_, index(source), tag_values);
  if (const auto found = device_index_.find(key_); found != device_index_.end()) {
    return found->second;
  }
  if (devices_.size() >= limits_.devices) return std::nullopt;
  return add_device({source, {tag_values.begin(), tag_values.end()}}, key_);
}

std::optional<SeriesId> SeriesTable::intern_series(DeviceId device, std::string_view metric) {
  const auto known = metric_index_.find(metric);
  if (known != metric_index_.end()) {
    const auto found = series_index_.find(series_key({device, known->second}));
    if (found != series_index_.end()) return found->second;
  }
  if (series_.size() >= limits_.series) return std::nullopt;
  const MetricId id =
      known != metric_index_.end() ? known->second : add_metric(std::string(metric));
  return add_series({device, id});
}

std::optional<SeriesId> SeriesTable::find_series(DeviceId device, std::string_view metric) const {
  const auto known = metric_index_.find(metric);
  if (known == metric_index_.end()) return std::nullopt;
  const auto found = series_index_.find(series_key({device, known->second}));
  if (found == series_index_.end()) return std::nullopt;
  return found->second;
}

SeriesTable::Mark SeriesTable::mark() const {
  const auto size = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
  return {size(sources_), size(metrics_), size(devices_), size(series_)};
}

void SeriesTable::write_since(const Mark& from, ByteWriter& out) const {
  const Mark to = mark();
  // Where it starts is written too: `read` refuses bytes that belong elsewhere.
  for (const std::uint32_t at : {from.sources, from.metrics, from.devices, from.series}) {
    out.varint(at);
  }
  out.varint(to.sources - from.sources);
  for (std::uint32_t i = from.sources; i < to.sources; ++i) {
    out.text(sources_[i].name);
    write_texts(out, sources_[i].tag_names);
  }
  out.varint(to.metrics - from.metrics);
  for (std::uint32_t i = from.metrics; i < to.metrics; ++i) out.text(metrics_[i]);
  out.varint(to.devices - from.devices);
  for (std::uint32_t i = from.devices; i < to.devices; ++i) {
    out.varint(index(devices_[i].source));
    write_texts(out, devices_[i].tag_values);
  }
  out.varint(to.series - from.series);
  for (std::uint32_t i = from.series; i < to.series; ++i) {
    out.varint(index(series_[i].device));
    out.varint(index(series_[i].metric));
  }
}

bool SeriesTable::read(ByteReader& in) {
  const Mark here = mark();
  for (const std::uint32_t at : {here.sources, here.metrics, here.devices, here.series}) {
    if (in.varint() != at) return false;
  }
  bool valid = true;
  for (std::uint64_t left = in.count(); left > 0 && in.ok() && valid; --left) {
    Source source{std::string(in.text()), read_texts(in)};
    make_source_key(key_, source.name, source.tag_names);
    valid = !source_index_.contains(key_);
    add_source(std::move(source), key_);
  }
  for (std::uint64_t left = in.count(); left > 0 && in.ok() && valid; --left) {
    std::string name(in.text());
    valid = !metric_index_.contains(name);
    add_metric(std::move(name));
  }
  for (std::uint64_t left = in.count(); left > 0 && in.ok() && valid; --left) {
    Device device{SourceId{read_index(in, sources_.size(), valid)}, read_texts(in)};
    if (!valid || device.tag_values.size() != source(device.source).tag_names.size()) return false;
    make_key(key_, index(device.source), device.tag_values);
    valid = !device_index_.contains(key_);
    add_device(std::move(device), key_);
  }
  for (std::uint64_t left = in.count(); left > 0 && in.ok() && valid; --left) {
    const DeviceId device{read_index(in, devices_.size(), valid)};
    const MetricId metric{read_index(in, metrics_.size(), valid)};
    if (!valid) return false;
    valid = !series_index_.contains(series_key({device, metric}));
    add_series({device, metric});
  }
  return in.ok() && valid;
}

SourceId SeriesTable::add_source(Source source, std::string key) {
  const SourceId id{static_cast<std::uint32_t>(sources_.size())};
  sources_.push_back(std::move(source));
  source_index_.emplace(std::move(key), id);
  return id;
}

DeviceId SeriesTable::add_device(Device device, std::string key) {
  const DeviceId id{static_cast<std::uint32_t>(devices_.size())};
  devices_.push_back(std::move(device));
  device_index_.emplace(std::move(key), id);
  return id;
}

MetricId SeriesTable::add_metric(std::string name) {
  const MetricId id{static_cast<std::uint32_t>(metrics_.size())};
  metrics_.push_back(name);
  metric_index_.emplace(std::move(name), id);
  return id;
}

SeriesId SeriesTable::add_series(Series series) {
  const SeriesId id{static_cast<std::uint32_t>(series_.size())};
  series_.push_back(series);
  series_index_.emplace(series_key(series), id);
  return id;
}

}  // namespace weir
