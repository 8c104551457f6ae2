#include "operators/aggregate.hpp"
#include "operators/saturate.hpp"

namespace weir {

namespace {

/// By event time; of several readings at the same time the one that arrived first.
struct First {
  static constexpr std::uint32_t version = 1;
  Timestamp time = time_end;
  double value = 0;
  bool any = false;

  void add(const Reading& reading) { take(reading.time, reading.value); }
  void merge(const First& other) {
    if (other.any) take(other.time, other.value);
  }
  void take(Timestamp at, double candidate) {
    if (any && at >= time) return;
    time = at;
    value = candidate;
    any = true;
  }
  void save(ByteWriter& out) const {
    out.zigzag(count_us(time));
    out.f64(value);
  }
  void load(ByteReader& in) {
    time = timestamp_us(in.zigzag());
    value = in.f64();
    any = true;  // only windows with readings are saved
  }
};

/// By event time; of several readings at the same time the one that arrived last.
struct Last {
  static constexpr std::uint32_t version = 1;
  Timestamp time = time_begin;
  double value = 0;

  void add(const Reading& reading) { take(reading.time, reading.value); }
  void merge(const Last& other) { take(other.time, other.value); }
  void take(Timestamp at, double candidate) {
    if (at < time) return;
    time = at;
    value = candidate;
  }
  void save(ByteWriter& out) const {
    out.zigzag(count_us(time));
    out.f64(value);
  }
  void load(ByteReader& in) {
    time = timestamp_us(in.zigzag());
    value = in.f64();
  }
};

bool before(Timestamp a, Timestamp b) noexcept {
  return a < b;
}

}  // namespace

extern const AggregateEntry first_aggregate, last_aggregate;
constinit const AggregateEntry first_aggregate{
    "first", "the value with the earliest event time", &accumulator_of<First>,
    [](const void* state, std::uint64_t) -> std::optional<FieldValue> {
      return static_cast<const First*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return before(b.result.first, a.result.first) ? b.number() : a.number();
    }};
constinit const AggregateEntry last_aggregate{
    "last", "the value with the latest event time", &accumulator_of<Last>,
    [](const void* state, std::uint64_t) -> std::optional<FieldValue> {
      return static_cast<const Last*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return !before(b.result.last, a.result.last) ? b.number() : a.number();
    }};

}  // namespace weir
