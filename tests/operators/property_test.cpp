#include <algorithm>
#include <map>

#include "tests/operators/model.hpp"
#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr int streams = 200;

const std::string plain = R"("count", "sum", "mean", "min", "max", "first", "last", "stddev"])";
/// Those that the model doesn't know.
const std::string others =
    R"("p1", "median", "p99.9", "mode", "distinct", "range", "delta", "increase", "rate", )"
    R"("trend", "integral", "time_weighted_mean", "percent_in"]
percent_in = { none = 0, some = 64 })";

std::string configuration(const Model::Rules& rules, bool grouped,
                          const std::string& aggregates = plain) {
  const auto us = [](Duration duration) {
    return "\"" + std::to_string(duration.count()) + "us\"";
  };
  return "[[source]]\nname = \"s\"\ntags = [\"line\", \"device\"]\nlateness = " +
         us(rules.lateness) + "\nout_of_order = " + us(rules.out_of_order) +
         "\nmax_skew = " + us(rules.max_skew) + "\nidle = " + us(rules.idle) +
         "\n[[rollup]]\nname = \"m\"\nfrom = \"s\"\nby = " +
         (grouped ? "[\"line\"]" : "[\"line\", \"device\"]") +
         "\nwindow = { tumbling = " + us(rules.size) + ", offset = " + us(rules.offset) +
         " }\naggregates = [" + aggregates + "\n";
}

Model::Rules random_rules(Seeded& seeded) {
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
std::vector<Call> random_calls(Seeded& seeded) {
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
void append_end(std::vector<Call>& calls) {
  const Duration end = calls.back().now.elapsed + 1h;
  calls.push_back({{Timestamp(end), end, true}, {}});
}

std::vector<Reading> readings_of(Rig& rig, const Call& call) {
  std::vector<Reading> readings;
  for (const Sample& sample : call.samples) {
    readings.push_back(sample.reading);
    readings.back().series = rig.series("s", {sample.line, sample.device}, sample.metric);
  }
  return readings;
}

Model::Key key_of(const Output& output) {
  std::string group;
  for (const Tag& tag : output.group) group += tag.value + "/";
  return {group, output.metric, count_us(output.window.start)};
}

/// The last revision of each window; requires that revisions are numbered without a gap.
std::map<Model::Key, Output> final_results(const Outputs& outputs) {
  std::map<Model::Key, Output> results;
  for (const Output& output : outputs) {
    if (output.kind != OutputKind::rollup) continue;
    const auto known = results.find(key_of(output));
    REQUIRE(output.revision == (known == results.end() ? 0 : known->second.revision + 1));
    results[key_of(output)] = output;
  }
  return results;
}

void check_same_fields(const std::vector<Field>& is, const std::vector<Field>& expected) {
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

void check_against_model(std::uint64_t seed, bool grouped) {
  Seeded seeded(seed);
  const Model::Rules rules = random_rules(seeded);
  auto calls = random_calls(seeded);
  append_end(calls);
  Rig rig(configuration(rules, grouped));
  Model model(rules);
  Outputs outputs;
  for (const Call& call : calls) {
    if (seeded.below(10) == 0) rig.restart();
    ReadingCounts expected;
    model.begin_batch(call.now);
    for (const Sample& sample : call.samples) {
      const std::string group = sample.line + "/" + (grouped ? "" : sample.device + "/");
      switch (model.add(group, sample.device, sample.metric, sample.reading)) {
        case Model::Fate::aggregated:
          ++expected.aggregated;
          break;
        case Model::Fate::late:
          ++expected.late;
          break;
        case Model::Fate::quarantined:
          ++expected.quarantined;
          break;
      }
    }
    rig.pipeline().process(readings_of(rig, call), call.now, outputs);
    const ReadingCounts& counts = rig.pipeline().counts();
    REQUIRE(counts.aggregated == expected.aggregated);
    REQUIRE(counts.late == expected.late);
    REQUIRE(counts.quarantined == expected.quarantined);
    REQUIRE(counts.unused == 0);
  }
  const auto results = final_results(outputs);
  REQUIRE(results.size() == model.accepted().size());
  for (const auto& [key, readings] : model.accepted()) {
    const auto result = results.find(key);
    REQUIRE(result != results.end());
    REQUIRE(result->second.count == readings.size());
    check_same_fields(result->second.fields, recompute(readings));
  }
}

}  // namespace

TEST_CASE("the last revision of each window is what a recomputation from all readings gives") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    check_against_model(seed, false);
  }
}

