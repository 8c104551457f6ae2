#include <map>

#include "tests/operators/streams.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

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
        case Fate::aggregated:
          ++expected.aggregated;
          break;
        case Fate::late:
          ++expected.late;
          break;
        case Fate::quarantined:
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

namespace {

/// Everything a source can do with its readings, and conditions behind it.
std::string with_rules(std::string toml, Seeded& seeded) {
  const auto one_of = [&seeded](std::vector<std::string> lines) {
    return lines[seeded.below(lines.size())];
  };
  const std::string rules =
      one_of({"", "deduplicate = {}\n", "deduplicate = { entries = 3, window = '5s' }\n"}) +
      one_of({"", "rate_limit = { per_second = 1, burst = 5 }\n"}) +
      one_of({"", "calibration = [{ tags = { line = 'l1' }, factor = 1.5, offset = -3 }]\n"}) +
      one_of({"", "where = \"abs(default(delta(value), 0)) < 9000\"\n",
              "where = \"quality == 'good' and t > p or device == 'd1'\"\n"}) +
      one_of({"", "change_only = true\nmax_silence = '3s'\n", "dead_band = { t = 3000 }\n"}) +
      "derive_tolerance = '" + one_of({"0s", "2s", "1h"}) + "'\n" +
      "derive = { sum = 't + p', ratio = 'sum / t', change = 'delta(ratio) + 0 * lag(p)' }\n";
  const std::string name = "name = \"s\"\n";
  toml.insert(toml.find(name) + name.size(), rules);
  const std::string from = "from = \"s\"\n";
  toml.insert(toml.find(from) + from.size(),
              one_of({"", "where = \"lag(value) < value\"\n", "where = \"sum > p\"\n"}));
  return toml;
}

}  // namespace

TEST_CASE("filters, cleaning and derived metrics give the same, with restarts at any points") {
  std::uint64_t filtered = 0, derived = 0;
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(5000 + seed);
    const std::string toml =
        with_rules(with_detectors(configuration(random_rules(seeded), seed % 2 == 0)), seeded);
    auto calls = random_calls(seeded);
    append_end(calls);
    const Outputs outputs = run(calls, toml, nullptr);
    REQUIRE(run(calls, toml, &seeded) == outputs);
    Rig rig(toml);
    Outputs again;
    for (const Call& call : calls) {
      rig.pipeline().process(readings_of(rig, call), call.now, again);
      const ReadingCounts& counts = rig.pipeline().counts();
      REQUIRE(counts.total() == call.samples.size());
      filtered += counts.filtered_total();
      derived += counts.derived[static_cast<std::size_t>(DerivedFate::aggregated)];
    }
  }
  CHECK(filtered > 1000);
  CHECK(derived > 1000);
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
