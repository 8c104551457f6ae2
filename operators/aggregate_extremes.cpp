#include <algorithm>
#include <limits>

#include "operators/aggregate.hpp"

namespace weir {

extern const AggregateEntry min_aggregate, max_aggregate, range_aggregate;

namespace {

struct Minimum {
  static constexpr std::uint32_t version = 1;
  double value = std::numeric_limits<double>::infinity();

  void add(const Reading& reading) { value = reading.value < value ? reading.value : value; }
  void merge(const Minimum& other) { value = other.value < value ? other.value : value; }
  void ship(std::vector<Field>& out) const { out.push_back({"min", value}); }
  void save(ByteWriter& out) const { out.f64(value); }
  void load(ByteReader& in) { value = in.f64(); }
};

struct Maximum {
  static constexpr std::uint32_t version = 1;
  double value = -std::numeric_limits<double>::infinity();

  void add(const Reading& reading) { value = reading.value > value ? reading.value : value; }
  void merge(const Maximum& other) { value = other.value > value ? other.value : value; }
  void ship(std::vector<Field>& out) const { out.push_back({"max", value}); }
  void save(ByteWriter& out) const { out.f64(value); }
  void load(ByteReader& in) { value = in.f64(); }
};

using Extremes = Both<Minimum, Maximum>;

std::optional<FieldValue> range_value(const void* state, const Output&, double) {
  const auto& [low, high] = *static_cast<const Extremes*>(state);
  return high.value - low.value;
}

std::optional<FieldValue> range_combined(const ResultPart& a, const ResultPart& b) {
  const auto low_a = a.number("min"), low_b = b.number("min");
  const auto high_a = a.number("max"), high_b = b.number("max");
  if (!low_a || !low_b || !high_a || !high_b) return std::nullopt;
  return std::max(*high_a, *high_b) - std::min(*low_a, *low_b);
}

}  // namespace

constinit const AggregateEntry min_aggregate{
    "min", "the lowest value", &accumulator_of<Minimum>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      return static_cast<const Minimum*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return b.number() < a.number() ? b.number() : a.number();
    }};
constinit const AggregateEntry max_aggregate{
    "max", "the highest value", &accumulator_of<Maximum>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      return static_cast<const Maximum*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return b.number() > a.number() ? b.number() : a.number();
    }};
/// Merged from the lowest and the highest value, so only where `min` and `max` stand beside it.
constinit const AggregateEntry range_aggregate{"range", "the highest value less the lowest",
                                               &accumulator_of<Extremes>, &range_value,
                                               &range_combined};

}  // namespace weir
