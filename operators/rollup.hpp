#pragma once

#include <map>
#include <string>
#include <vector>

#include "operators/aggregate.hpp"
#include "operators/block_pool.hpp"
#include "operators/device_clocks.hpp"
#include "operators/hold_tree.hpp"
#include "operators/operator.hpp"
#include "operators/options.hpp"
#include "operators/series.hpp"
#include "operators/tumbling.hpp"

namespace weir {

/// `[[rollup]]`: one result for each group, metric and window.
///
/// *Group watermark*: the lowest watermark of the devices that hold the group; it never goes back.
/// An idle device does not hold; nor does one that is further behind the furthest of the group than
/// `max_skew + idle`: it has a wrong clock or drains a backlog. (A right device is at most `idle`
/// behind a right clock and a wrong one at most `max_skew` ahead of it, so a device that runs ahead
/// never puts the right ones out.) With nobody holding, the group watermark stays.
///
/// *A window* is complete when the group watermark reaches its end, and emitted then, by the very
/// reading that moves it. It is kept for `lateness` more; readings that join it meanwhile are
/// emitted as one further revision at the end of the batch that brought them. A reading whose
/// window is closed for good is late.
///
/// *Idle*: when the last device that held a group becomes idle, the group's windows are emitted as
/// they stand, even those that are not over by the wall clock: the centre shall see the last values
/// of a dead sensor, and can't tell how long to wait. They stay open; what joins them later is
/// emitted when they are complete or all is idle again, and not at all if nothing joined.
///
/// *`Output::late`* counts readings whose event time was behind the group watermark when they came.
///
/// *Memory*: a group's windows lie between its watermark - lateness and its furthest reading, at
/// most (lateness + out_of_order + max_skew + idle) / size + 2 of them for each series; state_bytes
/// of the aggregates plus 64 each, and what the aggregates hold beside that.
class Rollup final : public Operator {
 public:
  /// All but the options outlive the rollup.
  Rollup(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
         const DeviceClocks& clocks);
  ~Rollup() override;
  Rollup(const Rollup&) = delete;
  Rollup& operator=(const Rollup&) = delete;

  std::optional<std::uint32_t> join(SeriesId series) override;
  void expect(std::uint32_t slot, bool near) const override;
  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now,
                 Outputs& out) override;
  void move(DeviceId device, Outputs& out) override;
  void settle(Outputs& out) override;
  void begin_anew(Timestamp told) override;

  std::string name() const override { return "rollup " + name_; }
  void define(ByteWriter& out) const override;
  void save(ByteWriter& out) const override;
  bool load(ByteReader& in) override;
  std::size_t memory_bytes() const override;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// One window; the accumulators stand behind it in the same block.
  struct Open {
    Window window;
    std::uint64_t count = 0, late = 0;
    Timestamp first{}, last{};
    std::uint32_t next_revision = 0;
    Quality quality = Quality::good;
    bool changed = false;  ///< since it was last emitted
    bool queued = false;   ///< in revised_

    std::byte* state() { return reinterpret_cast<std::byte*>(this + 1); }
    const std::byte* state() const { return reinterpret_cast<const std::byte*>(this + 1); }
    bool holds(Timestamp time) const { return window.start <= time && time < window.end; }
  };

  /// One series of results: the windows of a group and a metric, by start.
  struct Cell {
    std::uint32_t group = 0;
    MetricId metric{};
    Open* newest = nullptr;
    std::vector<Open*> windows;
  };

  struct Group {
    Timestamp watermark = time_begin;
    Timestamp furthest = time_begin;  ///< the highest watermark any device of it ever had
    Timestamp next_event = time_end;  ///< the next watermark at which a window completes or goes
    HoldTree holds;                   ///< a leaf a device
    std::vector<DeviceId> devices;    ///< in the order of joining; the first names the group
    std::vector<std::uint32_t> cells;
  };

  /// Where a device stands.
  struct Place {
    std::uint32_t group = none, leaf = 0;
  };

  bool has_joined(DeviceId device) const {
    return index(device) < places_.size() && places_[index(device)].group != none;
  }
  bool has_tags(DeviceId device) const;
  std::uint32_t group_of(DeviceId device);
  void add_device(std::uint32_t group, DeviceId device);
  std::uint32_t add_cell(std::uint32_t group, MetricId metric);
  std::string group_key(DeviceId device) const;
  Timestamp hold_of(const DeviceClocks::Clock& clock, const Group& group) const;
  void drop_laggards(Group& group) const;

  Open* find_or_open(Cell& cell, Timestamp time);
  Open* open(Cell& cell, std::size_t at, const Window& window);
  void forget(Open* open);
  void wait_for(Group& group, const Window& window) const;
  void advance(Group& group, Outputs& out);
  void close(const Group& group, Cell& cell, Outputs& out);
  void emit_changed(const Group& group, Outputs& out);
  void emit(const Cell& cell, Open& open, Outputs& out);

  void save_window(const Open& open, ByteWriter& out) const;
  bool load_group(ByteReader& in);
  bool load_cell(std::uint32_t group, ByteReader& in);

  std::string name_, topic_;
  std::vector<std::string> metrics_, by_;
  std::vector<std::size_t> by_index_;  ///< places of `by` among the tags of the source
  Tumbling windows_;
  Duration size_, offset_, lateness_, reach_;
  AggregateSet aggregates_;
  const SeriesTable& table_;
  const DeviceClocks& clocks_;

  std::vector<Place> places_;  ///< by device
  std::vector<Group> groups_;
  std::vector<Cell> cells_;
  std::map<std::string, std::uint32_t> group_index_;  ///< unused where a device is a group
  BlockPool pool_;

  struct Revised {
    std::uint32_t cell;
    Timestamp start;
  };
  std::vector<Revised> revised_;  ///< complete windows that something joined in this batch
};

}  // namespace weir
