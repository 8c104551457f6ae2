#include <algorithm>
#include <limits>

#include "operators/detector.hpp"
#include "operators/threshold.hpp"

namespace weir {

namespace {

constexpr double unbounded = std::numeric_limits<double>::infinity();

/// Below `low` or above `high` is a breach; the score is the distance beyond the bound. An alert is
/// cleared by values that are inside by at least `hysteresis`, or, where a device's own bounds
/// leave no room for that, in the middle.
struct Bounds {
  std::optional<Threshold> low, high;
  double hysteresis;

  struct State {
    void save(ByteWriter&) const {}
    void load(ByteReader&) {}
  };

  static Bounds read(Params& params, const SourceOptions* source) {
    Bounds range{Threshold::read(params, "low", source), Threshold::read(params, "high", source),
                 params.number("hysteresis", 0, {0, std::numeric_limits<double>::max()})};
    if (!range.low && !range.high) params.problem("low", "a range needs low, high or both");
    if (!range.low || !range.high) return range;
    const auto low = range.low->number(), high = range.high->number();
    if (low && high && *low >= *high) params.problem("high", "must be above low");
    if (low && high && range.hysteresis > (*high - *low) / 2)
      params.problem("hysteresis", "leaves no value that would clear the alert");
    return range;
  }

  void look_up(const SourceOptions& source, const SeriesTable& table) {
    if (low) low->look_up(source, table);
    if (high) high->look_up(source, table);
  }

  void define(ByteWriter& out) const { out.varint(1); }

  Judgement judge(State&, const Reading& reading, bool raised) const {
    const double lowest = low ? low->of(reading).value_or(-unbounded) : -unbounded;
    const double highest = high ? high->of(reading).value_or(unbounded) : unbounded;
    const double room = std::max(0.0, (highest - lowest) / 2);
    const double margin = raised ? std::min(hysteresis, room) : 0;
    const double below = (lowest + margin) - reading.value;
    const double above = reading.value - (highest - margin);
    Judgement judgement;
    judgement.breach = below > 0 || above > 0;
    judgement.bound = below > above ? lowest : highest;
    judgement.score =
        std::max(0.0, below > above ? lowest - reading.value : reading.value - highest);
    return judgement;
  }
};

}  // namespace

extern const DetectorEntry range_detector;
constinit const DetectorEntry range_detector{"range", "a value below low or above high", true,
                                             &read_detector<Bounds>};

}  // namespace weir
