// A look-back at each reading: the readings of the last `size` up to it.

#include <algorithm>

#include "operators/options.hpp"
#include "operators/rollup.hpp"
#include "operators/trail.hpp"
#include "operators/window_kind.hpp"

namespace weir {

namespace {

/// Emits, at each reading, the look-back at the newest one: (newest - size, newest], which is the
/// window [newest - size + 1 us, newest + 1 us). A reading that is not newer than the newest but
/// inside its look-back joins it, and makes it emitted again as the next revision (with
/// emit = "final" not at all); look-backs in between are not emitted again. One behind the
/// look-back is late: `lateness` has no meaning here, nor has the watermark.
///
/// *Bound*: at most `max_readings` readings are kept for each series (the oldest go, a block of
/// eight at a time). A look-back that they do not fill begins behind the last that went: its window
/// says so. So does one after its group was forgotten, which begins where that was closed.
class Trailing final : public Rollup {
 public:
  Trailing(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
           const DeviceClocks& clocks)
      : Rollup(options, source, table, clocks, false),
        size_(options.window.size),
        most_(options.window.readings) {}
  ~Trailing() override {
    for (Lookback& trail : trails_) clear(trail);
  }

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment&, Outputs& out) override {
    Lookback& trail = trails_[slot];
    const Cell& cell = cells_[slot];
    if (reading.time <= trail.forgotten || reading.time < groups_[cell.group].closed)
      return Verdict::late;
    const bool newest = trail.empty() || reading.time >= trail.newest();
    if (!newest && reading.time <= saturating_sub(trail.newest(), size_)) return Verdict::late;
    if (!newest && is_next_to_go(trail, reading.time)) return Verdict::late;
    const Kept kept{reading.time, reading.value, reading.quality,
                    reading.time < watermark_of(cell)};
    if (newest)
      append(trail, kept);
    else
      put_between(trail, kept);
    forget_old(trail);
    if (newest || !once()) tell(cell, trail, out);
    return Verdict::taken;
  }

  // As if forgotten: what is not delivered yet must not be told again with other content.
  void begin_anew(Timestamp told) override {
    for (std::uint32_t slot = 0; slot < cells_.size(); ++slot) {
      Timestamp& closed = groups_[cells_[slot].group].closed;
      closed = std::max({closed, told, last_end(slot)});
      clear(trails_[slot]);
    }
  }

  std::size_t memory_bytes() const override {
    std::size_t bytes = Rollup::memory_bytes() + trails_.capacity() * sizeof(Lookback);
    for (const Lookback& trail : trails_) {
      bytes += trail.blocks.capacity() * sizeof(Lookback::Block);
      for (const auto& block : trail.blocks) bytes += block.readings.capacity() * sizeof(Kept);
      if (!aggregates_.holds_memory()) continue;
      if (trail.back != nullptr) bytes += aggregates_.held_bytes(trail.back->state());
      for (std::size_t i = 0; i < trail.front; ++i)
        bytes += aggregates_.held_bytes(trail.blocks[i].suffix->state());
    }
    return bytes;
  }

 private:
  using Lookback = Trail<Open>;
  using Kept = Lookback::Kept;

  void add(Open& sum, const Kept& kept) {
    // It is counted as late where its time is before what `fold` takes for the watermark.
    fold(sum, {kept.time, kept.value, {}, kept.quality}, kept.late ? time_end : time_begin);
  }

  void append(Lookback& trail, const Kept& kept) {
    if (trail.blocks.size() == trail.front ||
        trail.blocks.back().readings.size() >= Lookback::block_readings) {
      trail.blocks.emplace_back();
    }
    trail.blocks.back().readings.push_back(kept);
    ++trail.size;
    if (trail.back == nullptr) trail.back = take({});
    add(*trail.back, kept);
  }

  void put_between(Lookback& trail, const Kept& kept) {
    const auto later = [](Timestamp time, const auto& block) {
      return time < block.readings.front().time;
    };
    const auto next = std::upper_bound(trail.blocks.begin(), trail.blocks.end(), kept.time, later);
    const auto block = next == trail.blocks.begin() ? next : next - 1;
    const auto place =
        std::upper_bound(block->readings.begin(), block->readings.end(), kept.time,
                         [](Timestamp time, const Kept& each) { return time < each.time; });
    block->readings.insert(place, kept);
    ++trail.size;
    const auto at = static_cast<std::size_t>(block - trail.blocks.begin());
    if (at >= trail.front) add(*trail.back, kept);
    for (std::size_t i = 0; i <= at && i < trail.front && at < trail.front; ++i)
      add(*trail.blocks[i].suffix, kept);
    if (block->readings.size() == 2 * Lookback::block_readings) halve(trail, at);
  }

