// How a rollup's state is stored: the groups in the order they were made, each with its devices
// and, metric by metric, its windows; then when results are due by elapsed time, and what was
// forgotten.

#include <algorithm>

#include "operators/rollup.hpp"

namespace weir {

namespace {

// What is known of a window, and when results are due.
constexpr std::uint8_t changed_bit = 1, previewed_bit = 2, queued_bit = 4;
constexpr std::uint8_t early_bit = 1, revise_bit = 2, closed_bit = 4, passed_bit = 8;

/// One of the times that few groups have.
using GroupTime = Timestamp Groups::Group::*;

bool any_has(const std::vector<const Groups::Group*>& groups, GroupTime time) {
  return std::ranges::any_of(
      groups, [time](const Groups::Group* group) { return group->*time != time_begin; });
}

void save_times(const std::vector<const Groups::Group*>& groups, GroupTime time, ByteWriter& out) {
  out.varint(static_cast<std::uint64_t>(std::ranges::count_if(
      groups, [time](const Groups::Group* group) { return group->*time != time_begin; })));
  for (std::size_t group = 0; group < groups.size(); ++group) {
    if (groups[group]->*time == time_begin) continue;
    out.varint(group);
    out.zigzag(count_us(groups[group]->*time));
  }
}

bool load_times(Groups& groups, GroupTime time, ByteReader& in) {
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const std::uint64_t group = in.varint();
    const Timestamp at = timestamp_us(in.zigzag());
    if (!in.ok() || group >= groups.all().size() || at == time_begin) return false;
    groups[static_cast<std::uint32_t>(group)].*time = at;
  }
  return in.ok();
}

}  // namespace

void Rollup::define(ByteWriter& out) const {
  out.varint(1);  // version of what save writes
  out.varint(metrics_.size());
  for (const std::string& metric : metrics_) out.text(metric);
  out.varint(by_.size());
  for (const std::string& tag : by_) out.text(tag);
  define_windows(out);
  aggregates_.define(out);
}

std::vector<const Rollup::Group*> Rollup::stored_groups() const {
  std::vector<const Group*> groups;
  for (const Group& group : groups_.all()) {
    if (!group.left) groups.push_back(&group);
  }
  return groups;
}

void Rollup::save(ByteWriter& out) const {
  const std::vector<const Group*> groups = stored_groups();
  out.varint(groups.size());
  for (const Group* group : groups) {
    groups_.save(*group, out);
    out.varint(group->cells.size());
    for (const std::uint32_t cell : group->cells) {
      out.varint(index(cells_[cell].metric));
      save_cell(cell, out);
    }
  }
  save_rest(out);
}

// Only where there is any of it, so that state from before there was such a thing reads the same.
void Rollup::save_rest(ByteWriter& out) const {
  const std::vector<const Group*> groups = stored_groups();
  const int bits = (early_due_ ? early_bit : 0) | (revise_due_ ? revise_bit : 0) |
                   (any_has(groups, &Group::closed) ? closed_bit : 0) |
                   (any_has(groups, &Group::passed) ? passed_bit : 0);
  if (bits == 0) return;
  out.u8(static_cast<std::uint8_t>(bits));
  if (early_due_) out.zigzag(early_due_->count());
  if (revise_due_) out.zigzag(revise_due_->count());
  if ((bits & closed_bit) != 0) save_times(groups, &Group::closed, out);
  if ((bits & passed_bit) != 0) save_times(groups, &Group::passed, out);
}

void Rollup::save_cell(std::uint32_t cell, ByteWriter& out) const {
  out.varint(cells_[cell].windows.size());
  for (const Open* open : cells_[cell].windows) {
    save_bounds(open->window, out);
    save_window(*open, out);
  }
}

void Rollup::save_window(const Open& open, ByteWriter& out) const {
  out.varint(open.count);
  out.varint(open.late);
  out.zigzag(count_us(open.first));
  out.zigzag(count_us(open.last));
  out.varint(open.next_revision);
  out.u8(static_cast<std::uint8_t>(open.quality));
  out.u8(static_cast<std::uint8_t>((open.changed ? changed_bit : 0) |
                                   (open.previewed ? previewed_bit : 0) |
                                   (open.queued ? queued_bit : 0)));
  aggregates_.save(open.state(), out);
}

