#include "operators/aggregate.hpp"

#include <cmath>

#include "tests/operators/rig.hpp"
#include "tests/operators/window_state.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;

namespace {

std::vector<Reading> random_readings(Seeded& seeded, std::size_t count, double centre) {
  std::vector<Reading> readings;
  for (std::size_t i = 0; i < count; ++i) {
    Reading reading;
    reading.time = timestamp_us(seeded.between(0, 1'000'000));
    reading.value = centre + static_cast<double>(seeded.between(-1'000'000, 1'000'000)) / 1000;
    readings.push_back(reading);
  }
  return readings;
}

struct Exact {
  long double sum = 0, mean = 0, stddev = 0;
};

Exact exactly(const std::vector<Reading>& readings) {
  Exact exact;
  for (const Reading& reading : readings) exact.sum += reading.value;
  const auto count = static_cast<long double>(readings.size());
  exact.mean = exact.sum / count;
  long double squares = 0;
  for (const Reading& reading : readings) {
    squares += (reading.value - exact.mean) * (reading.value - exact.mean);
  }
  exact.stddev = std::sqrt(squares / (count - 1));
  return exact;
}

}  // namespace

TEST_CASE("sum, mean and deviation agree with a computation in higher precision") {
  Seeded seeded(3);
  const AggregateSet set(all_aggregates());
  for (const double centre : {0.0, 20.0, 1e6, -1e9}) {
    for (const std::size_t count : {2u, 10u, 1000u, 100'000u}) {
      const auto readings = random_readings(seeded, count, centre);
      WindowState state(set);
      for (const Reading& reading : readings) state.add(reading);
      const Exact exact = exactly(readings);
      CAPTURE(centre, count);
      CHECK(state.number("sum") ==
            Approx(static_cast<double>(exact.sum)).epsilon(1e-14).margin(1e-9));
      CHECK(state.number("mean") ==
            Approx(static_cast<double>(exact.mean)).epsilon(1e-14).margin(1e-12));
      CHECK(state.number("stddev") == Approx(static_cast<double>(exact.stddev)).epsilon(1e-9));
    }
  }
}

TEST_CASE("parts merged in order are as if all readings had been added to one") {
  Seeded seeded(4);
  const AggregateSet set(all_aggregates());
  for (int round = 0; round < 50; ++round) {
    const auto readings = random_readings(seeded, 200, 100);
    WindowState whole(set), merged(set);
    for (const Reading& reading : readings) whole.add(reading);
    for (std::size_t at = 0; at < readings.size();) {
      WindowState part(set);
      const std::size_t end = std::min<std::size_t>(readings.size(), at + seeded.below(60));
      for (; at < end; ++at) part.add(readings[at]);
      merged.merge(part);  // an empty one too
    }
    for (const char* name :
         {"count", "min", "max", "first", "last", "range", "delta", "median", "p99", "distinct"}) {
      CAPTURE(name);
      CHECK(merged.number(name) == whole.number(name));
    }
    for (const char* name : {"sum", "mean", "stddev", "trend"}) {
      CAPTURE(name);
      CHECK(merged.number(name) == Approx(whole.number(name)).epsilon(1e-10));
    }
  }
}

TEST_CASE("a state saved and loaded is the same to the last bit") {
  Seeded seeded(5);
  const AggregateSet set(all_aggregates());
  for (const std::size_t count : {1U, 17U, 300U}) {
    CAPTURE(count);
    WindowState state(set);
    for (const Reading& reading : random_readings(seeded, count, 5)) state.add(reading);
    WindowState copy(set);
    copy.load(state.saved(), count);
    CHECK(copy.saved() == state.saved());
    Reading more;
    more.value = 3.25;
    more.time = timestamp_us(2'000'000);
    state.add(more);
    copy.add(more);
    CHECK(copy.saved() == state.saved());
  }
}

TEST_CASE("damaged state harms nobody") {
  Seeded seeded(6);
  const AggregateSet set(all_aggregates());
  WindowState state(set);
  for (const Reading& reading : random_readings(seeded, 300, 5)) state.add(reading);
  const std::string bytes = state.saved();
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes.substr(0, 1 + seeded.below(bytes.size()));
    for (int i = 0; i < 20; ++i)
      damaged[seeded.below(damaged.size())] = static_cast<char>(seeded.below(256));
    WindowState victim(set);
    victim.try_load(damaged);
    victim.add({.time = timestamp_us(5), .value = 1, .series = {}, .quality = {}});
    victim.merge(state);
    victim.number("count");
  }
}

TEST_CASE("aggregates that need the same accumulator share it") {
  const AggregateSet sum({find_aggregate("sum")});
  const AggregateSet both({find_aggregate("sum"), find_aggregate("mean")});
  const AggregateSet count({find_aggregate("count")});
  CHECK(both.state_bytes() == sum.state_bytes());
  CHECK(count.state_bytes() == 0);
}

TEST_CASE("results stand in the order of the configuration") {
  const AggregateSet set({find_aggregate("max"), find_aggregate("count"), find_aggregate("min")});
  std::vector<std::uint64_t> words(set.state_bytes() / 8);
  auto* state = reinterpret_cast<std::byte*>(words.data());
  set.init(state);
  set.add(state, Reading{.time = {}, .value = 4, .series = {}, .quality = {}});
  Output result;
  result.count = 1;
  set.append_fields(state, result);
  CHECK(result.fields ==
        std::vector<Field>{{"max", 4.0}, {"count", std::int64_t{1}}, {"min", 4.0}});
}
