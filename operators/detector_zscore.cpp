#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/detector.hpp"

namespace weir {

namespace {

// 0.5^(1/n) from the binary digits of 1/n and repeated square roots. exp and pow may differ in the
// last bit from one C library to the next; + - * / and sqrt may not, so results don't either. The
// error is a few units in the last place.
double half_power(double n) {
  double exponent = 1 / n, root = 0.5, result = 1;
  for (int digit = 0; digit < 64 && exponent > 0; ++digit) {
    if (exponent >= 1) {
      result *= root;
      exponent -= 1;
    }
    exponent *= 2;
    root = std::sqrt(root);
  }
  return result;
}

/// Distance from an exponentially weighted mean in weighted standard deviations (West 1979, Finch
/// 2009). The first readings count alike, until each would count less than the weight that
/// `half_life` gives to a new one.
///
/// A reading beyond the bound teaches the baseline only as much as one right on the bound would:
/// an outlier can't carry the mean away or blow up the deviation, but a lasting change of level
/// becomes the new normal after a while, and its alert ends by itself.
struct Zscore {
  double threshold, clear_ratio, min_deviation;
  std::uint64_t half_life, warmup;
  double weight = 0;  ///< of a new reading

  struct State {
    std::uint64_t readings = 0;
    double mean = 0, variance = 0;

    void save(ByteWriter& out) const {
      out.varint(readings);
      out.f64(mean);
      out.f64(variance);
    }
    void load(ByteReader& in) {
      readings = in.varint();
      mean = in.f64();
      variance = in.f64();
    }
  };

  static Zscore read(Params& params) {
    constexpr double huge = std::numeric_limits<double>::max();
    Zscore method{};
    method.threshold = params.number("threshold", 4, {0.1, 1e6});
    method.clear_ratio = params.number("clear_ratio", 1, {0, 1});
    method.min_deviation = params.number("min_deviation", 0, {0, huge});
    method.half_life =
        static_cast<std::uint64_t>(params.integer("half_life", 100, {1, 1'000'000'000}));
    method.warmup = static_cast<std::uint64_t>(params.integer("warmup", 30, {2, 1'000'000'000}));
    method.weight = 1 - half_power(static_cast<double>(method.half_life));
    return method;
  }

  void define(ByteWriter& out) const {
    out.varint(1);
    out.varint(half_life);
  }

  Judgement judge(State& state, const Reading& reading, bool raised) const {
    const double deviation = std::max(std::sqrt(state.variance), min_deviation);
    const double bound = raised ? threshold * clear_ratio : threshold;
    double distance = reading.value - state.mean;
    Judgement judgement;
    // A series that never moved has no scale to measure by.
    judgement.judged = state.readings >= warmup && deviation > 0;
    if (judgement.judged) {
      judgement.score = std::fabs(distance) / deviation;
      judgement.bound = bound;
      judgement.expected = state.mean;
      judgement.breach = judgement.score > bound;
      const double limit = threshold * deviation;
      distance = std::clamp(distance, -limit, limit);
    }
    ++state.readings;
    const double share = std::max(weight, 1 / static_cast<double>(state.readings));
    const double step = share * distance;
    state.mean += step;
    state.variance = (1 - share) * (state.variance + distance * step);
    // Values at the end of the range of double have no usable baseline: start again.
    if (!std::isfinite(state.mean) || !std::isfinite(state.variance)) state = {};
    return judgement;
  }
};

}  // namespace

extern const DetectorEntry zscore_detector;
constinit const DetectorEntry zscore_detector{
    "zscore", "far from an exponentially weighted mean, in standard deviations", true,
    &read_detector<Zscore>};

}  // namespace weir
