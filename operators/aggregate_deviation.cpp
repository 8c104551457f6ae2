#include <cmath>

#include "operators/aggregate.hpp"

namespace weir {

namespace {

/// Count, mean and sum of squared deviations: updated by Welford (Technometrics 1962), merged by
/// Chan, Golub and LeVeque (1979).
struct Moments {
  static constexpr std::uint32_t version = 1;
  std::uint64_t count = 0;
  double mean = 0, squares = 0;

  void add(const Reading& reading) {
    ++count;
    const double delta = reading.value - mean;
    mean += delta / static_cast<double>(count);
    squares += delta * (reading.value - mean);
  }
  void merge(const Moments& other) noexcept {
    if (other.count == 0) return;
    const auto here = static_cast<double>(count), there = static_cast<double>(other.count);
    const double delta = other.mean - mean;
    count += other.count;
    mean += delta * (there / (here + there));
    squares += other.squares + delta * delta * (here * there / (here + there));
  }
  void ship(std::vector<Field>& out) const {
    out.push_back({"moments_mean", mean});
    out.push_back({"moments_squares", squares});
  }
  void save(ByteWriter& out) const {
    out.varint(count);
    out.f64(mean);
    out.f64(squares);
  }
  void load(ByteReader& in) {
    count = in.varint();
    mean = in.f64();
    squares = in.f64();
  }
};

/// From what a result says: it needs the mean beside the deviation, or the sum.
std::optional<Moments> moments_of(const ResultPart& part) noexcept {
  auto mean = part.number("mean");
  if (const auto sum = part.number("sum"); !mean && sum) mean = *sum / part.count();
  if (!mean) return std::nullopt;
  const double deviation = part.result.count > 1 ? part.number() : 0;
  return Moments{part.result.count, *mean, deviation * deviation * (part.count() - 1)};
}

}  // namespace

extern const AggregateEntry stddev_aggregate;
/// Of a sample (divided by n - 1), as STDDEV_SAMP of Flink and stddevSamp of ClickHouse; of one
/// reading it is not defined (there: NULL and nan) and left out.
constinit const AggregateEntry stddev_aggregate{
    "stddev", "standard deviation of the sample; left out for a single reading",
    &accumulator_of<Moments>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      const auto& moments = *static_cast<const Moments*>(state);
      if (moments.count < 2) return std::nullopt;
      return std::sqrt(moments.squares / static_cast<double>(moments.count - 1));
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      auto both = moments_of(a);
      const auto other = moments_of(b);
      if (!both || !other) return std::nullopt;
      both->merge(*other);
      return std::sqrt(both->squares / static_cast<double>(both->count - 1));
    }};

}  // namespace weir
