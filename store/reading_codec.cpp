#include "store/reading_codec.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

namespace weir {

namespace {

constexpr std::array<double, 16> powers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                           1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
constexpr std::array<std::int64_t, 7> time_units = {1, 10, 100, 1000, 10'000, 100'000, 1'000'000};
constexpr std::uint8_t plain = powers.size();  ///< "exponent" of a value stored as its bits

/// Differences of times and series wrap around instead of overflowing: extremes come back, too.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

struct Scaled {
  std::int64_t mantissa = 0;
  std::uint8_t exponent = 0;
};

/// The mantissa at this exponent, if it gives the very same double back.
std::optional<std::int64_t> scale(double value, std::uint8_t exponent) {
  const double scaled = value * powers[exponent];
  if (!(std::abs(scaled) <= 9007199254740992.0)) return std::nullopt;  // also NaN
  const auto mantissa = static_cast<std::int64_t>(scaled + std::copysign(0.5, scaled));
  if (mantissa == 0 && std::signbit(value)) return std::nullopt;
  if (static_cast<double>(mantissa) / powers[exponent] != value) return std::nullopt;
  return mantissa;
}

Scaled shortest(double value) {
  for (std::uint8_t exponent = 0; exponent < plain; ++exponent)
    if (const auto mantissa = scale(value, exponent)) return {*mantissa, exponent};
  return {0, plain};
}

/// What a value is expected to be. Writer and reader walk through it in the same steps.
class Expectation {
 public:
  explicit Expectation(std::size_t readings) : slots_(std::bit_ceil(2 * readings + 1)) {
    values_.reserve(readings);
  }

  void begin_group() {
    before_ = group_;
    group_ = values_.size();
  }

  Scaled of(SeriesId series) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = (index(series) * 0x9e3779b97f4a7c15u >> 20) & mask;
    while (slots_[i].last != 0 && slots_[i].series != series) i = (i + 1) & mask;
    slot_ = &slots_[i];
    slot_->series = series;
    first_ = slot_->last == 0;
    if (!first_) return values_[slot_->last - 1];
    const std::size_t same_place = before_ + (values_.size() - group_);
    return same_place < group_ ? values_[same_place] : Scaled{};
  }
  bool first() const { return first_; }  ///< of its series in this record

  void is(Scaled actual) {
    values_.push_back(actual);
    slot_->last = values_.size();
  }

 private:
  struct Slot {
    std::size_t last = 0;  ///< index of the last value, counted from 1
    SeriesId series{};
  };
  std::vector<Slot> slots_;
  std::vector<Scaled> values_;
  std::size_t before_ = 0, group_ = 0;
  Slot* slot_ = nullptr;
  bool first_ = true;
};

Scaled choose(double value, Scaled expected, bool first) {
  // The exponent expected serves all later values of a series as long as it is exact. The first
  // looks for its own, so that one finely resolved device does not make those after it longer.
  if (!first && expected.exponent != plain)
    if (const auto mantissa = scale(value, expected.exponent))
      return {*mantissa, expected.exponent};
  const Scaled own = shortest(value);
  if (own.exponent < expected.exponent && expected.exponent <= own.exponent + 2)
    if (const auto mantissa = scale(value, expected.exponent))
      return {*mantissa, expected.exponent};
  return own;
}

template <class Same>
void write_runs(std::size_t n, const Same& same, auto&& write) {
  for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
    for (end = begin + 1; end < n && same(begin, end);) ++end;
    write(begin, end - begin);
  }
}

std::vector<std::size_t> group_lengths(std::span<const Reading> readings) {
  std::vector<std::size_t> lengths;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const bool goes_on = i > 0 && readings[i].time == readings[i - 1].time &&
                         index(readings[i].series) - 1u == index(readings[i - 1].series) &&
                         index(readings[i].series) != 0;
    if (goes_on)
      ++lengths.back();
    else
      lengths.push_back(1);
  }
  return lengths;
}

void write_groups(std::span<const Reading> readings, const std::vector<std::size_t>& lengths,
                  ByteWriter& out) {
  write_runs(
      lengths.size(), [&](auto a, auto b) { return lengths[a] == lengths[b]; },
      [&](auto at, auto run) {
        out.varint(lengths[at]);
        out.varint(run);
      });
  std::int64_t next = 0;
  std::size_t k = time_units.size() - 1;
  std::size_t at = 0;
  for (const std::size_t length : lengths) {
    const std::int64_t series = index(readings[at].series);
    out.zigzag(series - next);
    next = series + static_cast<std::int64_t>(length);
    if (at > 0) {
      const auto step = minus(count_us(readings[at].time), count_us(readings[at - 1].time));
      while (step % time_units[k] != 0) --k;
    }
    at += length;
  }
  out.zigzag(count_us(readings[0].time));
  out.u8(static_cast<std::uint8_t>(k));
  at = lengths[0];
  for (std::size_t i = 1; i < lengths.size(); at += lengths[i++])
    out.zigzag(minus(count_us(readings[at].time), count_us(readings[at - 1].time)) / time_units[k]);
}

