#pragma once

#include <cstdint>
#include <optional>

#include "operators/output.hpp"
#include "operators/pipeline.hpp"
#include "operators/reading.hpp"
#include "operators/stateful.hpp"

namespace weir {

/// What an operator did with a reading. Of several operators the highest verdict decides what the
/// reading is counted as: rollups before detectors, so that what is missing from the windows is
/// late even where a detector could still use it.
enum class Verdict : std::uint8_t {
  none,      ///< no operator takes it: unused
  filtered,  ///< the `where` of an operator does not want it: filtered
  too_old,   ///< a detector can't use it any more: late
  watched,   ///< a detector used it: aggregated
  late,      ///< the windows of a rollup that it could have joined are closed for good: late
  taken,     ///< folded into a window: aggregated
};

/// One link of the pipeline: folds readings of one source into keyed state and emits results. Pure:
/// what it emits depends on the calls alone.
///
/// Protocol: `load? (tick (join? accept move?)* settle)* save`. `tick` and `settle` enclose every
/// batch, also an empty one.
class Operator : public Stateful {
 public:
  /// The slot of a series in this operator's state, made if it is new; nothing if the operator
  /// takes no readings of it. Called once for each series (again after a load), so that a reading
  /// needs no look-up.
  virtual std::optional<std::uint32_t> join(SeriesId series) = 0;

  /// A hint and nothing more: a reading for the slot comes soon, or very soon (`near`). With many
  /// series the state that a reading needs is spread over memory, and waiting for one place after
  /// the other costs more than all of the arithmetic; so each step asks for what the one before has
  /// found.
  virtual void expect(std::uint32_t /*slot*/, bool /*near*/) const {}

  /// Folds one reading in. The device's watermark is still that of the readings before.
  virtual Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now,
                         Outputs& out) = 0;

  /// The device's watermark moved on, or it became idle, or returned from that: `DeviceClocks` says
  /// which.
  virtual void move(DeviceId, Outputs&) {}

  /// The device was silent for so long that its windows are closed for good: emits what changed
  /// and lets go of what grows with readings. It may come back all the same.
  virtual void forget(DeviceId, Outputs&) {}

  /// The operator ends here: emits what the centre does not know yet, as it stands, and clears what
  /// it raised. Nothing more is asked of it.
  virtual void finish(Outputs&) {}

  /// The dimension table of its source becomes that of `next`: what is grouped by it closes the
  /// groups whose devices are all in others there. Nothing is asked of it any more but `save`.
  virtual void regroup(const SourceOptions& /*next*/, Outputs&) {}

  /// Time passed: deadlines up to `now` are due.
  virtual void tick(const Moment&, Outputs&) {}
  /// The end of a batch: what was held back to be emitted once is emitted.
  virtual void settle(Outputs&) {}
  /// The earliest `elapsed` at which `tick` would do anything.
  virtual std::optional<Duration> next_tick() const { return std::nullopt; }

  /// History was lost: windows that began before `told` are known to the centre, perhaps with more
  /// readings than are here. Forgets them, and what would only make sense with them.
  virtual void begin_anew(Timestamp told) = 0;
};

}  // namespace weir
