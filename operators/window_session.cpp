// Sessions: readings of a series of which none is further than `gap` from the next.

#include <algorithm>

#include "operators/options.hpp"
#include "operators/rollup.hpp"
#include "operators/window_kind.hpp"

namespace weir {

namespace {

/// A session is [first reading, last reading + gap). A reading exactly `gap` away still joins, as
/// in Flink and Kafka Streams, and one between two sessions makes them one. A reading that joins no
/// session that is kept is late if the session it would begin is closed for good.
///
/// *max_length*: a reading at the beginning of its session + max_length or later begins another,
/// and two sessions are not made one that would be longer; each ends at the latest where the next
/// begins. Which readings share a session then depends on the order in which they came.
///
/// *Bounds that change*: where a session that was emitted grows or becomes one with another, the
/// next result of it is preceded by one for the old bounds that is marked as retracted: no such
/// window any more.
///
/// *Memory*: one window for each session between the watermark - lateness - gap and the furthest
/// reading; at worst one every `gap`.
class Sessions final : public Rollup {
 public:
  Sessions(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
           const DeviceClocks& clocks)
      : Rollup(options, source, table, clocks, false),
        gap_(options.window.size),
        max_length_(options.window.max_length > Duration(0) ? options.window.max_length
                                                            : Duration::max()) {}

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now, Outputs&) override {
    Cell& cell = cells_[slot];
    Group& group = groups_[cell.group];
    std::size_t at = behind(cell, reading.time);
    Open* open = at > 0 ? cell.windows[at - 1] : nullptr;
    if (open == nullptr || !reaches(*open, reading.time)) {
      open = begin(cell, at, reading.time);
      if (open == nullptr) return Verdict::late;
      ++at;
    }
    fold(*open, reading, group.watermark);
    arm(now);
    if (at < cell.windows.size() && are_one(*open, *cell.windows[at])) {
      unite(slot, *open, *cell.windows[at]);
      erase(cell, at, at + 1);
    }
    set_end(slot, *open, end_of(*open, cell, at));
    wait_for(group, open->window.end);
    if (open->window.end <= group.watermark) queue(slot, *open, now);
    return Verdict::taken;
  }

  void begin_anew(Timestamp told) override {
    Rollup::begin_anew(told);
    for (auto& old : retracted_)
      std::erase_if(old, [told](const Old& each) { return each.window.start < told; });
  }

  std::size_t memory_bytes() const override {
    std::size_t bytes = Rollup::memory_bytes();
    for (const auto& old : retracted_) bytes += old.capacity() * sizeof(Old);
    return bytes;
  }

 private:
  /// What was emitted and holds no more; told with the session that has its readings.
  struct Old {
    Window window;
    std::uint32_t next_revision;
  };

  /// The place behind the last session that begins at or before the time.
  static std::size_t behind(const Cell& cell, Timestamp time) {
    if (cell.newest != nullptr && cell.newest->window.start <= time) return cell.windows.size();
    const std::size_t at = find(cell, time);
    return at < cell.windows.size() && cell.windows[at]->window.start == time ? at + 1 : at;
  }

  bool reaches(const Open& open, Timestamp time) const {
    return time <= saturating_add(open.last, gap_) && fits(open, time);
  }
  bool fits(const Open& open, Timestamp time) const {
    return time < saturating_add(open.window.start, max_length_);
  }
  bool are_one(const Open& open, const Open& next) const {
    return next.first <= saturating_add(open.last, gap_) && fits(open, next.last);
  }
  Timestamp end_of(const Open& open, const Cell& cell, std::size_t next) const {
    const Timestamp end =
        std::min(saturating_add(open.last, gap_), saturating_add(open.window.start, max_length_));
    return next < cell.windows.size() ? std::min(end, cell.windows[next]->window.start) : end;
  }