void write_values(std::span<const Reading> readings, const std::vector<std::size_t>& lengths,
                  ByteWriter& out, std::string& text) {
  std::string changes;
  std::string values;
  ByteWriter change(changes);
  ByteWriter value(values);
  std::uint64_t change_count = 0;
  std::size_t behind_change = 0;
  Expectation expectation(readings.size());
  std::size_t at = 0;
  for (const std::size_t length : lengths) {
    expectation.begin_group();
    for (const std::size_t end = at + length; at < end; ++at) {
      const Reading& reading = readings[at];
      Scaled expected = expectation.of(reading.series);
      const Scaled actual = choose(reading.value, expected, expectation.first());
      if (actual.exponent != expected.exponent) {
        change.varint(at - behind_change);
        change.u8(actual.exponent);
        behind_change = at + 1;
        ++change_count;
        expected.mantissa = 0;
      }
      if (actual.exponent == plain)
        value.f64(reading.value);
      else
        value.zigzag(actual.mantissa - expected.mantissa);
      expectation.is(actual);
    }
  }
  out.varint(change_count);
  text += changes;
  text += values;
}

/// Reads runs of (first, length) until the lengths add up to n; false if they never do.
bool read_runs(std::uint64_t n, ByteReader& in, auto&& first, auto&& use) {
  std::uint64_t left = n;
  while (left > 0) {
    const auto what = first();
    const std::uint64_t run = in.varint();
    if (!in.ok() || run == 0 || !use(what, run, left)) return false;
  }
  return true;
}

bool read_qualities(ByteReader& in, std::span<Reading> readings) {
  auto at = readings.begin();
  return read_runs(
      readings.size(), in, [&] { return in.u8(); },
      [&](std::uint8_t quality, std::uint64_t run, std::uint64_t& left) {
        if (run > left) return false;
        left -= run;
        for (; run > 0; --run) at++->quality = static_cast<Quality>(quality);
        return true;
      });
}

bool read_lengths(ByteReader& in, std::uint64_t n, std::vector<std::size_t>& lengths) {
  return read_runs(
      n, in, [&] { return in.varint(); },
      [&](std::uint64_t length, std::uint64_t repeats, std::uint64_t& left) {
        if (length == 0 || length > left || repeats > left / length) return false;
        left -= length * repeats;
        lengths.insert(lengths.end(), static_cast<std::size_t>(repeats),
                       static_cast<std::size_t>(length));
        return true;
      });
}

bool read_groups(ByteReader& in, const std::vector<std::size_t>& lengths,
                 std::span<Reading> readings) {
  std::int64_t next = 0;
  auto at = readings.begin();
  for (const std::size_t length : lengths) {
    next = plus(next, in.zigzag());
    const auto last = plus(next, static_cast<std::int64_t>(length) - 1);
    if (!in.ok() || next < 0 || last < next || last > std::numeric_limits<std::uint32_t>::max())
      return false;
    for (; next <= last; ++next) at++->series = static_cast<SeriesId>(next);
  }
  std::int64_t time = in.zigzag();
  const std::uint8_t k = in.u8();
  if (!in.ok() || k >= time_units.size()) return false;
  at = readings.begin();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (i > 0) {
      const auto step = static_cast<std::uint64_t>(in.zigzag());
      time =
          plus(time, static_cast<std::int64_t>(step * static_cast<std::uint64_t>(time_units[k])));
    }
    for (std::size_t j = 0; j < lengths[i]; ++j) at++->time = timestamp_us(time);
  }
  return in.ok();
}

struct Change {
  std::uint64_t at;
  std::uint8_t exponent;
};

bool read_changes(ByteReader& in, std::size_t n, std::vector<Change>& changes) {
  std::uint64_t behind = 0;
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const std::uint64_t gap = in.varint();
    const std::uint8_t exponent = in.u8();
    if (!in.ok() || behind >= n || gap >= n - behind || exponent > plain) return false;
    changes.push_back({behind + gap, exponent});
    behind += gap + 1;
  }
  return in.ok();
}

bool read_values(ByteReader& in, const std::vector<std::size_t>& lengths,
                 std::span<Reading> readings) {
  std::vector<Change> changes;
  if (!read_changes(in, readings.size(), changes)) return false;
  auto change = changes.begin();
  Expectation expectation(readings.size());
  std::size_t at = 0;
  for (const std::size_t length : lengths) {
    expectation.begin_group();
    for (const std::size_t end = at + length; at < end; ++at) {
      Scaled value = expectation.of(readings[at].series);
      if (change != changes.end() && change->at == at) value = {0, change++->exponent};
      if (value.exponent == plain) {
        readings[at].value = in.f64();
      } else {
        value.mantissa = plus(value.mantissa, in.zigzag());
        readings[at].value = static_cast<double>(value.mantissa) / powers[value.exponent];
      }
      expectation.is(value);
    }
  }
  return in.ok();
}

}  // namespace

void write_readings(std::span<const Reading> readings, std::string& text) {
  ByteWriter out(text);
  out.varint(readings.size());
  if (readings.empty()) return;
  write_runs(
      readings.size(), [&](auto a, auto b) { return readings[a].quality == readings[b].quality; },
      [&](auto at, auto run) {
        out.u8(static_cast<std::uint8_t>(readings[at].quality));
        out.varint(run);
      });
  const auto lengths = group_lengths(readings);
  write_groups(readings, lengths, out);
  write_values(readings, lengths, out, text);
}

bool read_readings(ByteReader& in, std::vector<Reading>& out) {
  // Each reading takes at least a byte of the last column, so this bounds what is asked for.
  const std::uint64_t n = in.count();
  if (!in.ok()) return false;
  out.resize(static_cast<std::size_t>(n));
  if (n == 0) return true;
  std::vector<std::size_t> lengths;
  return read_qualities(in, out) && read_lengths(in, n, lengths) && read_groups(in, lengths, out) &&
         read_values(in, lengths, out);
}

}  // namespace weir
