#include <cmath>
#include <limits>

#include "operators/detector.hpp"
#include "operators/threshold.hpp"

namespace weir {

namespace {

/// A change from one reading to the next, in either direction, faster than `max` for each `per` of
/// event time. The score is that rate. Two readings at one time have no rate.
struct Rate {
  Threshold max;
  double clear_ratio;
  Duration per;

  struct State {
    Timestamp time{};
    double value = 0;
    bool any = false;

    void save(ByteWriter& out) const {
      out.u8(any ? 1 : 0);
      out.zigzag(count_us(time));
      out.f64(value);
    }
    void load(ByteReader& in) {
      any = in.u8() != 0;
      time = timestamp_us(in.zigzag());
      value = in.f64();
    }
  };

  static Rate read(Params& params, const SourceOptions* source) {
    const auto max = Threshold::read(params, "max", source);
    if (!max) params.problem("max", "is required: the fastest change that is still normal");
    if (max && !(max->number().value_or(1) > 0)) params.problem("max", "must be above 0");
    return {max.value_or(Threshold()), params.number("clear_ratio", 1, {0, 1}),
            params.duration("per", std::chrono::seconds(1),
                            {Duration(1), std::chrono::hours(24 * 366)})};
  }

  void look_up(const SourceOptions& source, const SeriesTable& table) {
    max.look_up(source, table);
  }

  void define(ByteWriter& out) const { out.varint(1); }

  Judgement judge(State& state, const Reading& reading, bool raised) const {
    Judgement judgement;
    const Duration gap = saturating_difference(reading.time, state.time);
    const auto fastest = max.of(reading);
    judgement.judged = state.any && gap > Duration(0) && fastest.has_value();
    if (judgement.judged) {
      const double change = std::fabs(reading.value - state.value);
      judgement.score = change / (as_seconds(gap) / as_seconds(per));
      judgement.bound = raised ? *fastest * clear_ratio : *fastest;
      judgement.breach = judgement.score > judgement.bound;
    }
    state = {reading.time, reading.value, true};
    return judgement;
  }
};

}  // namespace

extern const DetectorEntry rate_detector;
constinit const DetectorEntry rate_detector{"rate", "a change faster than max for each per", true,
                                            &read_detector<Rate>};

}  // namespace weir
