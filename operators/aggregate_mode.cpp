#include <algorithm>
#include <array>
#include <charconv>

#include "operators/aggregate.hpp"

namespace weir {

extern const AggregateEntry mode_aggregate;

namespace {

/// How often each of a few values came: Misra and Gries ("Finding repeated elements", 1982), merged
/// by Agarwal et al. ("Mergeable summaries", PODS 2012). Up to sixteen different values it counts
/// exactly. When one more comes, one is taken from every count; `taken` is then how much each count
/// may be too low, and the most that a value which is not here can have had.
struct FewValues {
  static constexpr std::uint32_t version = 1;
  static constexpr std::size_t most = 16;
  struct Counted {
    double value;
    std::uint64_t count;
  };
  std::array<Counted, most> values{};
  std::size_t size = 0;
  std::uint64_t taken = 0;

  void add(const Reading& reading) {
    if (count(reading.value, 1)) return;
    ++taken;
    take_from_all(1);
  }
  /// False: there is no room.
  bool count(double value, std::uint64_t times) {
    for (std::size_t i = 0; i < size; ++i) {
      if (values[i].value != value) continue;
      values[i].count += times;
      return true;
    }
    if (size == most) return false;
    values[size++] = {value + 0.0, times};  // of 0 and -0 it is 0
    return true;
  }
  void take_from_all(std::uint64_t times) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (values[i].count <= times) continue;
      values[kept] = values[i];
      values[kept++].count -= times;
    }
    size = kept;
  }
  void merge(const FewValues& other) {
    taken += other.taken;
    for (std::size_t i = 0; i < other.size; ++i) {
      std::uint64_t left = other.values[i].count;
      while (!count(other.values[i].value, left)) {
        // As many readings of the new value as the rarest value has, against one of each.
        std::uint64_t times = left;
        for (const Counted& known : values) times = std::min(times, known.count);
        taken += times;
        take_from_all(times);
        left -= times;
        if (left == 0) break;
      }
    }
  }
  /// The most frequent value, the lowest of several; nothing if that is not certain.
  std::optional<double> mode() const {
    const Counted* top = nullptr;
    for (std::size_t i = 0; i < size; ++i) {
      const Counted& one = values[i];
      const bool more = top == nullptr || one.count > top->count;
      if (more || (one.count == top->count && one.value < top->value)) top = &one;
    }
    if (top == nullptr) return std::nullopt;
    if (taken == 0) return top->value;
    std::uint64_t second = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (&values[i] != top) second = std::max(second, values[i].count);
    }
    if (top->count <= second + taken) return std::nullopt;
    return top->value;
  }
  void ship(std::vector<Field>& out) const {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
      std::array<char, 32> number{};
      const auto end = std::to_chars(number.data(), number.data() + number.size(), values[i].value);
      if (!text.empty()) text += ' ';
      text.append(number.data(), end.ptr);
      text += ':' + std::to_string(values[i].count);
    }
    out.push_back({"mode_values", std::move(text)});
    out.push_back({"mode_taken", static_cast<std::int64_t>(taken)});
  }
  void save(ByteWriter& out) const {
    out.varint(taken);
    out.varint(size);
    for (std::size_t i = 0; i < size; ++i) {
      out.f64(values[i].value);
      out.varint(values[i].count);
    }
  }
  void load(ByteReader& in) {
    *this = FewValues();
    taken = in.varint();
    for (std::uint64_t left = in.count(); left > 0 && size < most; --left) {
      const double value = in.f64();
      values[size++] = {value, in.varint()};
    }
  }
};

std::optional<FieldValue> mode_value(const void* state, const Output&, double) {
  const auto mode = static_cast<const FewValues*>(state)->mode();
  if (!mode) return std::nullopt;
  return *mode;
}

}  // namespace

constinit const AggregateEntry mode_aggregate{
    "mode", "the most frequent value, the lowest of several; left out where it is not certain",
    &accumulator_of<FewValues>, &mode_value, nullptr};

}  // namespace weir
