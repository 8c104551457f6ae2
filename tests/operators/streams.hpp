#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/operators/model.hpp"
#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rounds.hpp"

namespace weir::test {

using namespace std::chrono_literals;

constexpr int streams = rounds(200);

inline const std::string plain =
    R"("count", "sum", "mean", "min", "max", "first", "last", "stddev"])";
/// Those that the model doesn't know.
inline const std::string others =
    R"("p1", "median", "p99.9", "mode", "distinct", "range", "delta", "increase", "rate", )"
    R"("trend", "integral", "time_weighted_mean", "percent_in"]
percent_in = { none = 0, some = 64 })";

/// `window`: what stands behind "window = ", of tumbling windows if it is empty.
inline std::string configuration(const Model::Rules& rules, bool grouped,
                                 const std::string& aggregates = plain,
                                 const std::string& window = {}) {
  const auto us = [](Duration duration) {
    return "\"" + std::to_string(duration.count()) + "us\"";
  };
  return "[[source]]\nname = \"s\"\ntags = [\"line\", \"device\"]\nlateness = " +
         us(rules.lateness) + "\nout_of_order = " + us(rules.out_of_order) +
         "\nmax_skew = " + us(rules.max_skew) + "\nidle = " + us(rules.idle) +
         "\n[[rollup]]\nname = \"m\"\nfrom = \"s\"\nby = " +
         (grouped ? "[\"line\"]" : "[\"line\", \"device\"]") + "\nwindow = " +
         (window.empty()
              ? "{ tumbling = " + us(rules.size) + ", offset = " + us(rules.offset) + " }"
              : window) +
         "\naggregates = [" + aggregates + "\n";
}

inline Model::Rules random_rules(Seeded& seeded) {
  const auto one_of = [&seeded](std::vector<Duration> durations) {
    return durations[seeded.below(durations.size())];
  };
  Model::Rules rules;
  rules.size = one_of({1s, 7s, 60s});
  rules.offset = one_of({0s, 3s, 100s});
  rules.lateness = one_of({0s, 5s, 120s});
  rules.out_of_order = one_of({0s, 2s, 30s});
  rules.max_skew = one_of({1s, 60s});
  rules.idle = one_of({10s, 60s, 10min});
  return rules;
}

struct Sample {
  std::string line, device, metric;
  Reading reading;  ///< without its series
};
struct Call {
  Moment now;
  std::vector<Sample> samples;
};

// A few devices on a few lines; clocks that drift apart, jump and come back, gaps, repeats.
inline std::vector<Call> random_calls(Seeded& seeded) {
  std::vector<Call> calls;
  Duration now(0);
  std::vector<Duration> skew(6);
  for (Duration& device : skew) device = Duration(seeded.between(-20'000'000, 2'000'000));
  const std::uint64_t count = 50 + seeded.below(100);
  for (std::uint64_t i = 0; i < count; ++i) {
    now += seeded.below(20) == 0 ? Duration(seeded.between(0, 90'000'000))
                                 : Duration(seeded.between(0, 3'000'000));
    Call call;
    call.now = {Timestamp(now), now, true};
    for (std::uint64_t left = seeded.below(8); left > 0; --left) {
      const std::uint64_t id = seeded.below(6);
      if (seeded.below(100) == 0) skew[id] = Duration(seeded.between(-200'000'000, 100'000'000));
      Sample sample{"l" + std::to_string(id % 2),
                    "d" + std::to_string(id),
                    seeded.below(3) == 0 ? "p" : "t",
                    {}};
      const std::int64_t jitter = seeded.below(5) == 0 ? seeded.between(-10'000'000, 0) : 0;
      sample.reading.time = Timestamp(now + skew[id] + Duration(jitter));
      sample.reading.value = static_cast<double>(seeded.between(-1'000'000, 1'000'000)) / 64;
      call.samples.push_back(sample);
      if (seeded.below(20) == 0) call.samples.push_back(sample);
    }
    calls.push_back(call);
  }
  return calls;
}

// Silence until everybody is idle: what is still open is emitted as it stands.
inline void append_end(std::vector<Call>& calls) {
  const Duration end = calls.back().now.elapsed + 1h;
  calls.push_back({{Timestamp(end), end, true}, {}});
}

inline std::vector<Reading> readings_of(Rig& rig, const Call& call) {
  std::vector<Reading> readings;
  for (const Sample& sample : call.samples) {
    readings.push_back(sample.reading);
    readings.back().series = rig.series("s", {sample.line, sample.device}, sample.metric);
  }
  return readings;
}

inline void check_same_fields(const std::vector<Field>& is, const std::vector<Field>& expected) {
  REQUIRE(is.size() == expected.size());
  for (std::size_t i = 0; i < is.size(); ++i) {
    REQUIRE(is[i].name == expected[i].name);
    CAPTURE(is[i].name);
    if (std::set<std::string>{"sum", "mean", "stddev"}.count(is[i].name) == 0) {
      REQUIRE(is[i].value == expected[i].value);
      continue;
    }
    const double number = std::get<double>(expected[i].value);
    REQUIRE(std::get<double>(is[i].value) == Approx(number).epsilon(1e-12).margin(1e-9));
  }
}

}  // namespace weir::test
