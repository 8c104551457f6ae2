#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/bytes.hpp"
#include "operators/output.hpp"
#include "operators/reading.hpp"

namespace weir {

/// What an operator did with a reading. Of several operators the highest verdict decides what the
/// reading is counted as: rollups before detectors, so that what is missing from the windows is
/// late even where a detector could still use it.
enum class Verdict : std::uint8_t {
  none,     ///< no operator takes it: unused
  too_old,  ///< a detector can't use it any more: late
  watched,  ///< a detector used it: aggregated
  late,     ///< the windows of a rollup that it could have joined are closed for good: late
  taken,    ///< folded into a window: aggregated
};

/// One link of the pipeline: folds readings of one source into keyed state and emits results. Pure:
/// what it emits depends on the calls alone.
///
/// Protocol: `load? (tick (join? accept move?)* settle)* save`. `tick` and `settle` enclose every
/// batch, also an empty one.
class Operator {
 public:
  virtual ~Operator() = default;

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

  /// Time passed: deadlines up to `now` are due.
  virtual void tick(const Moment&, Outputs&) {}
  /// The end of a batch: what was held back to be emitted once is emitted.
  virtual void settle(Outputs&) {}
  /// The earliest `elapsed` at which `tick` would do anything.
  virtual std::optional<Duration> next_tick() const { return std::nullopt; }

  /// History was lost: windows that began before `told` are known to the centre, perhaps with more
  /// readings than are here. Forgets them, and what would only make sense with them.
  virtual void begin_anew(Timestamp told) = 0;

  /// "rollup press_1m": names its part of the saved state.
  virtual std::string name() const = 0;
  /// Everything that must be equal for saved state to make sense.
  virtual void define(ByteWriter& out) const = 0;
  virtual void save(ByteWriter& out) const = 0;
  /// False: these are not bytes of `save`. Requires: nothing was accepted yet.
  virtual bool load(ByteReader& in) = 0;

  virtual std::size_t memory_bytes() const = 0;
};

}  // namespace weir
