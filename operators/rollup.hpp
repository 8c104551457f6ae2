#pragma once

#include <string>
#include <vector>

#include "operators/aggregate.hpp"
#include "operators/block_pool.hpp"
#include "operators/expectation.hpp"
#include "operators/groups.hpp"
#include "operators/operator.hpp"

namespace weir {

/// `[[rollup]]`: one result for each group, metric and window. This is what all kinds of windows
/// share; each kind is a class of its own in window_NAME.cpp, which says what its windows are.
///
/// *A window* is complete when the group watermark (Groups) reaches its end, and emitted then, by
/// the very reading that moves it. It is kept for `lateness` more; readings that join it meanwhile
/// are emitted as one further revision at the end of the batch that brought them, or
/// `revise_every` of elapsed time after the first of them. A reading is late if every window that
/// it would join is closed for good.
///
/// *Idle*: when the last device that held a group becomes idle, the group's windows are emitted as
/// they stand, even those that are not over by the wall clock: the centre shall see the last values
/// of a dead sensor, and can't tell how long to wait. They stay open; what joins them later is
/// emitted when they are complete or all is idle again, and not at all if nothing joined.
///
/// *Forgotten*: when every device of a group was silent for `forget_after` (or there is no room for
/// others), its windows are emitted as they stand and closed for good: readings of theirs are late
/// if a device comes back. The group and its series stay, without any window.
///
/// *Final*: emitted once, when the window is closed for good, with all that joined it. What an idle
/// group shows of it before is a preview.
///
/// *Early*: what changed in windows that are not complete is emitted as a preview `early_every`
/// after the first reading since the previews before. A preview is a revision like any other, but
/// for its mark; the window is emitted without the mark in any case when it is complete.
///
/// *A lateness that becomes longer* opens no window again that a shorter one closed for good.
///
/// *`Output::late`* counts readings whose event time was behind the group watermark when they came.
class Rollup : public Operator {
 public:
  /// All but the options outlive the rollup. `aligned`: windows are side by side, share no reading
  /// and never change their bounds.
  Rollup(const RollupOptions& options, const SourceOptions& source, const SeriesTable& table,
         const DeviceClocks& clocks, bool aligned);
  ~Rollup() override;
  Rollup(const Rollup&) = delete;
  Rollup& operator=(const Rollup&) = delete;

  std::optional<std::uint32_t> join(SeriesId series) final;
  void expect(std::uint32_t slot, bool near) const final;
  void move(DeviceId device, Outputs& out) final;
  void forget(DeviceId device, Outputs& out) final;
  void finish(Outputs& out) final;
  void regroup(const SourceOptions& next, Outputs& out) final;
  void tick(const Moment& now, Outputs& out) final;
  void settle(Outputs& out) final;
  std::optional<Duration> next_tick() const final;
  void begin_anew(Timestamp told) override;

  std::string name() const final { return "rollup " + name_; }
  void define(ByteWriter& out) const final;
  void save(ByteWriter& out) const final;
  bool load(ByteReader& in) final;
  std::size_t memory_bytes() const override;

 protected:
  using Group = Groups::Group;

  /// One window, or a part of one; the accumulators stand behind it in the same block.
  struct Open {
    Window window;
    std::uint64_t count = 0, late = 0;
    Timestamp first{}, last{};
    std::uint32_t next_revision = 0;
    Quality quality = Quality::good;
    bool changed = false;    ///< since it was last emitted
    bool previewed = false;  ///< what was last emitted was a preview
    bool queued = false;     ///< in revised_

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

