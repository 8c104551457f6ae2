#include <algorithm>

#include "operators/aggregate.hpp"
#include "operators/ddsketch.hpp"

namespace weir {

extern const AggregateEntry median_aggregate;

namespace {

struct Quantiles {
  static constexpr std::uint32_t version = 1;
  DDSketch sketch;

  explicit Quantiles(const Argument& argument) : sketch(argument.kept) {}

  void add(const Reading& reading) { sketch.add(reading.value); }
  void merge(const Quantiles& other) { sketch.merge(other.sketch); }
  void ship(std::vector<Field>& out) const { sketch.ship(out); }
  void save(ByteWriter& out) const { sketch.save(out); }
  void load(ByteReader& in) { sketch.load(in); }

  std::size_t held_bytes() const { return sketch.held_bytes(); }
  /// Of values that lie within a factor of three.
  static std::size_t held_usual(const Argument& argument) {
    return static_cast<std::size_t>(0.5 / argument.kept) * sizeof(std::uint64_t);
  }
  static std::size_t held_worst(const Argument&) {
    return 2 * BucketCounts::held_most * sizeof(std::uint64_t);
  }
};

/// "p99.9" is 999000 millionths: a number between 0 and 100, with at most four digits behind the
/// point and none that says nothing, so that each quantile has one name. 0 if it is not that.
std::uint64_t millionths(std::string_view word) noexcept {
  if (word == "median") return 500'000;
  if (!word.starts_with('p')) return 0;
  word.remove_prefix(1);
  const std::size_t point = std::min(word.find('.'), word.size());
  const std::string_view whole = word.substr(0, point);
  const std::string_view part = point < word.size() ? word.substr(point + 1) : std::string_view();
  if (whole.empty() || whole.size() > 2 || (whole.size() == 2 && whole[0] == '0')) return 0;
  if (part.size() > 4 || (point < word.size() && (part.empty() || part.back() == '0'))) return 0;
  std::uint64_t found = 0;
  for (const std::string_view digits : {whole, part}) {
    for (const char c : digits) {
      if (c < '0' || c > '9') return 0;
      found = found * 10 + static_cast<std::uint64_t>(c - '0');
    }
  }
  for (std::size_t digits = part.size(); digits < 4; ++digits) found *= 10;
  return found;
}

std::optional<FieldValue> median_value(const void* state, const Output&, double asked) {
  const DDSketch& sketch = static_cast<const Quantiles*>(state)->sketch;
  if (sketch.count() == 0) return std::nullopt;
  return sketch.quantile(static_cast<std::uint64_t>(asked));
}

bool median_owned(std::string_view word) {
  return millionths(word) > 0;
}

std::vector<Aggregate> median_chosen(std::string_view word, const AggregateOptions& options) {
  const auto asked = static_cast<double>(millionths(word));
  return std::vector<Aggregate>{{&median_aggregate, word, {options.relative_error, asked}}};
}

}  // namespace

constinit const AggregateEntry median_aggregate{
    "median",
    "a quantile, within relative_error; also p50, p99, p99.9 …",
    &accumulator_of<Quantiles>,
    &median_value,
    nullptr,
    &median_owned,
    &median_chosen};

}  // namespace weir