  /// A session of its own at `at`; null if it is late and there is none that it would join.
  Open* begin(Cell& cell, std::size_t at, Timestamp time) {
    Open alone;
    alone.window.start = alone.first = alone.last = time;
    const Window window{time, end_of(alone, cell, at)};
    const bool joins = at < cell.windows.size() && are_one(alone, *cell.windows[at]);
    const Group& group = groups_[cell.group];
    if (time < group.closed || (!joins && gone(group, window.end))) return nullptr;
    insert(cell, at, take(window));
    return cell.windows[at];
  }

  void unite(std::uint32_t slot, Open& open, Open& next) {
    retract(slot, next);
    absorb(open, next);
    open.queued = open.queued || next.queued;
  }

  void set_end(std::uint32_t slot, Open& open, Timestamp end) {
    if (open.window.end == end) return;
    retract(slot, open);
    open.window.end = end;
  }

  void retract(std::uint32_t slot, Open& open) {
    if (open.next_revision == 0) return;
    std::vector<Old>& old = retracted_[slot];
    const auto at = std::find_if(old.begin(), old.end(), [&open](const Old& each) {
      return open.window.start < each.window.start;
    });
    old.insert(at, {open.window, open.next_revision});
    open.next_revision = 0;
    open.previewed = false;
  }

  Output& emit(const Cell& cell, Open& open, bool preview, Outputs& out) override {
    auto& old = retracted_[static_cast<std::size_t>(&cell - cells_.data())];
    std::erase_if(old, [&](const Old& each) {
      if (each.window.start < open.window.start || each.window.start > open.last) return false;
      Output& output = begin_output(cell, each.window, out);
      output.revision = each.next_revision;
      output.retracted = true;
      output.first = output.last = each.window.start;
      return true;
    });
    return Rollup::emit(cell, open, preview, out);
  }

  // What was queued may have become part of another session, or have grown.
  void revise(std::uint32_t slot, Timestamp start, Outputs& out) override {
    const Cell& cell = cells_[slot];
    const std::size_t at = behind(cell, start);
    if (at == 0 || cell.windows[at - 1]->last < start) return;
    Open& open = *cell.windows[at - 1];
    open.queued = false;
    if (open.changed && open.window.end <= watermark_of(cell)) emit(cell, open, false, out);
  }

  void cell_added() override { retracted_.emplace_back(); }

  void define_windows(ByteWriter& out) const override {
    out.zigzag(0);  // no tumbling window has that size
    out.text("session");
    out.zigzag(gap_.count());
    out.zigzag(max_length_.count());
  }
  void save_cell(std::uint32_t slot, ByteWriter& out) const override {
    Rollup::save_cell(slot, out);
    out.varint(retracted_[slot].size());
    for (const Old& old : retracted_[slot]) {
      save_bounds(old.window, out);
      out.varint(old.next_revision);
    }
  }
  bool load_cell(std::uint32_t slot, ByteReader& in) override {
    if (!Rollup::load_cell(slot, in)) return false;
    for (std::uint64_t left = in.count(); left > 0; --left) {
      const Window window = load_bounds(in);
      retracted_[slot].push_back({window, static_cast<std::uint32_t>(in.varint())});
    }
    return in.ok();
  }

  Duration gap_, max_length_;
  std::vector<std::vector<Old>> retracted_;  ///< by cell
};

bool read_session(Params& table, WindowOptions& window) {
  window.size = table.required_duration("session", window_length);
  const auto longest = table.optional_duration("max_length", window_length);
  if (longest && *longest <= window.size) {
    table.problem("max_length", "is not longer than the gap");
    return false;
  }
  window.max_length = longest.value_or(Duration(0));
  return true;
}

/// At worst there is a session each time that a gap has passed, but for lack of readings: one in
/// ten seconds.
WindowCost cost_of_session(const WindowOptions& window, Duration reach, bool) {
  constexpr double day_us = 86'400e6, readings_a_day = 8640;
  const auto gap = static_cast<double>(window.size.count());
  return {static_cast<double>(reach.count()) / gap + 3, 0, std::min(day_us / gap, readings_a_day)};
}

}  // namespace

extern const WindowEntry session_windows;
constinit const WindowEntry session_windows{"session", read_session,        true,           true,
                                            false,     make_kind<Sessions>, cost_of_session};

}  // namespace weir
