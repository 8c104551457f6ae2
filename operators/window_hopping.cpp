// Windows of one size that begin every `hop` and overlap.

#include <algorithm>
#include <numeric>

#include "operators/options.hpp"
#include "operators/rollup.hpp"
#include "operators/tumbling.hpp"
#include "operators/window_kind.hpp"

namespace weir {

namespace {

/// Pane slicing (Li, Maier, Tufte, Papadimos, Tucker 2005): readings are folded into panes of
/// gcd(size, hop) length, so that each costs one pane however many windows it belongs to, and a
/// window is merged from its panes when it is emitted. A reading is late if the last of its windows
/// is closed for good; if only the first ones are, it is in the others.
///
/// *Memory*: the panes and the windows between the watermark - lateness - size and the furthest
/// reading, for each series; a pane is 64 bytes and the accumulators, a window 24.
class Hopping final : public Rollup {
 public:
  Hopping(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
          const DeviceClocks& clocks)
      : Rollup(options, source, table, clocks, false),
        size_(options.window.size),
        hop_(options.window.hop),
        offset_(options.window.offset),
        panes_(Duration(std::gcd(size_.count(), hop_.count())), offset_),
        starts_(hop_, offset_) {}

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now, Outputs&) override {
    Cell& cell = cells_[slot];
    Open* pane = cell.newest;
    if (pane == nullptr || !pane->holds(reading.time)) {
      pane = find_or_open(slot, reading.time);
      if (pane == nullptr) return Verdict::late;
    }
    const Timestamp watermark = watermark_of(cell);
    fold(*pane, reading, watermark);
    arm(now);
    if (pane->window.end <= watermark && first_end(*pane) <= watermark) queue(slot, *pane, now);
    return Verdict::taken;
  }

  void begin_anew(Timestamp told) override {
    for (Cell& cell : cells_) {
      std::size_t kept = 0;
      while (kept < cell.windows.size() && last_start(*cell.windows[kept]) < told) ++kept;
      if (kept > 0) erase(cell, 0, kept);
    }
    for (auto& hops : hops_)
      std::erase_if(hops, [told](const Hop& hop) { return hop.start < told; });
  }

  std::size_t memory_bytes() const override {
    std::size_t bytes = Rollup::memory_bytes();
    for (const auto& hops : hops_) bytes += hops.capacity() * sizeof(Hop);
    return bytes;
  }

 private:
  /// A window that holds a reading, and what was emitted of it.
  struct Hop {
    Timestamp start;
    std::uint64_t told = 0;  ///< how many readings were in what was last emitted
    std::uint32_t next_revision = 0;
    bool previewed = false;
    bool complete = false;  ///< emitted as such
  };
  static constexpr std::uint8_t previewed_bit = 1, complete_bit = 2;

  Timestamp end_of(const Hop& hop) const { return saturating_add(hop.start, size_); }
  Timestamp first_end(const Open& pane) const {
    const Timestamp earliest = saturating_sub(pane.window.end, size_);
    const Window at = starts_.at(earliest);
    return saturating_add(at.start == earliest ? earliest : at.end, size_);
  }
  Timestamp last_start(const Open& pane) const { return starts_.at(pane.window.start).start; }
  static auto find_hop(std::vector<Hop>& hops, Timestamp start) {
    return std::lower_bound(hops.begin(), hops.end(), start,
                            [](const Hop& hop, Timestamp wanted) { return hop.start < wanted; });
  }

  Open* find_or_open(std::uint32_t slot, Timestamp time) {
    Cell& cell = cells_[slot];
    const Window pane = panes_.at(time);
    const std::size_t at = find(cell, pane.start);
    if (at < cell.windows.size() && cell.windows[at]->window.start == pane.start)
      return cell.windows[at];
    Group& group = groups_[cell.group];
    Timestamp start = starts_.at(time).start;
    if (gone(group, saturating_add(start, size_))) return nullptr;
    std::vector<Hop>& hops = hops_[slot];
    for (std::int64_t left = size_ / hop_ + 1; left > 0; --left) {
      const Timestamp end = saturating_add(start, size_);
      if (end < pane.end || gone(group, end)) break;
      const auto found = find_hop(hops, start);
      // One that is over already is a revision, though there was none before.
      if (found == hops.end() || found->start != start)
        hops.insert(found, {start})->complete = end <= group.watermark;
      wait_for(group, end);
      start = saturating_sub(start, hop_);
    }
    insert(cell, at, take(pane));
    return cell.windows[at];
  }

