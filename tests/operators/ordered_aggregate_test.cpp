// Aggregates that go by the order of event time, or by how often a value came.

#include <map>

#include "tests/operators/rig.hpp"
#include "tests/operators/window_state.hpp"

using namespace weir;
using namespace weir::test;

namespace {

using Readings = std::vector<Reading>;

Reading reading_at(std::int64_t us, double value) {
  return {.time = timestamp_us(us), .value = value, .series = {}, .quality = {}};
}

/// What goes by the order of event time, from all readings.
struct ByTime {
  double increase = 0, seconds = 0;
  long double area = 0, in_state = 0;

  explicit ByTime(Readings readings) {
    std::stable_sort(readings.begin(), readings.end(),
                     [](const Reading& a, const Reading& b) { return a.time < b.time; });
    for (std::size_t i = 1; i < readings.size(); ++i) {
      const Reading &from = readings[i - 1], &to = readings[i];
      const long double width = static_cast<long double>((to.time - from.time).count()) / 1e6L;
      increase += to.value < from.value ? to.value : to.value - from.value;
      area += width * (from.value + to.value) / 2;
      in_state += from.value == 1 ? width : 0;
    }
    seconds = static_cast<double>((readings.back().time - readings[0].time).count()) / 1e6;
  }
};

/// In the order of time but for one reading in eight, which comes up to seven places late; some are
/// of one time.
Readings nearly_in_order(Seeded& seeded, std::size_t count) {
  Readings readings;
  std::int64_t time = 1'000'000;
  for (std::size_t i = 0; i < count; ++i) {
    time += seeded.between(0, 3) * 250'000;
    readings.push_back(reading_at(time, static_cast<double>(seeded.below(4))));
  }
  for (auto from = readings.begin(); readings.end() - from > 8; from += 8) {
    // The last of equal times stays the last.
    const auto later = from + static_cast<std::ptrdiff_t>(seeded.below(8));
    if (from->time < (from + 1)->time) std::rotate(from, from + 1, later + 1);
  }
  return readings;
}

void check_by_time(const WindowState& state, const Readings& readings) {
  const ByTime exact(readings);
  CHECK(state.number("increase") == exact.increase);
  if (exact.seconds <= 0) {
    CHECK(std::isnan(state.number("rate")));
    CHECK(std::isnan(state.number("integral")));
    return;
  }
  const auto area = static_cast<double>(exact.area);
  const auto in_state = static_cast<double>(exact.in_state);
  CHECK(state.number("rate") == Approx(exact.increase / exact.seconds).epsilon(1e-12));
  CHECK(state.number("integral") == Approx(area).epsilon(1e-12));
  CHECK(state.number("time_weighted_mean") == Approx(area / exact.seconds).epsilon(1e-12));
  CHECK(state.number("percent_in_run") == Approx(in_state / exact.seconds * 100).epsilon(1e-12));
}

const std::vector<std::string_view> ordered = {"increase", "rate", "integral", "time_weighted_mean",
                                               "percent_in"};

}  // namespace

TEST_CASE("readings up to seven places late count where their event time puts them") {
  Seeded seeded(21);
  const AggregateSet set(aggregates_of(ordered));
  for (std::size_t count = 1; count <= 300; count += 1 + count / 8) {
    for (int round = 0; round < 10; ++round) {
      CAPTURE(count, round);
      const Readings readings = nearly_in_order(seeded, count);
      WindowState state(set);
      for (const Reading& reading : readings) state.add(reading);
      check_by_time(state, readings);
    }
  }
}

TEST_CASE("parts one after the other in time, merged in any order, are as if all had been added") {
  Seeded seeded(22);
  const AggregateSet set(aggregates_of(ordered));
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    Readings readings = nearly_in_order(seeded, 150);
    std::stable_sort(readings.begin(), readings.end(),
                     [](const Reading& a, const Reading& b) { return a.time < b.time; });
    // Equal times stay in one part.
    std::vector<std::unique_ptr<WindowState>> parts;
    parts.push_back(std::make_unique<WindowState>(set));
    for (std::size_t i = 0; i < readings.size(); ++i) {
      if (i > 0 && readings[i].time > readings[i - 1].time && seeded.below(20) == 0)
        parts.push_back(std::make_unique<WindowState>(set));
      parts.back()->add(readings[i]);
    }
    while (parts.size() > 1) {
      const std::size_t into = seeded.below(parts.size() - 1);
      const bool later_into_earlier = seeded.below(2) == 0;
      if (!later_into_earlier) std::swap(parts[into], parts[into + 1]);
      parts[into]->merge(*parts[into + 1]);
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(into) + 1);
    }
    check_by_time(*parts[0], readings);
  }
}

