#include "operators/device_clocks.hpp"

#include <algorithm>
#include <utility>

namespace weir {

namespace {

// Beyond it only damage can be, and deadlines could no longer be added up.
constexpr Duration longest_elapsed = Duration::max() / 4;

}  // namespace

DeviceClocks::DeviceClocks(std::span<const SourceOptions> sources, const SeriesTable& table)
    : table_(table), recency_(static_cast<std::uint32_t>(sources.size())) {
  for (const SourceOptions& source : sources) {
    rules_.push_back({source.name, source.tag_names, source.out_of_order, source.idle});
  }
}

std::uint32_t DeviceClocks::source_of(DeviceId device) {
  const SourceId id = table_.device(device).source;
  if (index(id) >= source_of_.size()) source_of_.resize(std::size_t{index(id)} + 1, unresolved);
  std::uint32_t& place = source_of_[index(id)];
  if (place != unresolved) return place;
  const SeriesTable::Source& source = table_.source(id);
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&source](const Rules& rules) {
    return rules.name == source.name && rules.tag_names == source.tag_names;
  });
  place = found != rules_.end() ? static_cast<std::uint32_t>(found - rules_.begin()) : no_source;
  return place;
}

bool DeviceClocks::heard(DeviceId device, std::uint32_t source, Duration elapsed) {
  const std::uint32_t id = index(device);
  if (id >= clocks_.size()) clocks_.resize(std::size_t{id} + 1);
  if (rules_[source].idle > Duration(0)) recency_.touch(source, id, elapsed);
  Clock& clock = clocks_[id];
  clock.known = true;
  return std::exchange(clock.idle, false);
}

bool DeviceClocks::advance(DeviceId device, std::uint32_t source, Timestamp time) {
  Clock& clock = clocks_[index(device)];
  const Timestamp watermark = saturating_sub(time, rules_[source].out_of_order);
  if (watermark <= clock.watermark) return false;
  clock.watermark = watermark;
  return true;
}

std::optional<DeviceId> DeviceClocks::next_idle(Duration elapsed) {
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const auto oldest = recency_.oldest(source);
    if (!oldest || elapsed - oldest->seen < rules_[source].idle) continue;
    recency_.remove(oldest->id);
    clocks_[oldest->id].idle = true;
    return DeviceId{oldest->id};
  }
  return std::nullopt;
}

std::optional<Duration> DeviceClocks::next_deadline() const {
  std::optional<Duration> earliest;
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const auto oldest = recency_.oldest(source);
    if (!oldest) continue;
    const Duration deadline = oldest->seen + rules_[source].idle;
    if (!earliest || deadline < *earliest) earliest = deadline;
  }
  return earliest;
}

Pipeline::Watermarks DeviceClocks::summary() const {
  Pipeline::Watermarks summary;
  for (const Clock& clock : clocks_) {
    if (!clock.known) continue;
    ++summary.devices;
    if (clock.idle) {
      ++summary.idle;
      continue;
    }
    const bool first = summary.devices - summary.idle == 1;
    summary.lowest = first ? clock.watermark : std::min(summary.lowest, clock.watermark);
    summary.highest = first ? clock.watermark : std::max(summary.highest, clock.watermark);
  }
  return summary;
}

std::size_t DeviceClocks::memory_bytes() const {
  return clocks_.capacity() * sizeof(Clock) + recency_.memory_bytes();
}

void DeviceClocks::save(ByteWriter& out) const {
  out.varint(static_cast<std::uint64_t>(std::count_if(
      clocks_.begin(), clocks_.end(), [](const Clock& clock) { return clock.known; })));
  for (std::uint32_t id = 0; id < clocks_.size(); ++id) {
    if (!clocks_[id].known) continue;
    out.varint(id);
    out.zigzag(count_us(clocks_[id].watermark));
    out.u8(clocks_[id].idle ? 1 : 0);
  }
  // The order of the lists decides in which order devices become idle, so it is state too.
  std::vector<Recency::Entry> active;
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const auto entries = recency_.entries(source);
    active.insert(active.end(), entries.begin(), entries.end());
  }
  out.varint(active.size());
  for (const Recency::Entry& entry : active) {
    out.varint(entry.id);
    out.zigzag(entry.seen.count());
  }
}

bool DeviceClocks::load(ByteReader& in) {
  const std::size_t devices = table_.mark().devices;
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::uint64_t stored = in.varint();
    const Timestamp watermark = timestamp_us(in.zigzag());
    const std::uint8_t idle = in.u8();
    if (stored >= devices || stored < clocks_.size() || idle > 1) return false;
    const auto id = static_cast<std::uint32_t>(stored);
    clocks_.resize(std::size_t{id} + 1);
    clocks_[id] = {watermark, true, idle == 1};
  }
  std::vector<Duration> newest(rules_.size(), Duration::min());
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::uint64_t stored = in.varint();
    const Duration seen(in.zigzag());
    if (stored >= clocks_.size()) return false;
    const auto id = static_cast<std::uint32_t>(stored);
    if (!clocks_[id].known || clocks_[id].idle) return false;
    if (seen > longest_elapsed || seen < -longest_elapsed) return false;
    const std::uint32_t source = source_of(DeviceId{id});
    if (source == no_source || rules_[source].idle <= Duration(0)) continue;
    if (seen < newest[source] || recency_.contains(id)) return false;
    newest[source] = seen;
    recency_.touch(source, id, seen);
  }
  return in.ok();
}

}  // namespace weir