TEST_CASE("that holds for groups of several devices too") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    check_against_model(1000 + seed, true);
  }
}

namespace {

std::string with_detectors(const std::string& rollups) {
  const std::string start = "[[detector]]\nfrom = \"s\"\nname = ";
  return rollups + start + "\"r\"\nmethod = \"range\"\nhigh = 12000.0\nclear_after = 1\n" + start +
         "\"z\"\nmethod = \"zscore\"\nthreshold = 1.5\nwarmup = 5\nhalf_life = 7\n" + start +
         "\"g\"\nmethod = \"rate\"\nmax = 5000.0\nraise_after = 2\n" + start +
         "\"k\"\nmethod = \"stuck\"\nfor = \"5s\"\ntolerance = 4000.0\n" + start +
         "\"q\"\nmethod = \"silence\"\nfor = \"20s\"\n";
}

Outputs run(const std::vector<Call>& calls, const std::string& toml, Seeded* restarts) {
  Rig rig(toml);
  Outputs outputs;
  for (const Call& call : calls) {
    if (restarts != nullptr && restarts->below(3) == 0) rig.restart();
    rig.pipeline().process(readings_of(rig, call), call.now, outputs);
    rig.pipeline().tick(call.now, outputs);
    const auto next = rig.pipeline().next_tick();
    REQUIRE((!next || *next > call.now.elapsed));
  }
  return outputs;
}

}  // namespace

TEST_CASE("the same calls give the same outputs, with restarts at any points or without") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(2000 + seed);
    const std::string& aggregates = seed % 3 == 0 ? others : plain;
    const std::string toml =
        with_detectors(configuration(random_rules(seeded), seed % 2 == 0, aggregates));
    auto calls = random_calls(seeded);
    append_end(calls);
    const Outputs outputs = run(calls, toml, nullptr);
    REQUIRE_FALSE(outputs.empty());
    REQUIRE(run(calls, toml, nullptr) == outputs);
    REQUIRE(run(calls, toml, &seeded) == outputs);
  }
}

TEST_CASE("every alert is raised, then cleared, under an identity of its own") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(3000 + seed);
    const std::string toml = with_detectors(configuration(random_rules(seeded), false));
    std::map<std::tuple<std::string, std::string, Model::Key>, std::uint32_t> revisions;
    for (const Output& output : run(random_calls(seeded), toml, nullptr)) {
      if (output.kind != OutputKind::alert) continue;
      const auto [known, raised] = revisions.emplace(
          std::tuple{output.name, output.metric, key_of(output)}, output.revision);
      REQUIRE(output.revision == (raised ? 0 : 1));
      REQUIRE((raised || known->second == 0));
      known->second = output.revision;
    }
  }
}

TEST_CASE("readings shuffled inside the lateness give the same final results as in order") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(4000 + seed);
    Model::Rules rules = random_rules(seeded);
    rules.lateness = 30s;
    rules.max_skew = 24h;
    Call ordered, shuffled;
    for (int i = 0; i < 500; ++i) {
      Sample sample{"l", "d", "t", {}};
      sample.reading.time = Timestamp(Duration(i * 1'000'000 + seeded.between(0, 999'999)));
      sample.reading.value = static_cast<double>(seeded.between(-1000, 1000)) / 8;
      ordered.samples.push_back(sample);
    }
    shuffled = ordered;
    for (std::size_t i = 0; i < shuffled.samples.size(); i += 25) {
      for (std::size_t j = 24; j > 0; --j) {
        std::swap(shuffled.samples[i + j], shuffled.samples[i + seeded.below(j + 1)]);
      }
    }
    const Duration end = 24h;
    const Call flush{{Timestamp(end), end, true}, {}};
    const std::string toml = configuration(rules, false);
    const auto straight = final_results(run({ordered, flush}, toml, nullptr));
    const auto crooked = final_results(run({shuffled, flush}, toml, nullptr));
    REQUIRE(straight.size() == crooked.size());
    for (const auto& [key, result] : straight) {
      const Output& other = crooked.at(key);
      REQUIRE(other.count == result.count);
      REQUIRE(other.first == result.first);
      REQUIRE(other.last == result.last);
      check_same_fields(other.fields, result.fields);
    }
  }
}
