// Windows side by side: of one size (tumbling), or the days, weeks and months of a time zone
// (every).

#include <algorithm>

#include "operators/calendar.hpp"
#include "operators/rollup.hpp"
#include "operators/tumbling.hpp"
#include "operators/window_kind.hpp"

namespace weir {

namespace {

/// A window is opened by its first reading. *Memory*: a group's windows lie between its watermark -
/// lateness and its furthest reading, at most (lateness + out_of_order + max_skew + idle) / size +
/// 2 of them for each series; state_bytes of the aggregates plus 64 each, and what the aggregates
/// hold beside that.
template <class Layout>
class Aligned final : public Rollup {
 public:
  Aligned(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
          const DeviceClocks& clocks)
      : Rollup(options, source, table, clocks, true), layout_(options.window) {}

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now, Outputs&) override {
    Cell& cell = cells_[slot];
    Open* open = cell.newest;
    if (open == nullptr || !open->holds(reading.time)) {
      open = find_or_open(cell, reading.time);
      if (open == nullptr) return Verdict::late;
    }
    const Timestamp watermark = watermark_of(cell);
    fold(*open, reading, watermark);
    arm(now);
    if (open->window.end <= watermark) queue(slot, *open, now);
    return Verdict::taken;
  }

 private:
  Open* find_or_open(Cell& cell, Timestamp time) {
    std::size_t at = find(cell, time);
    if (at < cell.windows.size() && cell.windows[at]->holds(time)) return cell.windows[at];
    if (at > 0 && cell.windows[at - 1]->holds(time)) return cell.windows[at - 1];
    Window window = layout_.at(time);
    // Those that are open keep the bounds they were opened with, whatever became of the zone.
    if (at > 0) window.start = std::max(window.start, cell.windows[at - 1]->window.end);
    if (at < cell.windows.size()) window.end = std::min(window.end, cell.windows[at]->window.start);
    Group& group = groups_[cell.group];
    if (gone(group, window.end)) return nullptr;
    wait_for(group, window.end);
    insert(cell, at, take(window));
    return cell.windows[at];
  }

  void define_windows(ByteWriter& out) const override { layout_.define(out); }
  void save_bounds(const Window& window, ByteWriter& out) const override {
    if constexpr (Layout::fixed)
      out.zigzag(count_us(window.start));
    else
      Rollup::save_bounds(window, out);
  }
  Window load_bounds(ByteReader& in) const override {
    if constexpr (!Layout::fixed) return Rollup::load_bounds(in);
    const Timestamp start = timestamp_us(in.zigzag());
    const Window window = layout_.at(start);
    return window.start == start ? window : Window{};
  }

  Layout layout_;
};

struct TumblingLayout {
  static constexpr bool fixed = true;  ///< the start of a window says where it ends
  Tumbling windows;
  Duration size, offset;

  explicit TumblingLayout(const WindowOptions& options)
      : windows(options.size, options.offset), size(options.size), offset(options.offset) {}
  Window at(Timestamp time) const { return windows.at(time); }
  void define(ByteWriter& out) const {
    out.zigzag(size.count());
    out.zigzag(offset.count());
  }
};

struct CalendarLayout {
  static constexpr bool fixed = false;
  Calendar calendar;

  explicit CalendarLayout(const WindowOptions& options) : calendar(calendar_of(options)) {}
  Window at(Timestamp time) const { return calendar.at(time); }
  void define(ByteWriter& out) const {
    out.zigzag(0);  // no tumbling window has that size
    out.text("every");
    out.u8(static_cast<std::uint8_t>(calendar.every()));
    out.text(calendar.zone().name());
    out.zigzag(calendar.offset().count());
  }
  static Calendar calendar_of(const WindowOptions& options) {
    const auto every = options.size == std::chrono::hours(24)    ? Calendar::Every::day
                       : options.size == std::chrono::hours(168) ? Calendar::Every::week
                                                                 : Calendar::Every::month;
    return Calendar(every, *options.zone, options.offset);
  }
};

bool read_tumbling(Params& table, WindowOptions& window) {
  window.size = table.required_duration("tumbling", window_length);
  window.offset = read_offset(table);
  return true;
}

bool read_every(Params& table, WindowOptions& window) {
  using std::chrono::hours;
  window.size = table.choice<Duration>(
      "every", hours(24), {{"1d", hours(24)}, {"1w", hours(168)}, {"1mo", hours(720)}});
  window.offset = read_offset(table);
  auto zone = load_time_zone(table.text("tz", "UTC"));
  if (!zone) {
    table.problem("tz", zone.error().message);
    return false;
  }
  window.zone = std::move(*zone);
  return true;
}

WindowCost cost_of_aligned(const WindowOptions& window, Duration reach, bool) {
  constexpr double day_us = 86'400e6;
  return {static_cast<double>(reach / window.size) + 2, 0,
          day_us / static_cast<double>(window.size.count())};
}

}  // namespace

extern const WindowEntry tumbling_windows, calendar_windows;
constinit const WindowEntry tumbling_windows{
    "tumbling",     read_tumbling, true, true, true, make_kind<Aligned<TumblingLayout>>,
    cost_of_aligned};
constinit const WindowEntry calendar_windows{
    "every", read_every, true, true, true, make_kind<Aligned<CalendarLayout>>, cost_of_aligned};

}  // namespace weir
