#include "operators/aggregate.hpp"
#include "operators/in_time_order.hpp"
#include "operators/saturate.hpp"

namespace weir {

extern const AggregateEntry integral_aggregate, time_weighted_mean_aggregate;

namespace {

/// The area under the straight lines from reading to reading: the trapezoidal rule.
struct Area {
  double sum = 0;  ///< unit times second

  void step(const Point& from, const Point& to) {
    const double width = as_seconds(saturating_difference(to.time, from.time));
    sum += (from.value / 2 + to.value / 2) * width;
  }
  void join(const Area& other) { sum += other.sum; }
  void save(ByteWriter& out) const { out.f64(sum); }
  void load(ByteReader& in) { sum = in.f64(); }
};

struct Curve : InTimeOrder<Area> {
  static constexpr std::uint32_t version = 1;
  using InTimeOrder::add;
  void add(const Reading& reading) { add(Point{reading.time, reading.value}); }

  Reach reach(const Output& of) const {
    return reach_of(of.window, of.count, first().time, last().time);
  }
  double area(const Reach& reach) const {
    return first().value * reach.before + whole().sum + last().value * reach.after;
  }
};

std::optional<FieldValue> integral_value(const void* state, const Output& of, double asked) {
  const auto& curve = *static_cast<const Curve*>(state);
  if (curve.empty()) return std::nullopt;
  const Reach reach = curve.reach(of);
  if (!(reach.all() > 0)) return std::nullopt;
  return curve.area(reach) / asked;
}

std::optional<FieldValue> integral_combined(const ResultPart& a, const ResultPart& b) {
  return a.number() + b.number();
}

std::vector<Aggregate> integral_chosen(std::string_view word, const AggregateOptions& options) {
  return std::vector<Aggregate>{{&integral_aggregate, word, {0, options.per_seconds}}};
}

std::optional<FieldValue> time_weighted_mean_value(const void* state, const Output& of, double) {
  const auto& curve = *static_cast<const Curve*>(state);
  if (curve.empty()) return std::nullopt;
  const Reach reach = curve.reach(of);
  // Of readings at one time only the last one holds on.
  if (!(reach.all() > 0)) return curve.last().value;
  return curve.area(reach) / reach.all();
}

std::optional<FieldValue> time_weighted_mean_combined(const ResultPart& a, const ResultPart& b) {
  const auto here = whole_windows(a.result), there = whole_windows(b.result);
  if (!here || !there) return std::nullopt;
  return a.number() + (b.number() - a.number()) * (*there / (*here + *there));
}

}  // namespace

/// Merged it is the sum of the windows, which by the rule of Reach leave no time out.
constinit const AggregateEntry integral_aggregate{
    "integral",
    "value times time in units of `per`, trapezoidal; needs two times",
    &accumulator_of<Curve>,
    &integral_value,
    &integral_combined,
    nullptr,
    &integral_chosen};
/// Merged by the number of windows, if each was covered whole.
constinit const AggregateEntry time_weighted_mean_aggregate{
    "time_weighted_mean", "mean over time; a value counts for as long as it held",
    &accumulator_of<Curve>, &time_weighted_mean_value, &time_weighted_mean_combined};

}  // namespace weir
