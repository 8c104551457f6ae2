#include "operators/aggregate.hpp"
#include "operators/hyperloglog.hpp"

namespace weir {

extern const AggregateEntry distinct_aggregate;

namespace {

struct Distinct {
  static constexpr std::uint32_t version = 1;
  HyperLogLog seen;

  void add(const Reading& reading) { seen.add(reading.value); }
  void merge(const Distinct& other) { seen.merge(other.seen); }
  void ship(std::vector<Field>& out) const {
    out.push_back({seen.is_exact() ? "distinct_hashes" : "distinct_ranks", seen.text()});
  }
  void save(ByteWriter& out) const { seen.save(out); }
  void load(ByteReader& in) { seen.load(in); }

  std::size_t held_bytes() const { return seen.held_bytes(); }
  static std::size_t held_usual(const Argument&) { return HyperLogLog::held_most / 2; }
  static std::size_t held_worst(const Argument&) { return HyperLogLog::held_most; }
};

std::optional<FieldValue> distinct_value(const void* state, const Output&, double) {
  return static_cast<std::int64_t>(static_cast<const Distinct*>(state)->seen.estimate());
}

}  // namespace

constinit const AggregateEntry distinct_aggregate{
    "distinct", "how many different values; exact up to 128, then within about 3 %",
    &accumulator_of<Distinct>, &distinct_value, nullptr};

}  // namespace weir