bool Rollup::load(ByteReader& in) {
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const auto group = groups_.load(in);
    if (!group) return false;
    for (std::uint64_t cells = in.count(); cells > 0; --cells) {
      const std::uint64_t metric = in.varint();
      if (!in.ok() || metric >= table_.mark().metrics) return false;
      const std::size_t known = cells_.size();
      const std::uint32_t cell = cell_of(*group, MetricId{static_cast<std::uint32_t>(metric)});
      if (cell != known || !load_cell(cell, in)) return false;
      wait_for_all(cell);
    }
  }
  return in.ok() && load_rest(in);
}

bool Rollup::load_rest(ByteReader& in) {
  const std::uint8_t bits = in.at_end() ? std::uint8_t{0} : in.u8();
  if (bits > (early_bit | revise_bit | closed_bit | passed_bit)) return false;
  if ((bits & early_bit) != 0) early_due_ = Duration(in.zigzag());
  if ((bits & revise_bit) != 0) revise_due_ = Duration(in.zigzag());
  if ((bits & closed_bit) != 0 && !load_times(groups_, &Group::closed, in)) return false;
  if ((bits & passed_bit) != 0 && !load_times(groups_, &Group::passed, in)) return false;
  // The configuration may say otherwise by now.
  if (emission_.mode != EmissionOptions::Mode::early) early_due_.reset();
  unarmed_ = emission_.mode == EmissionOptions::Mode::early && !early_due_;
  if (emission_.revise_every == Duration(0) || once())
    revise_due_.reset();
  else if (!revised_.empty() && !revise_due_)
    revise_due_ = Duration(0);
  return in.ok();
}

bool Rollup::load_cell(std::uint32_t cell_id, ByteReader& in) {
  Cell& cell = cells_[cell_id];
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const Window window = load_bounds(in);
    const bool ordered = cell.windows.empty() || cell.newest->window.end <= window.start;
    if (!in.ok() || window.end <= window.start || !ordered) return false;
    insert(cell, cell.windows.size(), take(window));
    Open& open = *cell.newest;
    if (!load_window(open, in) || !open.holds(open.first) || !open.holds(open.last)) return false;
    if (open.queued) revised_.push_back({cell_id, window.start});
  }
  return in.ok();
}

bool Rollup::load_window(Open& open, ByteReader& in) const {
  open.count = in.varint();
  open.late = in.varint();
  open.first = timestamp_us(in.zigzag());
  open.last = timestamp_us(in.zigzag());
  open.next_revision = static_cast<std::uint32_t>(in.varint());
  open.quality = static_cast<Quality>(in.u8());
  const std::uint8_t bits = in.u8();
  open.changed = (bits & changed_bit) != 0;
  open.previewed = (bits & previewed_bit) != 0;
  open.queued = (bits & queued_bit) != 0 && !once();
  aggregates_.load(open.state(), in);
  return in.ok() && open.count > 0 && open.late <= open.count &&
         bits <= (changed_bit | previewed_bit | queued_bit);
}

void Rollup::save_bounds(const Window& window, ByteWriter& out) const {
  out.zigzag(count_us(window.start));
  out.zigzag(count_us(window.end));
}

Window Rollup::load_bounds(ByteReader& in) const {
  const Timestamp start = timestamp_us(in.zigzag());
  return {start, timestamp_us(in.zigzag())};
}

std::size_t Rollup::memory_bytes() const {
  std::size_t bytes = pool_.memory_bytes() + groups_.memory_bytes() + expectation_.memory_bytes() +
                      cells_.capacity() * sizeof(Cell) + revised_.capacity() * sizeof(Revised);
  for (const Cell& cell : cells_) bytes += cell.windows.capacity() * sizeof(void*);
  if (aggregates_.holds_memory()) {
    for (const Cell& cell : cells_) {
      for (const Open* open : cell.windows) bytes += aggregates_.held_bytes(open->state());
    }
  }
  return bytes;
}

}  // namespace weir
