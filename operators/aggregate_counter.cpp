#include "operators/aggregate.hpp"
#include "operators/in_time_order.hpp"
#include "operators/saturate.hpp"

namespace weir {

extern const AggregateEntry increase_aggregate, rate_aggregate;

namespace {

/// What a counter that starts again at 0 has counted from one reading to the next (as increase()
/// of Prometheus, but without its extrapolation: whole numbers stay whole).
double counted(double from, double to) noexcept {
  return to < from ? to : to - from;
}

struct Increase {
  double sum = 0;

  void step(const Point& from, const Point& to) { sum += counted(from.value, to.value); }
  void join(const Increase& other) { sum += other.sum; }
  void save(ByteWriter& out) const { out.f64(sum); }
  void load(ByteReader& in) { sum = in.f64(); }
};

struct CounterReadings : InTimeOrder<Increase> {
  static constexpr std::uint32_t version = 1;
  using InTimeOrder::add;
  void add(const Reading& reading) { add(Point{reading.time, reading.value}); }
};

std::optional<FieldValue> increase_value(const void* state, const Output&, double) {
  const auto& readings = *static_cast<const CounterReadings*>(state);
  if (readings.empty()) return std::nullopt;
  return readings.whole().sum;
}

std::optional<FieldValue> increase_combined(const ResultPart& a, const ResultPart& b) {
  const bool a_comes_first = a.result.last <= b.result.first;
  if (!a_comes_first && a.result.first < b.result.last) return std::nullopt;
  const auto from = (a_comes_first ? a : b).number("last");
  const auto to = (a_comes_first ? b : a).number("first");
  if (!from || !to) return std::nullopt;
  return a.number() + counted(*from, *to) + b.number();
}

std::optional<FieldValue> rate_value(const void* state, const Output&, double asked) {
  const auto& readings = *static_cast<const CounterReadings*>(state);
  if (readings.empty()) return std::nullopt;
  const Duration time = saturating_difference(readings.last().time, readings.first().time);
  if (time <= Duration(0)) return std::nullopt;
  return readings.whole().sum / as_seconds(time) * asked;
}

std::vector<Aggregate> rate_chosen(std::string_view word, const AggregateOptions& options) {
  return std::vector<Aggregate>{{&rate_aggregate, word, {0, options.per_seconds}}};
}

}  // namespace

/// What was counted between the last reading of one window and the first of the next is in neither.
/// Merged, it is there, too: that needs `first` and `last` beside it, and windows one after the
/// other.
constinit const AggregateEntry increase_aggregate{
    "increase",
    "what a counter counted from its first reading to its last; it may start again at 0",
    &accumulator_of<CounterReadings>, &increase_value, &increase_combined};
constinit const AggregateEntry rate_aggregate{
    "rate",
    "increase for each `per` of time between the first reading and the last",
    &accumulator_of<CounterReadings>,
    &rate_value,
    nullptr,
    nullptr,
    &rate_chosen};

}  // namespace weir
