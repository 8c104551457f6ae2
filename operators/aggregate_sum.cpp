#include <cmath>

#include "operators/aggregate.hpp"

namespace weir {

namespace {

/// Compensated sum (Neumaier 1974): its error does not grow with the number of readings. Beyond
/// the range of double it is not finite, and so are sum and mean.
struct CompensatedSum {
  static constexpr std::uint32_t version = 1;
  double sum = 0, lost = 0;

  void add(double value) {
    const double total = sum + value;
    lost += std::fabs(sum) >= std::fabs(value) ? (sum - total) + value : (value - total) + sum;
    sum = total;
  }
  void add(const Reading& reading) { add(reading.value); }
  void merge(const CompensatedSum& other) {
    add(other.sum);
    lost += other.lost;
  }
  void ship(std::vector<Field>& out) const {
    out.push_back({"sum", sum});
    out.push_back({"sum_lost", lost});
  }
  void save(ByteWriter& out) const {
    out.f64(sum);
    out.f64(lost);
  }
  void load(ByteReader& in) {
    sum = in.f64();
    lost = in.f64();
  }
};

double total(const void* state) noexcept {
  const auto& sum = *static_cast<const CompensatedSum*>(state);
  return sum.sum + sum.lost;
}

double combined_mean(double a, double count_a, double b, double count_b) noexcept {
  return a + (b - a) * (count_b / (count_a + count_b));
}

}  // namespace

extern const AggregateEntry sum_aggregate, mean_aggregate;
constinit const AggregateEntry sum_aggregate{
    "sum", "compensated sum", &accumulator_of<CompensatedSum>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      return total(state);
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      return a.number() + b.number();
    }};
constinit const AggregateEntry mean_aggregate{
    "mean", "arithmetic mean of the readings", &accumulator_of<CompensatedSum>,
    [](const void* state, const Output& of, double) -> std::optional<FieldValue> {
      return total(state) / static_cast<double>(of.count);
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      return combined_mean(a.number(), a.count(), b.number(), b.count());
    }};

}  // namespace weir
