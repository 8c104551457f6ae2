#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/params.hpp"
#include "operators/alert.hpp"
#include "operators/keyed.hpp"
#include "operators/operator.hpp"
#include "operators/options.hpp"

namespace weir {

/// One word of `method = "…"`. To add one: write its file and its line in registry.cpp.
struct DetectorEntry {
  std::string_view name;
  std::string_view about;  ///< one line, for the manual
  bool streaks;            ///< raise_after and clear_after mean something to it
  /// Reads the method's own options from the `[[detector]]` table; problems are recorded there.
  /// `source`: whose readings it gets; null: an unknown one, which is recorded already.
  MakeDetector (*read)(Params& detector, const SourceOptions* source);
};

/// A detector that judges each reading of a series by what it knows of the series so far.
///
/// A reading older than the newest of its series is ignored (and late, if nothing else takes it): a
/// baseline runs in event time and can't be run again.
///
/// `Method` is plain data, its options, with
/// - `static Method read(Params&)`, or `read(Params&, const SourceOptions*)`: reads them;
/// - if it has thresholds that come from a dimension table, `void look_up(const SourceOptions&,
///   const SeriesTable&)`: where its rows are;
/// - `void define(ByteWriter&) const`: writes a version and what must be equal for saved state;
/// - `struct State` with `save(ByteWriter&) const` and `load(ByteReader&)`: what it knows;
/// - `Judgement judge(State&, const Reading&, bool raised) const`: judges and learns. `raised`:
///   an alert is on, so the bound that clears it holds.
template <class Method>
class Detector final : public Operator {
 public:
  Detector(const DetectorOptions& options, Method method, const SourceOptions& source,
           const SeriesTable& table)
      : method_(std::move(method)), alerts_(options, source, table), table_(table) {
    if constexpr (requires { method_.look_up(source, table); }) method_.look_up(source, table);
  }

  std::optional<std::uint32_t> join(SeriesId series) override {
    if (!alerts_.takes(series)) return std::nullopt;
    const auto joined = slots_.join(series);
    if (joined.added) watched_.emplace_back();
    return joined.slot;
  }

  void expect(std::uint32_t slot, bool near) const override {
    if (!near) __builtin_prefetch(&watched_[slot]);
  }

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment&, Outputs& out) override {
    Watched& watched = watched_[slot];
    if (reading.time < watched.newest) return Verdict::too_old;
    watched.newest = reading.time;
    const bool raised = watched.alert && watched.alert->raised;
    const Judgement judgement = method_.judge(watched.state, reading, raised);
    if (judgement.breach || watched.alert) alerts_.follow(watched.alert, reading, judgement, out);
    return Verdict::watched;
  }

  /// An alert that the centre is yet to be told of goes on.
  void begin_anew(Timestamp told) override {
    for (Watched& watched : watched_) {
      if (watched.alert && watched.alert->raised && watched.alert->raised_at >= told) continue;
      watched.state = {};
      watched.alert.reset();
    }
  }

  void finish(Outputs& out) override {
    for (std::size_t slot = 0; slot < watched_.size(); ++slot) {
      const Watched& watched = watched_[slot];
      if (watched.alert && watched.alert->raised)
        alerts_.end(*watched.alert, slots_.ids()[slot], out);
    }
  }

  std::string name() const override { return "detector " + alerts_.name(); }

  void define(ByteWriter& out) const override {
    out.varint(1);  // version of what save writes
    alerts_.define(out);
    method_.define(out);
  }

  void save(ByteWriter& out) const override {
    out.varint(watched_.size());
    for (std::size_t slot = 0; slot < watched_.size(); ++slot) {
      const Watched& watched = watched_[slot];
      out.varint(index(slots_.ids()[slot]));
      out.zigzag(count_us(watched.newest));
      watched.state.save(out);
      out.u8(watched.alert ? 1 : 0);
      if (watched.alert) watched.alert->save(out);
    }
  }

  bool load(ByteReader& in) override {
    for (std::uint64_t left = in.count(); left > 0; --left) {
      const std::uint64_t id = in.varint();
      if (!in.ok() || id >= table_.mark().series) return false;
      if (!slots_.join(SeriesId{static_cast<std::uint32_t>(id)}).added) return false;
      Watched& watched = watched_.emplace_back();
      watched.newest = timestamp_us(in.zigzag());
      watched.state.load(in);
      const std::uint8_t alert = in.u8();
      if (alert > 1) return false;
      if (alert == 1) {
        watched.alert = std::make_unique<Alert>();
        if (!watched.alert->load(in)) return false;
      }
    }
    return in.ok();
  }

  std::size_t memory_bytes() const override {
    return watched_.capacity() * sizeof(Watched) + slots_.memory_bytes();
  }

 private:
  struct Watched {
    typename Method::State state;
    Timestamp newest = time_begin;
    std::unique_ptr<Alert> alert;  ///< only while something is going on
  };

  Method method_;
  AlertWriter alerts_;
  const SeriesTable& table_;
  SeriesSlots slots_;
  std::vector<Watched> watched_;  ///< by slot
};

/// DetectorEntry::read of a method as Detector wants it.
template <class Method>
MakeDetector read_detector(Params& params, const SourceOptions* source) {
  const auto read = [&] {
    if constexpr (requires { Method::read(params, source); })
      return Method::read(params, source);
    else
      return Method::read(params);
  };
  return [method = read()](const DetectorOptions& options, const SourceOptions& from,
                           const SeriesTable& table) {
    return std::make_unique<Detector<Method>>(options, method, from, table);
  };
}

}  // namespace weir
