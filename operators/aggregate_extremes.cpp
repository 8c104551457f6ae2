#include <limits>

#include "operators/aggregate.hpp"

namespace weir {

namespace {

struct Minimum {
  static constexpr std::uint32_t version = 1;
  double value = std::numeric_limits<double>::infinity();

  void add(const Reading& reading) { value = reading.value < value ? reading.value : value; }
  void merge(const Minimum& other) { value = other.value < value ? other.value : value; }
  void save(ByteWriter& out) const { out.f64(value); }
  void load(ByteReader& in) { value = in.f64(); }
};

struct Maximum {
  static constexpr std::uint32_t version = 1;
  double value = -std::numeric_limits<double>::infinity();

  void add(const Reading& reading) { value = reading.value > value ? reading.value : value; }
  void merge(const Maximum& other) { value = other.value > value ? other.value : value; }
  void save(ByteWriter& out) const { out.f64(value); }
  void load(ByteReader& in) { value = in.f64(); }
};

}  // namespace

extern const AggregateEntry min_aggregate, max_aggregate;
constinit const AggregateEntry min_aggregate{
    "min", "the lowest value", &accumulator_of<Minimum>,
    [](const void* state, std::uint64_t) -> std::optional<FieldValue> {
      return static_cast<const Minimum*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return b.number() < a.number() ? b.number() : a.number();
    }};
constinit const AggregateEntry max_aggregate{
    "max", "the highest value", &accumulator_of<Maximum>,
    [](const void* state, std::uint64_t) -> std::optional<FieldValue> {
      return static_cast<const Maximum*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return b.number() > a.number() ? b.number() : a.number();
    }};

}  // namespace weir
