#include "operators/rollup.hpp"

#include <algorithm>
#include <new>
#include <tuple>

#include "operators/describe.hpp"

namespace weir {

Rollup::Rollup(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
               const DeviceClocks& clocks, bool aligned)
    : aggregates_(options.aggregates),
      groups_(options.by, source, table, clocks),
      name_(options.name),
      topic_(options.topic),
      ships_(options.state),
      expectation_(options.period, source.out_of_order, table, clocks),
      metrics_(options.metrics),
      by_(options.by),
      lateness_(source.lateness),
      emission_(options.emission),
      aligned_(aligned),
      table_(table),
      pool_(sizeof(Open) + aggregates_.state_bytes()),
      unarmed_(emission_.mode == EmissionOptions::Mode::early) {
  static_assert(sizeof(Open) % 8 == 0);
}

Rollup::~Rollup() {
  for (const Cell& cell : cells_) {
    for (Open* open : cell.windows) aggregates_.release(open->state());
  }
}

std::optional<std::uint32_t> Rollup::join(SeriesId series) {
  const auto [device, metric] = table_.series(series);
  if (!takes_metric(metrics_, table_.metric(metric))) return std::nullopt;
  return cell_of(groups_.join(device), metric);
}

std::uint32_t Rollup::cell_of(std::uint32_t group, MetricId metric) {
  for (const std::uint32_t cell : groups_[group].cells) {
    if (cells_[cell].metric == metric) return cell;
  }
  const auto cell = static_cast<std::uint32_t>(cells_.size());
  cells_.push_back({group, metric, nullptr, {}});
  groups_[group].cells.push_back(cell);
  cell_added();
  return cell;
}

void Rollup::expect(std::uint32_t slot, bool near) const {
  const Cell& cell = cells_[slot];
  if (!near) return __builtin_prefetch(&cell);
  __builtin_prefetch(cell.newest);
  __builtin_prefetch(&groups_[cell.group]);
  __builtin_prefetch(&groups_[cell.group].holds);
}

void Rollup::absorb(Open& open, const Open& later) const {
  open.first = open.count == 0 ? later.first : std::min(open.first, later.first);
  open.last = open.count == 0 ? later.last : std::max(open.last, later.last);
  open.count += later.count;
  open.late += later.late;
  open.quality |= later.quality;
  aggregates_.merge(open.state(), later.state());
}

void Rollup::queue(std::uint32_t cell, Open& open, const Moment& now) {
  if (once() || open.queued) return;
  open.queued = true;
  revised_.push_back({cell, open.window.start});
  const Duration every = emission_.revise_every;
  if (every > Duration(0) && !revise_due_) revise_due_ = now.elapsed + every;
}

void Rollup::arm_previews(const Moment& now) {
  early_due_ = now.elapsed + emission_.early_every;
  unarmed_ = false;
}

Rollup::Open* Rollup::take(const Window& window) {
  Open* open = new (pool_.take()) Open();
  open->window = window;
  aggregates_.init(open->state());
  return open;
}

void Rollup::insert(Cell& cell, std::size_t at, Open* open) {
  cell.windows.insert(cell.windows.begin() + static_cast<std::ptrdiff_t>(at), open);
  cell.newest = cell.windows.back();
}

void Rollup::erase(Cell& cell, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) forget(cell.windows[i]);
  cell.windows.erase(cell.windows.begin() + static_cast<std::ptrdiff_t>(from),
                     cell.windows.begin() + static_cast<std::ptrdiff_t>(to));
  cell.newest = cell.windows.empty() ? nullptr : cell.windows.back();
}

void Rollup::forget(Open* open) {
  aggregates_.release(open->state());
  pool_.give_back(reinterpret_cast<std::byte*>(open));
}

std::size_t Rollup::find(const Cell& cell, Timestamp start) {
  const auto found = std::lower_bound(
      cell.windows.begin(), cell.windows.end(), start,
      [](const Open* open, Timestamp wanted) { return open->window.start < wanted; });
  return static_cast<std::size_t>(found - cell.windows.begin());
}

void Rollup::wait_for(Group& group, Timestamp end) const {
  const bool complete = end <= group.watermark;
  const Timestamp event = complete || once() ? gone_at(end) : end;
  group.next_event = std::min(group.next_event, event);
}

void Rollup::wait_for_all(std::uint32_t cell) {
  Group& group = groups_[cells_[cell].group];
  for (const Open* open : cells_[cell].windows) wait_for(group, open->window.end);
}

void Rollup::move(DeviceId device, Outputs& out) {
  Groups::Effect effect{};
  Group* group = groups_.move(device, effect);
  if (effect == Groups::Effect::advanced) {
    if (group->watermark >= group->next_event) advance(*group, out);
  } else if (effect == Groups::Effect::all_idle) {
    for (const std::uint32_t cell : group->cells) emit_changed(cell, false, out);
  }
}

void Rollup::forget(DeviceId device, Outputs& out) {
  Group* group = groups_.forgotten(device);
  if (group == nullptr) return;
  for (const std::uint32_t cell : group->cells) let_go(cell, out);
  group->next_event = time_end;
}

void Rollup::let_go(std::uint32_t cell, Outputs& out) {
  Group& group = groups_[cells_[cell].group];
  group.closed = std::max(group.closed, last_end(cell));
  close(cell, time_end, out);
}

