#include "operators/rollup.hpp"

#include <algorithm>
#include <new>

#include "operators/describe.hpp"

namespace weir {

Rollup::Rollup(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
               const DeviceClocks& clocks)
    : name_(options.name),
      topic_(options.topic),
      metrics_(options.metrics),
      by_(options.by),
      windows_(options.size, options.offset),
      size_(options.size),
      offset_(options.offset),
      lateness_(source.lateness),
      reach_(source.max_skew + source.idle),
      aggregates_(options.aggregates),
      table_(table),
      clocks_(clocks),
      pool_(sizeof(Open) + aggregates_.state_bytes()) {
  static_assert(sizeof(Open) % 8 == 0);
  for (const std::string& tag : by_) {
    const auto found = std::find(source.tag_names.begin(), source.tag_names.end(), tag);
    by_index_.push_back(static_cast<std::size_t>(found - source.tag_names.begin()));
  }
}

Rollup::~Rollup() {
  for (const Cell& cell : cells_) {
    for (Open* open : cell.windows) aggregates_.release(open->state());
  }
}

std::optional<std::uint32_t> Rollup::join(SeriesId series) {
  const auto [device, metric] = table_.series(series);
  if (!takes_metric(metrics_, table_.metric(metric))) return std::nullopt;
  if (!has_joined(device)) add_device(group_of(device), device);
  const std::uint32_t group = places_[index(device)].group;
  for (const std::uint32_t cell : groups_[group].cells) {
    if (cells_[cell].metric == metric) return cell;
  }
  return add_cell(group, metric);
}

bool Rollup::has_tags(DeviceId device) const {
  const std::size_t tags = table_.device(device).tag_values.size();
  return std::all_of(by_index_.begin(), by_index_.end(),
                     [tags](std::size_t tag) { return tag < tags; });
}

std::string Rollup::group_key(DeviceId device) const {
  std::string key;
  ByteWriter writer(key);
  for (const std::size_t tag : by_index_) writer.text(table_.device(device).tag_values[tag]);
  return key;
}

std::uint32_t Rollup::group_of(DeviceId device) {
  const auto next = static_cast<std::uint32_t>(groups_.size());
  // Grouped by all tags, no two devices share a group, and no look-up is needed.
  const std::size_t tags = table_.device(device).tag_values.size();
  if (by_index_.size() < tags) {
    const auto [known, added] = group_index_.emplace(group_key(device), next);
    if (!added) return known->second;
  }
  groups_.emplace_back();
  return next;
}

void Rollup::add_device(std::uint32_t group_id, DeviceId device) {
  Group& group = groups_[group_id];
  const DeviceClocks::Clock clock = clocks_.clock(device);
  group.furthest = std::max(group.furthest, clock.watermark);
  const std::uint32_t leaf = group.holds.add(hold_of(clock, group));
  group.devices.push_back(device);
  drop_laggards(group);
  if (index(device) >= places_.size()) places_.resize(std::size_t{index(device)} + 1);
  places_[index(device)] = {group_id, leaf};
  // A device that already sent other metrics brings its watermark along. It closes nothing: the
  // group is new, or its watermark can't rise by one more device.
  const Timestamp lowest = group.holds.lowest();
  if (lowest != HoldTree::no_hold) group.watermark = std::max(group.watermark, lowest);
}

std::uint32_t Rollup::add_cell(std::uint32_t group, MetricId metric) {
  const auto cell = static_cast<std::uint32_t>(cells_.size());
  cells_.push_back({group, metric, nullptr, {}});
  groups_[group].cells.push_back(cell);
  return cell;
}

Timestamp Rollup::hold_of(const DeviceClocks::Clock& clock, const Group& group) const {
  if (clock.idle) return HoldTree::no_hold;
  const bool lags = clock.watermark < saturating_sub(group.furthest, reach_);
  return lags ? HoldTree::no_hold : clock.watermark;
}

void Rollup::drop_laggards(Group& group) const {
  const Timestamp limit = saturating_sub(group.furthest, reach_);
  while (group.holds.lowest() < limit) {
    group.holds.set(group.holds.lowest_leaf(), HoldTree::no_hold);
  }
}

void Rollup::expect(std::uint32_t slot, bool near) const {
  const Cell& cell = cells_[slot];
  if (!near) return __builtin_prefetch(&cell);
  __builtin_prefetch(cell.newest);
  __builtin_prefetch(&groups_[cell.group]);
  __builtin_prefetch(&groups_[cell.group].holds);
}

Verdict Rollup::accept(std::uint32_t slot, const Reading& reading, const Moment&, Outputs&) {
  Cell& cell = cells_[slot];
  Open* open = cell.newest;
  if (open == nullptr || !open->holds(reading.time)) {
    open = find_or_open(cell, reading.time);
    if (open == nullptr) return Verdict::late;
  }
  const Timestamp watermark = groups_[cell.group].watermark;
  if (open->count == 0 || reading.time < open->first) open->first = reading.time;
  if (open->count == 0 || reading.time > open->last) open->last = reading.time;
  ++open->count;
  if (reading.time < watermark) ++open->late;
  open->quality |= reading.quality;
  aggregates_.add(open->state(), reading);
  open->changed = true;
  if (open->window.end <= watermark && !open->queued) {
    open->queued = true;
    revised_.push_back({slot, open->window.start});
  }
  return Verdict::taken;
}

Rollup::Open* Rollup::find_or_open(Cell& cell, Timestamp time) {
  const Window window = windows_.at(time);
  const auto found = std::lower_bound(
      cell.windows.begin(), cell.windows.end(), window.start,
      [](const Open* open, Timestamp start) { return open->window.start < start; });
  if (found != cell.windows.end() && (*found)->window.start == window.start) return *found;
  Group& group = groups_[cell.group];
  if (saturating_add(window.end, lateness_) <= group.watermark) return nullptr;
  wait_for(group, window);
  return open(cell, static_cast<std::size_t>(found - cell.windows.begin()), window);
}

Rollup::Open* Rollup::open(Cell& cell, std::size_t at, const Window& window) {
  Open* open = new (pool_.take()) Open();
  open->window = window;
  aggregates_.init(open->state());
  cell.windows.insert(cell.windows.begin() + static_cast<std::ptrdiff_t>(at), open);
  cell.newest = cell.windows.back();
  return open;
}

void Rollup::forget(Open* open) {
  aggregates_.release(open->state());
  pool_.give_back(reinterpret_cast<std::byte*>(open));
}

void Rollup::wait_for(Group& group, const Window& window) const {
  const bool complete = window.end <= group.watermark;
  const Timestamp event = complete ? saturating_add(window.end, lateness_) : window.end;
  group.next_event = std::min(group.next_event, event);
}

void Rollup::move(DeviceId device, Outputs& out) {
  if (!has_joined(device)) return;
  const Place place = places_[index(device)];
  Group& group = groups_[place.group];
  const DeviceClocks::Clock clock = clocks_.clock(device);
  group.furthest = std::max(group.furthest, clock.watermark);
  group.holds.set(place.leaf, hold_of(clock, group));
  drop_laggards(group);
  if (group.holds.lowest() != HoldTree::no_hold) {
    advance(group, out);
  } else if (clock.idle) {
    emit_changed(group, out);
  }
}

void Rollup::advance(Group& group, Outputs& out) {
  if (group.holds.lowest() <= group.watermark) return;
  group.watermark = group.holds.lowest();
  if (group.watermark < group.next_event) return;
  group.next_event = time_end;
  for (const std::uint32_t cell : group.cells) close(group, cells_[cell], out);
  for (const std::uint32_t cell : group.cells) {
    for (const Open* open : cells_[cell].windows) wait_for(group, open->window);
  }
}

void Rollup::close(const Group& group, Cell& cell, Outputs& out) {
  std::size_t gone = 0;
  for (Open* open : cell.windows) {
    if (group.watermark < open->window.end) break;
    const bool for_good = saturating_add(open->window.end, lateness_) <= group.watermark;
    // A revision waits for the end of its batch, unless its window goes before that.
    if (open->changed && (!open->queued || for_good)) emit(cell, *open, out);
    if (!for_good) continue;
    forget(open);
    ++gone;
  }
  cell.windows.erase(cell.windows.begin(),
                     cell.windows.begin() + static_cast<std::ptrdiff_t>(gone));
  cell.newest = cell.windows.empty() ? nullptr : cell.windows.back();
}

void Rollup::emit_changed(const Group& group, Outputs& out) {
  for (const std::uint32_t cell : group.cells) {
    for (Open* open : cells_[cell].windows) {
      if (open->changed) emit(cells_[cell], *open, out);
    }
  }
}

void Rollup::settle(Outputs& out) {
  for (const Revised& revised : revised_) {
    Cell& cell = cells_[revised.cell];
    const auto found = std::lower_bound(
        cell.windows.begin(), cell.windows.end(), revised.start,
        [](const Open* open, Timestamp start) { return open->window.start < start; });
    if (found == cell.windows.end() || (*found)->window.start != revised.start) continue;
    (*found)->queued = false;
    if ((*found)->changed) emit(cell, **found, out);
  }
  revised_.clear();
}

void Rollup::begin_anew(Timestamp told) {
  for (Cell& cell : cells_) {
    const auto kept = std::find_if(cell.windows.begin(), cell.windows.end(),
                                   [told](Open* open) { return open->window.start >= told; });
    std::for_each(cell.windows.begin(), kept, [this](Open* open) { forget(open); });
    cell.windows.erase(cell.windows.begin(), kept);
    cell.newest = cell.windows.empty() ? nullptr : cell.windows.back();
  }
}

void Rollup::emit(const Cell& cell, Open& open, Outputs& out) {
  Output& output = out.emplace_back();
  output.kind = OutputKind::rollup;
  output.name = name_;
  output.topic = topic_;
  const auto& values = table_.device(groups_[cell.group].devices.front()).tag_values;
  for (std::size_t i = 0; i < by_.size(); ++i) {
    output.group.push_back({by_[i], values[by_index_[i]]});
  }
  output.metric = table_.metric(cell.metric);
  output.window = open.window;
  output.revision = open.next_revision++;
  output.quality = open.quality;
  output.count = open.count;
  output.late = open.late;
  output.first = open.first;
  output.last = open.last;
  aggregates_.append_fields(open.state(), output);
  open.changed = false;
}

}  // namespace weir
