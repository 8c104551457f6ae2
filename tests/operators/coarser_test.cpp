#include "operators/coarser.hpp"

#include "tests/operators/rig.hpp"
#include "tests/operators/window_state.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;
using namespace weir::test;

namespace {

Window window_at(Duration start, Duration length) {
  const Timestamp at = timestamp_us(start.count());
  return {at, at + length};
}

/// The result of a window, as a rollup with these aggregates emits it.
Output result_of(const std::vector<Aggregate>& entries, const std::vector<Reading>& readings,
                 const Window& window) {
  const AggregateSet set(entries);
  std::vector<std::uint64_t> words(set.state_bytes() / 8 + 1);
  auto* state = reinterpret_cast<std::byte*>(words.data());
  set.init(state);
  Output output;
  output.name = std::string("r");
  output.window = window;
  output.first = time_end;
  output.last = time_begin;
  for (const Reading& reading : readings) {
    set.add(state, reading);
    ++output.count;
    output.first = std::min(output.first, reading.time);
    output.last = std::max(output.last, reading.time);
  }
  set.append_fields(state, output);
  set.release(state);
  return output;
}

std::vector<Reading> readings_in(const Window& window, std::size_t n, Seeded& seeded) {
  std::vector<Reading> readings(n);
  for (Reading& reading : readings) {
    reading.time = timestamp_us(seeded.between(count_us(window.start), count_us(window.end) - 1));
    reading.value = static_cast<double>(seeded.between(-500'000, 500'000)) / 1000;
  }
  return readings;
}

}  // namespace

TEST_CASE("a coarser window is of round length, at least four times as long, and holds the finer") {
  const auto check = [](const Window& fine, const Window& coarse) {
    const auto found = coarser_window(fine);
    REQUIRE(found);
    CHECK(*found == coarse);
  };
  check(window_at(61min, 1min), window_at(60min, 10min));
  check(window_at(70min, 10min), window_at(60min, 1h));
  check(window_at(25h, 15min), window_at(25h, 1h));
  check(window_at(25h, 1h), window_at(24h, 6h));
  check(window_at(6h, 6h), window_at(0h, 24h));
  check(window_at(48h, 24h), window_at(0h, 168h));
  check(window_at(3s, 7s), window_at(0s, 1min));
  check(window_at(1500ms, 100ms), window_at(1s, 1s));
  check(window_at(-1min, 1min), window_at(-10min, 10min));
  CHECK_FALSE(coarser_window(window_at(0h, 168h)));
  CHECK_FALSE(coarser_window(window_at(5s, 0s)));
  CHECK_FALSE(coarser_window(window_at(5s, -1s)));
}

TEST_CASE("of merged results is expected what was expected of each, if it was of all") {
  const auto result = [](std::uint64_t expected) {
    Output output;
    output.window = window_at(0s, 10s);
    output.expected = expected;
    return output;
  };
  const auto merged = [&](std::uint64_t a, std::uint64_t b) {
    Output sum = result(a);
    REQUIRE(merge_result(sum, result(b)));
    return sum.expected;
  };
  CHECK(merged(6, 5) == 11);
  CHECK(merged(6, 0) == 0);
  CHECK(merged(0, 5) == 0);
}

TEST_CASE("merged results say what one window over all their readings would have said") {
  const auto entries = aggregates_of({"count", "sum", "mean", "min", "max", "range", "first",
                                      "last", "delta", "increase", "stddev"});
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Seeded seeded(seed);
    std::vector<Reading> all;
    std::optional<Output> sum;
    const auto windows = static_cast<std::uint32_t>(seeded.between(2, 9));
    for (std::uint32_t i = 0; i < windows; ++i) {
      const Window window = window_at(i * 1min, 1min);
      // A window of one reading has no deviation; one of the first two must have shown it.
      const auto n = static_cast<std::size_t>(seeded.between(i == 0 ? 2 : 1, 12));
      const auto readings = readings_in(window, n, seeded);
      all.insert(all.end(), readings.begin(), readings.end());
      const Output result = result_of(entries, readings, window);
      if (!sum)
        sum = result;
      else
        REQUIRE(merge_result(*sum, result));
    }
    // In order, since a counter takes only what comes a few places late.
    std::stable_sort(all.begin(), all.end(),
                     [](const Reading& x, const Reading& y) { return x.time < y.time; });
    const Output whole = result_of(entries, all, window_at(0min, windows * 1min));
    CHECK(sum->merged == windows);
    CHECK(sum->window == whole.window);
    CHECK(sum->count == whole.count);
    CHECK(sum->first == whole.first);
    CHECK(sum->last == whole.last);
    REQUIRE(sum->fields.size() == whole.fields.size());
    for (std::size_t i = 0; i < whole.fields.size(); ++i) {
      INFO(whole.fields[i].name);
      CHECK(sum->fields[i].name == whole.fields[i].name);
      if (const auto* number = std::get_if<double>(&whole.fields[i].value))
        CHECK(std::get<double>(sum->fields[i].value) == Approx(*number).epsilon(1e-9).margin(1e-9));
      else
        CHECK(sum->fields[i].value == whole.fields[i].value);
    }
  }
}

TEST_CASE("a merged result carries no state: it would be that of one of its windows") {
  Output a, b;
  a.fields = b.fields = {{"count", std::int64_t{1}}, {"min", 1.0}};
  a.state = b.state = {{"min", 1.0}};
  a.count = b.count = 1;
  REQUIRE(merge_result(a, b));
  CHECK(a.state.empty());
}