Timestamp Rollup::last_end(std::uint32_t cell) const {
  return cells_[cell].newest == nullptr ? time_begin : cells_[cell].newest->window.end;
}

void Rollup::finish(Outputs& out) {
  for (const Group& group : groups_.all()) {
    for (const std::uint32_t cell : group.cells) let_go(cell, out);
  }
}

void Rollup::regroup(const SourceOptions& next, Outputs& out) {
  for (const std::uint32_t group : groups_.leave(next)) {
    for (const std::uint32_t cell : groups_[group].cells) let_go(cell, out);
  }
  if (next.lateness <= lateness_) return;
  for (Group& group : groups_.all())
    group.passed = std::max(group.passed, saturating_sub(group.watermark, lateness_));
}

void Rollup::advance(Group& group, Outputs& out) {
  group.next_event = time_end;
  for (const std::uint32_t cell : group.cells) close(cell, group.watermark, out);
  for (const std::uint32_t cell : group.cells) wait_for_all(cell);
}

void Rollup::close(std::uint32_t cell_id, Timestamp watermark, Outputs& out) {
  Cell& cell = cells_[cell_id];
  std::size_t gone = 0;
  for (Open* open : cell.windows) {
    if (watermark < open->window.end) break;
    const bool for_good = gone_at(open->window.end) <= watermark;
    // A revision waits for the end of its batch, unless its window goes before that.
    const bool due = for_good || (!once() && !open->queued);
    if (due && (open->changed || open->previewed)) emit(cell, *open, false, out);
    if (for_good) ++gone;
  }
  if (gone > 0) erase(cell, 0, gone);
}

bool Rollup::is_preview(Timestamp end, Timestamp watermark) const {
  return once() || (emission_.mode == EmissionOptions::Mode::early && watermark < end);
}

void Rollup::emit_changed(std::uint32_t cell_id, bool previews, Outputs& out) {
  const Cell& cell = cells_[cell_id];
  const Timestamp watermark = watermark_of(cell);
  for (Open* open : cell.windows) {
    if (!open->changed || (previews && open->window.end <= watermark)) continue;
    emit(cell, *open, is_preview(open->window.end, watermark), out);
  }
}

void Rollup::revise(std::uint32_t cell_id, Timestamp start, Outputs& out) {
  const Cell& cell = cells_[cell_id];
  const std::size_t at = find(cell, start);
  if (at == cell.windows.size() || cell.windows[at]->window.start != start) return;
  cell.windows[at]->queued = false;
  if (cell.windows[at]->changed) emit(cell, *cell.windows[at], false, out);
}

void Rollup::revise_all(Outputs& out) {
  for (const Revised& revised : revised_) revise(revised.cell, revised.start, out);
  revised_.clear();
}

void Rollup::settle(Outputs& out) {
  if (emission_.revise_every == Duration(0)) revise_all(out);
}

void Rollup::tick(const Moment& now, Outputs& out) {
  if (revise_due_ && *revise_due_ <= now.elapsed) {
    revise_due_.reset();
    // In an order that a restart in between does not change.
    std::sort(revised_.begin(), revised_.end(), [this](const Revised& a, const Revised& b) {
      return std::tuple(cells_[a.cell].group, a.cell, a.start) <
             std::tuple(cells_[b.cell].group, b.cell, b.start);
    });
    revise_all(out);
  }
  if (early_due_ && *early_due_ <= now.elapsed) {
    early_due_.reset();
    unarmed_ = true;
    for (const Group& group : groups_.all()) {
      for (const std::uint32_t cell : group.cells) emit_changed(cell, true, out);
    }
  }
}

std::optional<Duration> Rollup::next_tick() const {
  if (!early_due_ || !revise_due_) return early_due_ ? early_due_ : revise_due_;
  return std::min(*early_due_, *revise_due_);
}

void Rollup::begin_anew(Timestamp told) {
  for (Cell& cell : cells_) {
    const std::size_t kept = find(cell, told);
    if (kept > 0) erase(cell, 0, kept);
  }
}

Output& Rollup::begin_output(const Cell& cell, const Window& window, Outputs& out) const {
  Output& output = out.emplace_back();
  output.kind = OutputKind::rollup;
  output.name = name_;
  output.topic = topic_;
  output.group = groups_.tags(groups_[cell.group]);
  output.attributes = groups_.attributes(groups_[cell.group]);
  output.metric = table_.metric(cell.metric);
  output.window = window;
  output.apart = !aligned_;
  return output;
}

Output& Rollup::emit(const Cell& cell, Open& open, bool preview, Outputs& out) {
  Output& output = begin_output(cell, bounds_of(open), out);
  output.revision = open.next_revision++;
  output.preview = preview;
  output.quality = open.quality;
  output.count = open.count;
  output.expected = expectation_.of(static_cast<std::size_t>(&cell - cells_.data()),
                                    groups_[cell.group].devices, cell.metric, output.window);
  output.late = open.late;
  output.first = open.first;
  output.last = open.last;
  aggregates_.append_fields(open.state(), output);
  if (ships_) aggregates_.append_state(open.state(), output);
  open.changed = false;
  open.previewed = preview;
  return output;
}

}  // namespace weir