  /// Whether a reading of that time would go with the oldest block right after it joined it.
  bool is_next_to_go(const Lookback& trail, Timestamp time) const {
    return trail.size >= most_ && trail.blocks.size() > 1 &&
           time < trail.blocks[1].readings.front().time;
  }

  // So that what comes in no order does not end up in one block, which never goes.
  void halve(Lookback& trail, std::size_t at) {
    Lookback::Block later;
    auto& readings = trail.blocks[at].readings;
    const auto half = readings.begin() + Lookback::block_readings;
    later.readings.assign(half, readings.end());
    readings.erase(half, readings.end());
    if (at < trail.front) {
      later.suffix = take({});
      for (const Kept& kept : later.readings) add(*later.suffix, kept);
      if (at + 1 < trail.front) absorb(*later.suffix, *trail.blocks[at + 1].suffix);
      ++trail.front;
    }
    trail.blocks.insert(trail.blocks.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                        std::move(later));
  }

  /// Whole blocks that no look-back at the newest reading or a later one needs.
  void forget_old(Lookback& trail) {
    const Timestamp begin = saturating_sub(trail.newest(), size_);
    std::size_t gone = 0;
    while (trail.blocks[gone].readings.back().time <= begin) drop(trail, gone++);
    while (trail.size > most_ && gone + 1 < trail.blocks.size()) {
      const Timestamp last = trail.blocks[gone].readings.back().time;
      drop(trail, gone++);
      // Of readings at the same time some may go and some stay.
      trail.forgotten = std::min(last, trail.blocks[gone].readings.front().time - Duration(1));
    }
    if (gone == 0) return;
    trail.blocks.erase(trail.blocks.begin(),
                       trail.blocks.begin() + static_cast<std::ptrdiff_t>(gone));
    if (gone < trail.front) {
      trail.front -= gone;
      return;
    }
    // The back is cut into: what is left of it becomes the front, but for the newest block.
    trail.front = 0;
    turn(trail);
  }

  void drop(Lookback& trail, std::size_t at) {
    trail.size -= trail.blocks[at].readings.size();
    if (trail.blocks[at].suffix != nullptr) forget(trail.blocks[at].suffix);
  }

  void turn(Lookback& trail) {
    if (trail.back != nullptr) forget(trail.back);
    trail.front = trail.blocks.size() - 1;
    for (std::size_t i = trail.front; i > 0; --i) {
      Lookback::Block& block = trail.blocks[i - 1];
      block.suffix = take({});
      for (const Kept& kept : block.readings) add(*block.suffix, kept);
      if (i < trail.front) absorb(*block.suffix, *trail.blocks[i].suffix);
    }
    trail.back = take({});
    for (const Kept& kept : trail.blocks.back().readings) add(*trail.back, kept);
  }

  void tell(const Cell& cell, Lookback& trail, Outputs& out) {
    const Timestamp closed = saturating_sub(groups_[cell.group].closed, Duration(1));
    const Timestamp begin =
        std::max({saturating_sub(trail.newest(), size_), trail.forgotten, closed});
    const Window window{saturating_add(begin, Duration(1)),
                        saturating_add(trail.newest(), Duration(1))};
    Open* sum = take(window);
    const bool cut = trail.blocks.front().readings.front().time <= begin;
    if (cut) {
      if (trail.front == 0) turn(trail);
      for (const Kept& kept : trail.blocks.front().readings) {
        if (kept.time > begin) add(*sum, kept);
      }
    }
    const std::size_t from = cut ? 1 : 0;
    if (from < trail.front) absorb(*sum, *trail.blocks[from].suffix);
    if (trail.front > 0 || !cut) absorb(*sum, *trail.back);
    sum->next_revision = trail.told == sum->window ? trail.next_revision : 0;
    trail.told = sum->window;
    emit(cell, *sum, false, out);
    trail.next_revision = sum->next_revision;
    forget(sum);
  }