  /// What is asked of the windows of a cell; these are right for windows that don't overlap.
  /// The group's watermark moved: emits what is complete, forgets what goes.
  virtual void close(std::uint32_t cell, Timestamp watermark, Outputs& out);
  /// Emits what changed, as it stands. `previews`: nothing that is complete.
  virtual void emit_changed(std::uint32_t cell, bool previews, Outputs& out);
  /// Emits what changed in the window, or of the windows over the part, that was queued.
  virtual void revise(std::uint32_t cell, Timestamp start, Outputs& out);
  /// Its group is forgotten: everything is emitted as it stands and closed for good.
  virtual void let_go(std::uint32_t cell, Outputs& out);
  /// Where the last of the windows ends.
  virtual Timestamp last_end(std::uint32_t cell) const;
  /// Has the group wait for what happens next to each window (`wait_for`).
  virtual void wait_for_all(std::uint32_t cell);
  virtual void cell_added() {}
  /// The bounds that its results name.
  virtual Window bounds_of(const Open& open) const { return open.window; }
  /// What tells this kind and its options from others in the stored state.
  virtual void define_windows(ByteWriter& out) const = 0;
  virtual void save_cell(std::uint32_t cell, ByteWriter& out) const;
  virtual bool load_cell(std::uint32_t cell, ByteReader& in);
  /// Both bounds of a window, unless one follows from the other.
  virtual void save_bounds(const Window& window, ByteWriter& out) const;
  virtual Window load_bounds(ByteReader& in) const;

  // The parts that kinds are made of.
  void fold(Open& open, const Reading& reading, Timestamp watermark) {
    if (open.count == 0 || reading.time < open.first) open.first = reading.time;
    if (open.count == 0 || reading.time > open.last) open.last = reading.time;
    ++open.count;
    if (reading.time < watermark) ++open.late;
    open.quality |= reading.quality;
    aggregates_.add(open.state(), reading);
    open.changed = true;
  }
  /// Adds what another one holds, which lies behind it in time; then forgets the other.
  void absorb(Open& open, const Open& later) const;
  /// A reading joined: previews are due, some time.
  void arm(const Moment& now) {
    if (unarmed_) arm_previews(now);
  }
  /// A reading joined what is complete already.
  void queue(std::uint32_t cell, Open& open, const Moment& now);

  Open* take(const Window& window);
  static void insert(Cell& cell, std::size_t at, Open* open);
  void erase(Cell& cell, std::size_t from, std::size_t to);  ///< forgets them
  void forget(Open* open);
  static std::size_t find(const Cell& cell, Timestamp start);  ///< the first not before
  Timestamp watermark_of(const Cell& cell) const { return groups_[cell.group].watermark; }
  Timestamp gone_at(Timestamp end) const { return saturating_add(end, lateness_); }
  /// Whether a window that ends there is closed for good.
  bool gone(const Group& group, Timestamp end) const {
    return gone_at(end) <= group.watermark || end <= std::max(group.closed, group.passed);
  }
  void wait_for(Group& group, Timestamp end) const;
  bool once() const { return emission_.mode == EmissionOptions::Mode::final; }
  /// Whether what is emitted now of a window that is not closed for good is a preview.
  bool is_preview(Timestamp end, Timestamp watermark) const;
  virtual Output& emit(const Cell& cell, Open& open, bool preview, Outputs& out);
  Output& begin_output(const Cell& cell, const Window& window, Outputs& out) const;

  void save_window(const Open& open, ByteWriter& out) const;
  bool load_window(Open& open, ByteReader& in) const;

  AggregateSet aggregates_;
  Groups groups_;
  std::vector<Cell> cells_;

 private:
  void arm_previews(const Moment& now);
  void advance(Group& group, Outputs& out);
  void revise_all(Outputs& out);
  std::uint32_t cell_of(std::uint32_t group, MetricId metric);
  std::vector<const Group*> stored_groups() const;
  void save_rest(ByteWriter& out) const;
  bool load_rest(ByteReader& in);

  std::string name_, topic_;
  bool ships_;  ///< results carry state
  Expectation expectation_;
  std::vector<std::string> metrics_, by_;
  Duration lateness_;
  EmissionOptions emission_;
  bool aligned_;
  const SeriesTable& table_;
  BlockPool pool_;

  struct Revised {
    std::uint32_t cell;
    Timestamp start;
  };
  std::vector<Revised> revised_;  ///< what something joined after it was complete
  bool unarmed_;                  ///< previews are wanted and not due yet
  std::optional<Duration> early_due_, revise_due_;
};

}  // namespace weir
