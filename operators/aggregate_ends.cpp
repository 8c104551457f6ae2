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
  void ship(std::vector<Field>& out) const {
    out.push_back({"first", value});
    out.push_back({"first_time_us", count_us(time)});
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
  void ship(std::vector<Field>& out) const {
    out.push_back({"last", value});
    out.push_back({"last_time_us", count_us(time)});
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

using Ends = Both<First, Last>;

bool before(Timestamp a, Timestamp b) noexcept {
  return a < b;
}

}  // namespace

extern const AggregateEntry first_aggregate, last_aggregate, delta_aggregate;
constinit const AggregateEntry first_aggregate{
    "first", "the value with the earliest event time", &accumulator_of<First>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      return static_cast<const First*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return before(b.result.first, a.result.first) ? b.number() : a.number();
    }};
constinit const AggregateEntry last_aggregate{
    "last", "the value with the latest event time", &accumulator_of<Last>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      return static_cast<const Last*>(state)->value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      if (a.value == nullptr || b.value == nullptr) return std::nullopt;
      return !before(b.result.last, a.result.last) ? b.number() : a.number();
    }};
/// Merged from the first and the last value, so only where `first` and `last` stand beside it.
constinit const AggregateEntry delta_aggregate{
    "delta", "the last value less the first, by event time", &accumulator_of<Ends>,
    [](const void* state, const Output&, double) -> std::optional<FieldValue> {
      const auto& [first, last] = *static_cast<const Ends*>(state);
      return last.value - first.value;
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      const bool b_begins = before(b.result.first, a.result.first);
      const bool a_ends = before(b.result.last, a.result.last);
      const auto first = (b_begins ? b : a).number("first");
      const auto last = (a_ends ? a : b).number("last");
      if (!first || !last) return std::nullopt;
      return *last - *first;
    }};

}  // namespace weir