  void clear(Lookback& trail) {
    for (std::size_t i = 0; i < trail.blocks.size(); ++i) drop(trail, i);
    if (trail.back != nullptr) forget(trail.back);
    trail = {};
  }

  // All of it was told, reading by reading.
  Timestamp last_end(std::uint32_t slot) const override {
    const Lookback& trail = trails_[slot];
    return trail.empty() ? time_begin : saturating_add(trail.newest(), Duration(1));
  }
  void close(std::uint32_t slot, Timestamp watermark, Outputs&) override {
    if (watermark == time_end) clear(trails_[slot]);
  }
  void cell_added() override { trails_.emplace_back(); }

  void define_windows(ByteWriter& out) const override {
    out.zigzag(0);  // no tumbling window has that size
    out.text("trailing");
    out.zigzag(size_.count());
    out.varint(most_);
  }

  // The sums too: made anew, they would add up in another order, and not to the same last bit.
  void save_cell(std::uint32_t slot, ByteWriter& out) const override {
    const Lookback& trail = trails_[slot];
    out.varint(trail.blocks.size());
    if (trail.empty()) return;
    out.varint(trail.front);
    for (const auto& block : trail.blocks) {
      out.varint(block.readings.size());
      for (const Kept& kept : block.readings) save_kept(kept, out);
      if (block.suffix != nullptr) save_window(*block.suffix, out);
    }
    save_window(*trail.back, out);
    out.zigzag(count_us(trail.forgotten));
    save_bounds(trail.told, out);
    out.varint(trail.next_revision);
  }
  static void save_kept(const Kept& kept, ByteWriter& out) {
    out.zigzag(count_us(kept.time));
    out.f64(kept.value);
    out.u8(static_cast<std::uint8_t>(kept.quality));
    out.u8(kept.late ? 1 : 0);
  }

  bool load_cell(std::uint32_t slot, ByteReader& in) override {
    Lookback& trail = trails_[slot];
    const std::uint64_t blocks = in.count();
    if (blocks == 0) return in.ok();
    const std::uint64_t front = in.varint();
    if (!in.ok() || front >= blocks) return false;
    Timestamp last = time_begin;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      Lookback::Block& block = trail.blocks.emplace_back();
      for (std::uint64_t left = in.count(); left > 0; --left) {
        if (!load_kept(block.readings.emplace_back(), in)) return false;
        if (block.readings.back().time < last) return false;
        last = block.readings.back().time;
      }
      if (block.readings.empty()) return false;
      trail.size += block.readings.size();
      if (i >= front) continue;
      trail.front = static_cast<std::size_t>(i + 1);
      block.suffix = take({});
      if (!load_window(*block.suffix, in)) return false;
    }
    trail.back = take({});
    if (!load_window(*trail.back, in)) return false;
    trail.forgotten = timestamp_us(in.zigzag());
    trail.told = load_bounds(in);
    trail.next_revision = static_cast<std::uint32_t>(in.varint());
    return in.ok() && trail.forgotten < trail.newest();
  }
  static bool load_kept(Kept& kept, ByteReader& in) {
    kept.time = timestamp_us(in.zigzag());
    kept.value = in.f64();
    kept.quality = static_cast<Quality>(in.u8());
    kept.late = in.u8() == 1;
    return in.ok();
  }

  Duration size_;
  std::uint64_t most_;
  std::vector<Lookback> trails_;  ///< by cell
};

bool read_trailing(Params& table, WindowOptions& window) {
  window.size = table.required_duration("trailing", window_length);
  window.readings = static_cast<std::uint64_t>(table.integer("max_readings", 1000, {2, 100'000}));
  return true;
}

/// Usually of a reading every ten seconds, at worst of as many as may be kept.
WindowCost cost_of_trailing(const WindowOptions& window, Duration, bool worst) {
  constexpr double readings_a_day = 8640, kept_bytes = 40, block = 8;
  const auto most = static_cast<double>(window.readings);
  const double readings = worst ? most : std::min(most, as_seconds(window.size) / 10 + 1);
  return {readings / block + 2, readings * kept_bytes, readings_a_day};
}

}  // namespace

extern const WindowEntry trailing_windows;
constinit const WindowEntry trailing_windows{
    "trailing", read_trailing, false, false, true, make_kind<Trailing>, cost_of_trailing};

}  // namespace weir