TEST_CASE("what stands beside a window's values is merged, too") {
  const auto entries = aggregates_of({"max"});
  Seeded seeded(1);
  Output a =
      result_of(entries, readings_in(window_at(1min, 1min), 3, seeded), window_at(1min, 1min));
  Output b =
      result_of(entries, readings_in(window_at(0min, 1min), 4, seeded), window_at(0min, 1min));
  a.late = 1;
  b.late = 2;
  b.quality = Quality::arrival_time;
  a.revision = 3;
  REQUIRE(merge_result(a, b));
  CHECK(a.late == 3);
  CHECK(a.quality == Quality::arrival_time);
  CHECK(a.revision == 0);
  CHECK(a.window == window_at(0min, 2min));
  CHECK(a.merged == 2);
  Output c = a;
  REQUIRE(merge_result(c, a));
  CHECK(c.merged == 4);
}

TEST_CASE("results that don't say enough are left as they are") {
  Seeded seeded(1);
  const auto merged = [&](const std::vector<std::string_view>& names) {
    const auto entries = aggregates_of(names);
    Output a =
        result_of(entries, readings_in(window_at(0min, 1min), 3, seeded), window_at(0min, 1min));
    const Output b =
        result_of(entries, readings_in(window_at(1min, 1min), 3, seeded), window_at(1min, 1min));
    const Output before = a;
    const bool done = merge_result(a, b);
    if (!done) CHECK(a == before);
    return done;
  };
  CHECK_FALSE(merged({"stddev"}));
  CHECK(merged({"stddev", "mean"}));
  CHECK(merged({"sum", "stddev"}));

  Output unknown;
  unknown.fields = {{"of_a_newer_weir", 1.0}};
  CHECK_FALSE(merge_result(unknown, unknown));
  Output text;
  text.fields = {{"mean", std::string("20.5")}};
  text.count = 1;
  CHECK_FALSE(merge_result(text, text));
  Output huge;
  huge.fields = {{"sum", 1.7e308}};
  huge.count = 1;
  const Output before = huge;
  CHECK_FALSE(merge_result(huge, huge));
  CHECK(huge == before);
}

TEST_CASE("means over time are merged where each window is covered whole, integrals always") {
  const auto result = [](const std::vector<std::string_view>& words, Duration start, Duration step,
                         double value) {
    const Window window = window_at(start, 1min);
    std::vector<Reading> readings;
    for (Timestamp time = window.start + step / 2; time < window.end; time += step)
      readings.push_back({.time = time, .value = value, .series = {}, .quality = {}});
    return result_of(aggregates_of(words), readings, window);
  };
  const auto number = [](const Output& output, std::size_t field) {
    return std::get<double>(output.fields.at(field).value);
  };
  Output sum = result({"integral", "time_weighted_mean", "percent_in"}, 0min, 10s, 1);
  REQUIRE(merge_result(sum, result({"integral", "time_weighted_mean", "percent_in"}, 1min, 3s, 4)));
  REQUIRE(merge_result(sum, result({"integral", "time_weighted_mean", "percent_in"}, 9min, 5s, 7)));
  CHECK(number(sum, 0) == Approx(60 * 1 + 60 * 4 + 60 * 7));
  CHECK(number(sum, 1) == Approx(4));
  CHECK(number(sum, 2) == Approx(100 / 3.0));

  // Of one reading, nobody knows for how long it held.
  CHECK_FALSE(
      merge_result(sum, result({"integral", "time_weighted_mean", "percent_in"}, 10min, 1min, 4)));
  Output one = result({"time_weighted_mean"}, 0min, 10s, 1);
  CHECK_FALSE(merge_result(one, result({"time_weighted_mean"}, 1min, 1min, 1)));
}

TEST_CASE("what needs another value beside it to be merged is left as it is without") {
  Seeded seeded(2);
  const auto merged = [&](const std::vector<std::string_view>& names) {
    const auto entries = aggregates_of(names);
    Output a =
        result_of(entries, readings_in(window_at(0min, 1min), 3, seeded), window_at(0min, 1min));
    return merge_result(a, result_of(entries, readings_in(window_at(1min, 1min), 3, seeded),
                                     window_at(1min, 1min)));
  };
  CHECK_FALSE(merged({"range"}));
  CHECK_FALSE(merged({"range", "min"}));
  CHECK(merged({"range", "min", "max"}));
  CHECK_FALSE(merged({"delta", "first"}));
  CHECK_FALSE(merged({"increase", "last"}));
  CHECK(merged({"increase", "delta", "first", "last"}));
  for (const std::string_view never : {"median", "p99", "mode", "distinct", "trend", "rate"}) {
    CAPTURE(never);
    CHECK_FALSE(merged({never, "count", "mean", "min", "max", "first", "last"}));
  }
}

TEST_CASE("a counter is not merged over windows that lie within each other") {
  const auto entries = aggregates_of({"increase", "first", "last"});
  const auto result = [&](Duration start, double value) {
    const Window window = window_at(start, 1min);
    return result_of(entries, {{.time = window.start, .value = value, .series = {}, .quality = {}}},
                     window);
  };
  Output sum = result(0min, 10);
  REQUIRE(merge_result(sum, result(2min, 30)));
  CHECK(std::get<double>(sum.fields.at(0).value) == 20);
  CHECK_FALSE(merge_result(sum, result(1min, 20)));
  REQUIRE(merge_result(sum, result(3min, 4)));
  CHECK(std::get<double>(sum.fields.at(0).value) == 24);
}
