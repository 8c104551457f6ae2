#include <cmath>
#include <limits>

#include "operators/detector.hpp"

namespace weir {

namespace {

/// A value that stays within `tolerance` of where it was for `for` of event time. The score is how
/// long, in seconds. A gap without readings counts as part of it if the value is the same behind
/// it.
struct Stuck {
  Duration duration;
  double tolerance;

  struct State {
    Timestamp since{};
    double value = 0;  ///< the first of the run
    bool any = false;

    void save(ByteWriter& out) const {
      out.u8(any ? 1 : 0);
      out.zigzag(count_us(since));
      out.f64(value);
    }
    void load(ByteReader& in) {
      any = in.u8() != 0;
      since = timestamp_us(in.zigzag());
      value = in.f64();
    }
  };

  static Stuck read(Params& params) {
    return {params.required_duration("for", {Duration(1), std::chrono::hours(24 * 3660)}),
            params.number("tolerance", 0, {0, std::numeric_limits<double>::max()})};
  }

  void define(ByteWriter& out) const {
    out.varint(1);
    out.f64(tolerance);
  }

  Judgement judge(State& state, const Reading& reading, bool) const {
    if (!state.any || !(std::fabs(reading.value - state.value) <= tolerance)) {
      state = {reading.time, reading.value, true};
    }
    const Duration run = saturating_difference(reading.time, state.since);
    Judgement judgement;
    judgement.score = as_seconds(run);
    judgement.bound = as_seconds(duration);
    judgement.breach = run >= duration;
    return judgement;
  }
};

}  // namespace

extern const DetectorEntry stuck_detector;
constinit const DetectorEntry stuck_detector{
    "stuck", "the same value, within tolerance, for a time", true, &read_detector<Stuck>};

}  // namespace weir
