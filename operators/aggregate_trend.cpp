#include "operators/aggregate.hpp"
#include "operators/saturate.hpp"

namespace weir {

extern const AggregateEntry trend_aggregate;

namespace {

/// Means and central products of times and values, for the line of least squares: updated as by
/// Welford (1962), merged as by Chan, Golub and LeVeque (1979; for a covariance: Bennett et al.
/// 2009). Times are seconds since the first reading to arrive, so that they are small.
struct Line {
  static constexpr std::uint32_t version = 1;
  Timestamp origin{};
  std::uint64_t count = 0;
  double time = 0, value = 0;        // means
  double squares = 0, products = 0;  // of time with itself and with the value

  void add(const Reading& reading) {
    if (count == 0) origin = reading.time;
    take({.origin = origin,
          .count = 1,
          .time = as_seconds(saturating_difference(reading.time, origin)),
          .value = reading.value});
  }
  void merge(const Line& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    Line moved = other;
    moved.time += as_seconds(saturating_difference(other.origin, origin));
    take(moved);
  }
  void take(const Line& other) {
    const auto here = static_cast<double>(count), there = static_cast<double>(other.count);
    const double part = there / (here + there);
    const double later = other.time - time, higher = other.value - value;
    count += other.count;
    time += later * part;
    value += higher * part;
    squares += other.squares + later * later * (here * part);
    products += other.products + later * higher * (here * part);
  }
  void ship(std::vector<Field>& out) const {
    out.push_back({"trend_origin_us", count_us(origin)});
    out.push_back({"trend_time", time});
    out.push_back({"trend_value", value});
    out.push_back({"trend_squares", squares});
    out.push_back({"trend_products", products});
  }
  void save(ByteWriter& out) const {
    out.zigzag(count_us(origin));
    out.varint(count);
    out.f64(time);
    out.f64(value);
    out.f64(squares);
    out.f64(products);
  }
  void load(ByteReader& in) {
    origin = timestamp_us(in.zigzag());
    count = in.varint();
    time = in.f64();
    value = in.f64();
    squares = in.f64();
    products = in.f64();
  }
};

std::optional<FieldValue> trend_value(const void* state, const Output&, double asked) {
  const auto& line = *static_cast<const Line*>(state);
  if (!(line.squares > 0)) return std::nullopt;
  return line.products / line.squares * asked;
}

std::vector<Aggregate> trend_chosen(std::string_view word, const AggregateOptions& options) {
  return std::vector<Aggregate>{{&trend_aggregate, word, {0, options.per_seconds}}};
}

}  // namespace

constinit const AggregateEntry trend_aggregate{
    "trend",
    "slope of the line of least squares, for each `per` of time; needs two times",
    &accumulator_of<Line>,
    &trend_value,
    nullptr,
    nullptr,
    &trend_chosen};

}  // namespace weir
