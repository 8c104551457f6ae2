#include <limits>

#include "operators/detector.hpp"

namespace weir {

namespace {

constexpr double unbounded = std::numeric_limits<double>::infinity();

/// Below `low` or above `high` is a breach; the score is the distance beyond the bound. An alert is
/// cleared by values that are inside by at least `hysteresis`.
struct Bounds {
  double low, high, hysteresis;

  struct State {
    void save(ByteWriter&) const {}
    void load(ByteReader&) {}
  };

  static Bounds read(Params& params) {
    const auto low = params.optional_number("low"), high = params.optional_number("high");
    Bounds range{low.value_or(-unbounded), high.value_or(unbounded),
                 params.number("hysteresis", 0, {0, std::numeric_limits<double>::max()})};
    if (!low && !high) params.problem("low", "a range needs low, high or both");
    if (low && high && *low >= *high) params.problem("high", "must be above low");
    if (low && high && range.hysteresis > (*high - *low) / 2) {
      params.problem("hysteresis", "leaves no value that would clear the alert");
    }
    return range;
  }

  void define(ByteWriter& out) const { out.varint(1); }

  Judgement judge(State&, const Reading& reading, bool raised) const {
    const double margin = raised ? hysteresis : 0;
    const double below = (low + margin) - reading.value;
    const double above = reading.value - (high - margin);
    Judgement judgement;
    judgement.breach = below > 0 || above > 0;
    judgement.bound = below > above ? low : high;
    judgement.score = std::max(0.0, below > above ? low - reading.value : reading.value - high);
    return judgement;
  }
};

}  // namespace

extern const DetectorEntry range_detector;
constinit const DetectorEntry range_detector{"range", "a value below low or above high", true,
                                             &read_detector<Bounds>};

}  // namespace weir
