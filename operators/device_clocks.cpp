#include "operators/device_clocks.hpp"

#include <algorithm>
#include <utility>

namespace weir {

namespace {

// Beyond it only damage can be, and deadlines could no longer be added up.
constexpr Duration longest_elapsed = Duration::max() / 4;

}  // namespace

DeviceClocks::DeviceClocks(std::span<const SourceOptions> sources, const SeriesTable& table)
    : table_(table),
      recency_(static_cast<std::uint32_t>(sources.size())),
      idle_(static_cast<std::uint32_t>(sources.size())) {
  for (const SourceOptions& source : sources) {
    rules_.push_back({source.name, source.tag_names, source.out_of_order, source.idle,
                      source.forget_after, time_begin});
  }
}

std::uint32_t DeviceClocks::source_of(SourceId id) {
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
  if (!std::exchange(clock.known, true)) clock.watermark = rules_[source].promised;
  if (!clock.idle) return false;
  clock.idle = clock.forgotten = false;
  idle_.remove(id);
  return true;
}

bool DeviceClocks::advance(DeviceId device, std::uint32_t source, Timestamp time) {
  return promise(device, saturating_sub(time, rules_[source].out_of_order));
}

std::vector<DeviceId> DeviceClocks::promise_all(std::uint32_t source, Timestamp time) {
  rules_[source].promised = std::max(rules_[source].promised, time);
  std::vector<DeviceId> moved;
  for (std::uint32_t id = 0; id < clocks_.size(); ++id) {
    if (!clocks_[id].known || source_of(DeviceId{id}) != source) continue;
    if (promise(DeviceId{id}, time)) moved.push_back(DeviceId{id});
  }
  return moved;
}

bool DeviceClocks::promise(DeviceId device, Timestamp watermark) {
  Clock& clock = clocks_[index(device)];
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
    idle_.touch(source, oldest->id, oldest->seen);
    return DeviceId{oldest->id};
  }
  return std::nullopt;
}

DeviceId DeviceClocks::forget(std::uint32_t id) {
  idle_.remove(id);
  clocks_[id].forgotten = true;
  return DeviceId{id};
}

std::optional<DeviceId> DeviceClocks::next_forgotten(Duration elapsed) {
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const auto oldest = idle_.oldest(source);
    const Duration limit = rules_[source].forget_after;
    if (oldest && limit > Duration(0) && elapsed - oldest->seen >= limit) return forget(oldest->id);
  }
  return std::nullopt;
}

std::optional<DeviceId> DeviceClocks::forget_oldest() {
  std::optional<Recency::Entry> oldest;
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const auto entry = idle_.oldest(source);
    if (entry && (!oldest || entry->seen < oldest->seen)) oldest = entry;
  }
  if (!oldest) return std::nullopt;
  return forget(oldest->id);
}

std::optional<Duration> DeviceClocks::next_deadline() const {
  std::optional<Duration> earliest;
  const auto consider = [&earliest](const std::optional<Recency::Entry>& oldest, Duration limit) {
    if (oldest && (!earliest || oldest->seen + limit < *earliest)) earliest = oldest->seen + limit;
  };
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const Rules& rules = rules_[source];
    consider(recency_.oldest(source), rules.idle);
    if (rules.forget_after > Duration(0)) consider(idle_.oldest(source), rules.forget_after);
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
  return clocks_.capacity() * sizeof(Clock) + recency_.memory_bytes() + idle_.memory_bytes();
}

void DeviceClocks::save(ByteWriter& out) const {
  out.varint(static_cast<std::uint64_t>(std::count_if(
      clocks_.begin(), clocks_.end(), [](const Clock& clock) { return clock.known; })));
  for (std::uint32_t id = 0; id < clocks_.size(); ++id) {
    if (!clocks_[id].known) continue;
    out.varint(id);
    out.zigzag(count_us(clocks_[id].watermark));
    out.u8(clocks_[id].forgotten ? 2 : clocks_[id].idle ? 1 : 0);
  }
  // The order of the lists decides in which order devices become idle, so it is state too.
  save_list(recency_, out);
}

void DeviceClocks::save_idle(ByteWriter& out) const {
  save_list(idle_, out);
}

void DeviceClocks::save_list(const Recency& list, ByteWriter& out) const {
  std::vector<Recency::Entry> all;
  for (std::uint32_t source = 0; source < rules_.size(); ++source) {
    const auto entries = list.entries(source);
    all.insert(all.end(), entries.begin(), entries.end());
  }
  out.varint(all.size());
  for (const Recency::Entry& entry : all) {
    out.varint(entry.id);
    out.zigzag(entry.seen.count());
  }
}

bool DeviceClocks::load_idle(ByteReader& in) {
  return load_list(true, in);
}

bool DeviceClocks::load_list(bool idle, ByteReader& in) {
  Recency& list = idle ? idle_ : recency_;
  std::vector<Duration> newest(rules_.size(), Duration::min());
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::uint64_t stored = in.varint();
    const Duration seen(in.zigzag());
    if (stored >= clocks_.size() || seen > longest_elapsed || seen < -longest_elapsed) return false;
    const auto id = static_cast<std::uint32_t>(stored);
    const Clock& clock = clocks_[id];
    if (!clock.known || clock.idle != idle || clock.forgotten) return false;
    const std::uint32_t source = source_of(DeviceId{id});
    if (source == no_source || (!idle && rules_[source].idle <= Duration(0))) continue;
    if (seen < newest[source] || list.contains(id)) return false;
    newest[source] = seen;
    list.touch(source, id, seen);
  }
  return in.ok();
}

void DeviceClocks::guess_idle() {
  for (std::uint32_t id = 0; id < clocks_.size(); ++id) {
    const std::uint32_t source = clocks_[id].idle ? source_of(DeviceId{id}) : no_source;
    if (source != no_source) idle_.touch(source, id, Duration(0));
  }
}

// By name: the sources may stand in another order later.
void DeviceClocks::save_promises(ByteWriter& out) const {
  out.varint(rules_.size());
  for (const Rules& rules : rules_) {
    out.text(rules.name);
    out.zigzag(count_us(rules.promised));
  }
}

bool DeviceClocks::load_promises(ByteReader& in) {
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::string_view name = in.text();
    const Timestamp promised = timestamp_us(in.zigzag());
    for (Rules& rules : rules_) {
      if (rules.name == name) rules.promised = promised;
    }
  }
  return in.ok();
}

bool DeviceClocks::load(ByteReader& in) {
  const std::size_t devices = table_.mark().devices;
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::uint64_t stored = in.varint();
    const Timestamp watermark = timestamp_us(in.zigzag());
    const std::uint8_t idle = in.u8();
    if (stored >= devices || stored < clocks_.size() || idle > 2) return false;
    const auto id = static_cast<std::uint32_t>(stored);
    clocks_.resize(std::size_t{id} + 1);
    clocks_[id] = {watermark, true, idle >= 1, idle == 2};
  }
  return load_list(false, in);
}

}  // namespace weir
