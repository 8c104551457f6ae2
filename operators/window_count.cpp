// Windows of n readings of a series, in the order in which they arrive.

#include "operators/options.hpp"
#include "operators/rollup.hpp"
#include "operators/window_kind.hpp"

namespace weir {

namespace {

/// Complete, and gone, with the n-th reading; its number in the series names it. By order of
/// arrival no reading is late, and nothing is revised. Where the group becomes idle, the window is
/// emitted as it stands and filled later. Its bounds are the first event time and just behind the
/// last.
///
/// *Memory*: one window for each series.
class Counted final : public Rollup {
 public:
  Counted(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
          const DeviceClocks& clocks)
      : Rollup(options, source, table, clocks, false), readings_(options.window.readings) {}

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now,
                 Outputs& out) override {
    Cell& cell = cells_[slot];
    if (cell.newest == nullptr) insert(cell, 0, take(always));
    Open& open = *cell.newest;
    fold(open, reading, watermark_of(cell));
    arm(now);
    if (open.count < readings_) return Verdict::taken;
    emit(cell, open, false, out);
    erase(cell, 0, 1);
    ++complete_[slot];
    return Verdict::taken;
  }

  void begin_anew(Timestamp told) override {
    for (std::size_t slot = 0; slot < cells_.size(); ++slot) {
      Cell& cell = cells_[slot];
      if (cell.newest == nullptr || cell.newest->first >= told) continue;
      erase(cell, 0, 1);
      ++complete_[slot];  // what was told of it as it stood keeps the number
    }
  }

 private:
  static constexpr Window always{time_begin, time_end};  ///< it is not time that completes one

  Window bounds_of(const Open& open) const override {
    return {open.first, saturating_add(open.last, Duration(1))};
  }
  Output& emit(const Cell& cell, Open& open, bool preview, Outputs& out) override {
    Output& output = Rollup::emit(cell, open, preview, out);
    output.number = complete_[static_cast<std::size_t>(&cell - cells_.data())] + 1;
    return output;
  }
  // No reading is late. What was told of a window that was not full stays its result.
  void let_go(std::uint32_t slot, Outputs& out) override {
    if (cells_[slot].newest == nullptr) return;
    close(slot, time_end, out);
    ++complete_[slot];
  }
  void cell_added() override { complete_.push_back(0); }

  void define_windows(ByteWriter& out) const override {
    out.zigzag(0);  // no tumbling window has that size
    out.text("count");
    out.varint(readings_);
  }
  void save_bounds(const Window&, ByteWriter&) const override {}
  Window load_bounds(ByteReader&) const override { return always; }
  void save_cell(std::uint32_t slot, ByteWriter& out) const override {
    Rollup::save_cell(slot, out);
    out.varint(complete_[slot]);
  }
  bool load_cell(std::uint32_t slot, ByteReader& in) override {
    if (!Rollup::load_cell(slot, in)) return false;
    complete_[slot] = in.varint();
    return in.ok() && (cells_[slot].newest == nullptr || cells_[slot].newest->count < readings_);
  }

  std::uint64_t readings_;
  std::vector<std::uint64_t> complete_;  ///< windows so far, by cell
};

bool read_count(Params& table, WindowOptions& window) {
  window.readings = static_cast<std::uint64_t>(table.integer("count", 100, {1, 1'000'000'000}));
  return true;
}

WindowCost cost_of_count(const WindowOptions& window, Duration, bool) {
  constexpr double readings_a_day = 8640;
  return {1, sizeof(std::uint64_t), readings_a_day / static_cast<double>(window.readings)};
}

}  // namespace

extern const WindowEntry count_windows;
constinit const WindowEntry count_windows{"count", read_count,         true,         false,
                                          false,   make_kind<Counted>, cost_of_count};

}  // namespace weir