  std::uint64_t readings_in(const Cell& cell, const Hop& hop) const {
    std::uint64_t sum = 0;
    for (std::size_t i = find(cell, hop.start); i < cell.windows.size(); ++i) {
      if (cell.windows[i]->window.start >= end_of(hop)) break;
      sum += cell.windows[i]->count;
    }
    return sum;
  }

  void tell(const Cell& cell, Hop& hop, bool preview, Outputs& out) {
    Open* sum = take({hop.start, end_of(hop)});
    for (std::size_t i = find(cell, hop.start); i < cell.windows.size(); ++i) {
      if (cell.windows[i]->window.start >= end_of(hop)) break;
      absorb(*sum, *cell.windows[i]);
    }
    sum->next_revision = hop.next_revision++;
    emit(cell, *sum, preview, out);
    hop.told = sum->count;
    hop.previewed = preview;
    forget(sum);
  }

  // Each window is looked at twice: when it is complete, and when it goes. What joins it between
  // is queued with its pane.
  void close(std::uint32_t slot, Timestamp watermark, Outputs& out) override {
    Cell& cell = cells_[slot];
    std::vector<Hop>& hops = hops_[slot];
    std::ptrdiff_t gone = 0;
    for (Hop& hop : hops) {
      if (watermark < end_of(hop)) break;
      const bool for_good = gone_at(end_of(hop)) <= watermark;
      if (for_good) ++gone;
      if (!for_good && (once() || hop.complete)) continue;
      if (hop.previewed || readings_in(cell, hop) != hop.told) tell(cell, hop, false, out);
      hop.complete = true;
    }
    hops.erase(hops.begin(), hops.begin() + gone);
    std::size_t spent = 0;
    while (spent < cell.windows.size()) {
      const Timestamp last = saturating_add(last_start(*cell.windows[spent]), size_);
      if (gone_at(last) > watermark) break;
      ++spent;
    }
    if (spent > 0) erase(cell, 0, spent);
  }

  void emit_changed(std::uint32_t slot, bool previews, Outputs& out) override {
    const Cell& cell = cells_[slot];
    const Timestamp watermark = watermark_of(cell);
    const auto& panes = cell.windows;
    // Both ends of the windows go forward only, so a running sum does.
    std::size_t from = 0, to = 0;
    std::uint64_t sum = 0;
    for (Hop& hop : hops_[slot]) {
      const Timestamp end = end_of(hop);
      while (to < panes.size() && panes[to]->window.start < end) sum += panes[to++]->count;
      while (from < to && panes[from]->window.start < hop.start) sum -= panes[from++]->count;
      if (sum == hop.told || (previews && end <= watermark)) continue;
      tell(cell, hop, is_preview(end, watermark), out);
    }
  }

  void revise(std::uint32_t slot, Timestamp start, Outputs& out) override {
    const Cell& cell = cells_[slot];
    const std::size_t at = find(cell, start);
    if (at == cell.windows.size() || cell.windows[at]->window.start != start) return;
    Open& pane = *cell.windows[at];
    pane.queued = false;
    std::vector<Hop>& hops = hops_[slot];
    const Timestamp first = saturating_sub(first_end(pane), size_);
    for (auto hop = find_hop(hops, first); hop != hops.end() && hop->start <= start; ++hop) {
      if (hop->complete && readings_in(cell, *hop) != hop->told) tell(cell, *hop, false, out);
    }
  }

  Timestamp last_end(std::uint32_t slot) const override {
    return hops_[slot].empty() ? time_begin : end_of(hops_[slot].back());
  }