TEST_CASE("parts that overlap in time keep what they have not folded in its place") {
  const AggregateSet set(aggregates_of({"increase"}));
  // Few against many, both ways; and both with few.
  for (const auto& [a, b] : {std::pair{3, 100}, {100, 3}, {5, 5}}) {
    Readings readings;
    WindowState left(set), right(set);
    for (int i = 0; i < std::max(a, b); ++i) {
      if (i >= b - a && i < b) readings.push_back(reading_at(i * 10, i * 2.0));
      if (i >= b - a && i < b) left.add(readings.back());
      if (i < b) readings.push_back(reading_at(i * 10 + 5, i * 2.0 + 1));
      if (i < b) right.add(readings.back());
    }
    CAPTURE(a, b);
    left.merge(right);
    CHECK(left.number("increase") >= 2.0 * std::min(a, b) - 1);
    CHECK(left.number("increase") <= 2.0 * std::max(a, b));
  }
}

TEST_CASE("the trend is that of a computation in higher precision, whenever its readings were") {
  Seeded seeded(23);
  const AggregateSet set(aggregates_of({"trend"}));
  for (const std::int64_t start : {0LL, 1'700'000'000'000'000LL, -5'000'000'000LL}) {
    for (const std::size_t count : {2U, 10U, 10'000U}) {
      CAPTURE(start, count);
      WindowState whole(set), left(set), right(set);
      long double time = 0, value = 0, squares = 0, products = 0;
      Readings readings;
      for (std::size_t i = 0; i < count; ++i) {
        const auto us = static_cast<std::int64_t>(i) * 1'000'000 + seeded.between(0, 900'000);
        const double noise = static_cast<double>(seeded.between(-1000, 1000)) / 1000;
        readings.push_back(
            reading_at(start + us, 1e6 + 0.01 * static_cast<double>(us) / 1e6 + noise));
        whole.add(readings.back());
        (i % 3 == 0 ? left : right).add(readings.back());
        time += static_cast<long double>(us) / 1e6L;
        value += readings.back().value;
      }
      const auto n = static_cast<long double>(count);
      for (const Reading& reading : readings) {
        const long double t =
            static_cast<long double>(count_us(reading.time) - start) / 1e6L - time / n;
        squares += t * t;
        products += t * (reading.value - value / n);
      }
      const auto exact = static_cast<double>(products / squares);
      CHECK(whole.number("trend") == Approx(exact).epsilon(1e-7));
      left.merge(right);
      CHECK(left.number("trend") == Approx(exact).epsilon(1e-7));
    }
  }
}

TEST_CASE("the mode is that of all readings or left out, and never left out of few values") {
  Seeded seeded(24);
  const AggregateSet set(aggregates_of({"mode"}));
  int told = 0;
  for (int round = 0; round < 500; ++round) {
    const std::uint64_t values = 1 + seeded.below(40);
    const std::uint64_t favoured = seeded.below(4);
    std::map<double, int> counts;
    std::vector<std::unique_ptr<WindowState>> parts;
    for (std::uint64_t left = 1 + seeded.below(5); left > 0; --left)
      parts.push_back(std::make_unique<WindowState>(set));
    for (std::uint64_t left = 1 + seeded.below(500); left > 0; --left) {
      const double value =
          seeded.below(4) < favoured ? 3 : static_cast<double>(seeded.below(values));
      ++counts[value];
      parts[seeded.below(parts.size())]->add(reading_at(0, value));
    }
    for (std::size_t i = 1; i < parts.size(); ++i) parts[0]->merge(*parts[i]);
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    const double mode = parts[0]->number("mode");
    CAPTURE(round, values, favoured);
    if (counts.size() <= 16) CHECK(mode == most->first);
    if (counts.size() > 16 && !std::isnan(mode)) {
      CHECK(mode == most->first);
      ++told;
    }
  }
  CHECK(told > 50);
}

TEST_CASE("a rollup keeps no memory of windows that are gone") {
  const std::string toml =
      "[[source]]\nname = \"s\"\n[[rollup]]\nname = \"m\"\nfrom = \"s\"\n"
      "window = { tumbling = \"1m\" }\naggregates = [\"p50\", \"distinct\", \"mode\"]\n";
  Rig rig(toml);
  Seeded seeded(25);
  Outputs out;
  std::size_t after_ten = 0, busy = 0;
  for (std::int64_t minute = 0; minute < 100; ++minute) {
    Readings readings;
    for (std::int64_t i = 0; i < 500; ++i) {
      readings.push_back(reading_at((minute * 60 + i / 10) * 1'000'000,
                                    static_cast<double>(seeded.between(-100'000, 100'000))));
      readings.back().series = rig.series("s", {"a"}, "t");
    }
    const Duration elapsed = std::chrono::minutes(minute + 1);
    rig.pipeline().process(readings, {Timestamp(elapsed), elapsed, true}, out);
    busy = std::max(busy, rig.pipeline().memory_bytes());
    if (minute == 10) after_ten = busy;
  }
  CHECK(out.size() == 99);
  CHECK(after_ten > 4000);
  CHECK(busy < after_ten + after_ten / 2);
}
