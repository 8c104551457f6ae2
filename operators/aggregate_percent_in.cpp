#include "operators/aggregate.hpp"
#include "operators/in_time_order.hpp"
#include "operators/saturate.hpp"

namespace weir {

extern const AggregateEntry percent_in_aggregate;

namespace {

/// How long the value was that of a state; a value holds until the next reading.
struct TimeIn {
  double state = 0;
  double us = 0;  ///< whole microseconds: the sum is exact

  void step(const Point& from, const Point& to) {
    if (from.value == state)
      us += static_cast<double>(saturating_difference(to.time, from.time).count());
  }
  void join(const TimeIn& other) { us += other.us; }
  void save(ByteWriter& out) const { out.f64(us); }
  void load(ByteReader& in) { us = in.f64(); }
};

struct States : InTimeOrder<TimeIn> {
  static constexpr std::uint32_t version = 1;
  explicit States(const Argument& argument) : InTimeOrder(TimeIn{argument.kept}) {}

  using InTimeOrder::add;
  void add(const Reading& reading) { add(Point{reading.time, reading.value}); }
};

constexpr std::string_view prefix = "percent_in_";

std::optional<FieldValue> percent_in_value(const void* state, const Output& of, double) {
  const auto& states = *static_cast<const States*>(state);
  if (states.empty()) return std::nullopt;
  const TimeIn in = states.whole();
  const bool at_first = states.first().value == in.state;
  const bool at_last = states.last().value == in.state;
  const Reach reach = reach_of(of.window, of.count, states.first().time, states.last().time);
  // Of readings at one time only the last one holds on.
  if (!(reach.all() > 0)) return at_last ? 100.0 : 0.0;
  const Reach held{at_first ? reach.before : 0, in.us / 1e6, at_last ? reach.after : 0};
  return held.all() / reach.all() * 100;
}

std::optional<FieldValue> percent_in_combined(const ResultPart& a, const ResultPart& b) {
  const auto here = whole_windows(a.result), there = whole_windows(b.result);
  if (!here || !there) return std::nullopt;
  return a.number() + (b.number() - a.number()) * (*there / (*here + *there));
}

bool percent_in_owned(std::string_view word) {
  return word.starts_with(prefix) && word != prefix;
}

std::vector<Aggregate> percent_in_chosen(std::string_view word, const AggregateOptions& options) {
  std::vector<Aggregate> chosen;
  for (const auto& [name, value] : options.states) {
    const std::string field = std::string(prefix) + name;
    if (word == "percent_in" || word == field)
      chosen.push_back({&percent_in_aggregate, field, {value, 0}});
  }
  return chosen;
}

}  // namespace

/// Merged by the number of windows, if each was covered whole.
constinit const AggregateEntry percent_in_aggregate{
    "percent_in",
    "percentage of time in each state of percent_in = { NAME = VALUE }",
    &accumulator_of<States>,
    &percent_in_value,
    &percent_in_combined,
    &percent_in_owned,
    &percent_in_chosen};

}  // namespace weir