  void wait_for_all(std::uint32_t slot) override {
    Group& group = groups_[cells_[slot].group];
    for (const Hop& hop : hops_[slot]) {
      wait_for(group, end_of(hop));
      if (end_of(hop) > group.watermark) break;
    }
  }

  void cell_added() override { hops_.emplace_back(); }

  void define_windows(ByteWriter& out) const override {
    out.zigzag(0);  // no tumbling window has that size
    out.text("hopping");
    out.zigzag(size_.count());
    out.zigzag(hop_.count());
    out.zigzag(offset_.count());
  }
  void save_bounds(const Window& window, ByteWriter& out) const override {
    out.zigzag(count_us(window.start));
  }
  Window load_bounds(ByteReader& in) const override {
    const Timestamp start = timestamp_us(in.zigzag());
    const Window window = panes_.at(start);
    return window.start == start ? window : Window{};
  }
  void save_cell(std::uint32_t slot, ByteWriter& out) const override {
    Rollup::save_cell(slot, out);
    out.varint(hops_[slot].size());
    for (const Hop& hop : hops_[slot]) {
      out.zigzag(count_us(hop.start));
      out.varint(hop.told);
      out.varint(hop.next_revision);
      out.u8(static_cast<std::uint8_t>((hop.previewed ? previewed_bit : 0) |
                                       (hop.complete ? complete_bit : 0)));
    }
  }
  bool load_cell(std::uint32_t slot, ByteReader& in) override {
    if (!Rollup::load_cell(slot, in)) return false;
    std::vector<Hop>& hops = hops_[slot];
    for (std::uint64_t left = in.count(); left > 0; --left) {
      Hop hop{timestamp_us(in.zigzag())};
      hop.told = in.varint();
      hop.next_revision = static_cast<std::uint32_t>(in.varint());
      const std::uint8_t bits = in.u8();
      hop.previewed = (bits & previewed_bit) != 0;
      hop.complete = (bits & complete_bit) != 0;
      const bool ordered = hops.empty() || hops.back().start < hop.start;
      if (!in.ok() || !ordered || starts_.at(hop.start).start != hop.start ||
          bits > (previewed_bit | complete_bit)) {
        return false;
      }
      const std::uint64_t readings = readings_in(cells_[slot], hop);
      if (readings == 0 || hop.told > readings) return false;
      hops.push_back(hop);
    }
    return in.ok();
  }

  Duration size_, hop_, offset_;
  Tumbling panes_, starts_;
  std::vector<std::vector<Hop>> hops_;  ///< by cell; in the order of their starts
};

constexpr std::int64_t most_panes = 1440;

bool read_hopping(Params& table, WindowOptions& window) {
  window.size = table.required_duration("hopping", window_length);
  window.hop = table.required_duration("hop", window_length);
  window.offset = read_offset(table);
  if (window.size <= Duration(0) || window.hop <= Duration(0)) return false;
  if (window.hop >= window.size) {
    table.problem("hop", "is not shorter than the window; that is { tumbling = … }");
    return false;
  }
  if (window.size.count() / std::gcd(window.size.count(), window.hop.count()) > most_panes) {
    table.problem("hop",
                  "cuts the window into more than 1440 parts (of the longest time that "
                  "divides both); choose rounder times");
    return false;
  }
  return true;
}

WindowCost cost_of_hopping(const WindowOptions& window, Duration reach, bool) {
  constexpr double day_us = 86'400e6;
  constexpr double hop_bytes = 24;
  const auto hop = static_cast<double>(window.hop.count());
  const auto all = static_cast<double>((reach + window.size).count());
  const auto pane = static_cast<double>(std::gcd(window.size.count(), window.hop.count()));
  return {all / pane + 2, (all / hop + 2) * hop_bytes, day_us / hop};
}

}  // namespace

extern const WindowEntry hopping_windows;
constinit const WindowEntry hopping_windows{"hopping", read_hopping,       true,           true,
                                            true,      make_kind<Hopping>, cost_of_hopping};

}  // namespace weir
