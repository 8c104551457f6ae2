// How a rollup's state is stored: the groups in the order they were made, each with its devices
// and, metric by metric, its windows.

#include <algorithm>

#include "operators/describe.hpp"
#include "operators/rollup.hpp"

namespace weir {

void Rollup::define(ByteWriter& out) const {
  out.varint(1);  // version of what save writes
  out.varint(metrics_.size());
  for (const std::string& metric : metrics_) out.text(metric);
  out.varint(by_.size());
  for (const std::string& tag : by_) out.text(tag);
  out.zigzag(size_.count());
  out.zigzag(offset_.count());
  aggregates_.define(out);
}

void Rollup::save(ByteWriter& out) const {
  out.varint(groups_.size());
  for (const Group& group : groups_) {
    out.zigzag(count_us(group.watermark));
    out.zigzag(count_us(group.furthest));
    out.varint(group.devices.size());
    for (const DeviceId device : group.devices) out.varint(index(device));
    out.varint(group.cells.size());
    for (const std::uint32_t cell : group.cells) {
      out.varint(index(cells_[cell].metric));
      out.varint(cells_[cell].windows.size());
      for (const Open* open : cells_[cell].windows) save_window(*open, out);
    }
  }
}

void Rollup::save_window(const Open& open, ByteWriter& out) const {
  out.zigzag(count_us(open.window.start));
  out.varint(open.count);
  out.varint(open.late);
  out.zigzag(count_us(open.first));
  out.zigzag(count_us(open.last));
  out.varint(open.next_revision);
  out.u8(static_cast<std::uint8_t>(open.quality));
  out.u8(open.changed ? 1 : 0);
  aggregates_.save(open.state(), out);
}

bool Rollup::load(ByteReader& in) {
  for (std::uint64_t left = in.count(); left > 0; --left) {
    if (!load_group(in)) return false;
  }
  return in.ok();
}

bool Rollup::load_group(ByteReader& in) {
  const Timestamp watermark = timestamp_us(in.zigzag());
  const Timestamp furthest = timestamp_us(in.zigzag());
  const std::uint64_t devices = in.count();
  if (!in.ok() || devices == 0) return false;
  std::uint32_t group_id = none;
  for (std::uint64_t i = 0; i < devices; ++i) {
    const std::uint64_t id = in.varint();
    if (!in.ok() || id >= table_.mark().devices) return false;
    const DeviceId device{static_cast<std::uint32_t>(id)};
    if (has_joined(device) || !has_tags(device)) return false;
    const std::uint32_t group = group_of(device);
    const bool known = group + 1 != groups_.size() || !groups_[group].devices.empty();
    if (i == 0 ? known : group != group_id) return false;
    group_id = group;
    // What the group knew of its furthest device decides which of its devices hold it.
    groups_[group_id].furthest = furthest;
    add_device(group_id, device);
  }
  groups_[group_id].watermark = watermark;
  for (std::uint64_t left = in.count(); left > 0; --left) {
    if (!load_cell(group_id, in)) return false;
  }
  return in.ok();
}

bool Rollup::load_cell(std::uint32_t group_id, ByteReader& in) {
  const std::uint64_t metric = in.varint();
  const std::uint64_t windows = in.count();
  if (!in.ok() || metric >= table_.mark().metrics) return false;
  const MetricId metric_id{static_cast<std::uint32_t>(metric)};
  for (const std::uint32_t known : groups_[group_id].cells) {
    if (cells_[known].metric == metric_id) return false;
  }
  Cell& cell = cells_[add_cell(group_id, metric_id)];
  for (std::uint64_t i = 0; i < windows; ++i) {
    const Timestamp start = timestamp_us(in.zigzag());
    const Window window = windows_.at(start);
    const bool ordered = cell.windows.empty() || cell.newest->window.start < start;
    if (!in.ok() || window.start != start || !ordered) return false;
    Open& open = *this->open(cell, cell.windows.size(), window);
    open.count = in.varint();
    open.late = in.varint();
    open.first = timestamp_us(in.zigzag());
    open.last = timestamp_us(in.zigzag());
    open.next_revision = static_cast<std::uint32_t>(in.varint());
    open.quality = static_cast<Quality>(in.u8());
    const std::uint8_t changed = in.u8();
    open.changed = changed == 1;
    aggregates_.load(open.state(), in);
    if (!in.ok() || open.count == 0 || open.late > open.count || changed > 1 ||
        !open.holds(open.first) || !open.holds(open.last)) {
      return false;
    }
    wait_for(groups_[group_id], window);
  }
  return true;
}

std::size_t Rollup::memory_bytes() const {
  std::size_t bytes = pool_.memory_bytes() + places_.capacity() * sizeof(Place) +
                      groups_.capacity() * sizeof(Group) + cells_.capacity() * sizeof(Cell) +
                      revised_.capacity() * sizeof(Revised);
  for (const Group& group : groups_) {
    bytes += group.holds.memory_bytes() + group.devices.capacity() * sizeof(DeviceId) +
             group.cells.capacity() * sizeof(std::uint32_t);
  }
  for (const Cell& cell : cells_) bytes += cell.windows.capacity() * sizeof(void*);
  if (aggregates_.holds_memory()) {
    for (const Cell& cell : cells_) {
      for (const Open* open : cell.windows) bytes += aggregates_.held_bytes(open->state());
    }
  }
  for (const auto& [key, group] : group_index_) bytes += key.capacity() + 64;
  return bytes;
}

}  // namespace weir
