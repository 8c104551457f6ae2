// Devices that come and go, with room for few: whatever the kind of window, nothing is told twice
// and nothing is missing.

#include <map>
#include <tuple>

#include "tests/operators/streams.hpp"

using namespace weir;
using namespace weir::test;

namespace {

/// The readings in what a consumer has in the end. Requires that nothing is told twice: revisions
/// of a window, or of a number, follow one another.
std::uint64_t readings_told(const Outputs& outputs) {
  using Key = std::tuple<std::string, std::string, std::uint64_t, std::int64_t, std::int64_t>;
  std::map<Key, std::pair<std::uint32_t, std::uint64_t>> kept;
  for (const Output& output : outputs) {
    if (output.kind != OutputKind::rollup) continue;
    const bool numbered = output.number > 0;
    std::string group;
    for (const Tag& tag : output.group) group += tag.value + "/";
    const Key key{group, output.metric, output.number, numbered ? 0 : count_us(output.window.start),
                  numbered ? 0 : count_us(output.window.end)};
    auto& [next, count] = kept[key];
    CAPTURE(group, output.metric, count_us(output.window.start), output.number);
    REQUIRE(output.revision == next);
    ++next;
    count = output.retracted ? 0 : output.count;
    if (output.retracted) next = 0;
  }
  std::uint64_t sum = 0;
  for (const auto& [key, each] : kept) sum += each.second;
  return sum;
}

/// A few devices that are soon forgotten, and room for fewer series than there are.
std::string forgetful(Seeded& seeded, const std::string& kind) {
  Model::Rules rules = random_rules(seeded);
  rules.idle = 2s;
  std::string toml = configuration(rules, seeded.below(2) == 0, plain, kind);
  toml.insert(toml.find("\n[[rollup]]"), "\nforget_after = \"5s\"");
  if (seeded.below(2) == 0) toml += "[limits]\nactive_series = 4\n";
  return toml;
}

}  // namespace

TEST_CASE("who is forgotten is told once, of all readings, restarts or not") {
  const std::pair<std::string, bool> kinds[] = {
      {"{ tumbling = \"7s\" }", true},
      {"{ tumbling = \"7s\" }\nemit = \"final\"", true},
      {"{ tumbling = \"7s\" }\nemit = \"early\"\nearly_every = \"2s\"", true},
      {"{ every = \"1d\" }\nrevise_every = \"5s\"", true},
      {"{ session = \"3s\" }", true},
      {"{ session = \"3s\", max_length = \"20s\" }\nemit = \"final\"", true},
      {"{ session = \"3s\" }\nemit = \"early\"\nearly_every = \"2s\"\nrevise_every = \"5s\"", true},
      {"{ count = 7 }", true},
      {"{ count = 7 }\nemit = \"early\"\nearly_every = \"2s\"", true},
      {"{ hopping = \"12s\", hop = \"4s\" }", false},
      {"{ hopping = \"12s\", hop = \"5s\" }\nemit = \"final\"", false},
      {"{ hopping = \"12s\", hop = \"4s\" }\nemit = \"early\"\nearly_every = \"2s\"", false},
      {"{ trailing = \"20s\", max_readings = 16 }", false},
      {"{ trailing = \"20s\" }\nemit = \"final\"", false}};
  std::uint64_t seed = 18'000;
  for (const auto& [kind, counted_once] : kinds) {
    for (int i = 0; i < rounds(30); ++i) {
      CAPTURE(kind, ++seed);
      Seeded seeded(seed);
      const std::string toml = forgetful(seeded, kind);
      auto calls = random_calls(seeded);
      append_end(calls);
      std::uint64_t aggregated = 0;
      const auto run = [&](bool restarts) {
        Rig rig(toml);
        Outputs outputs;
        aggregated = 0;
        for (const Call& call : calls) {
          if (restarts && seeded.below(3) == 0) rig.restart();
          const auto readings = readings_of(rig, call);
          rig.pipeline().process(readings, call.now, outputs);
          REQUIRE(rig.pipeline().counts().total() == readings.size());
          aggregated += rig.pipeline().counts().aggregated;
        }
        return outputs;
      };
      const Outputs plainly = run(false);
      const std::uint64_t told = readings_told(plainly);
      if (counted_once) REQUIRE(told == aggregated);
      REQUIRE(run(true) == plainly);
    }
  }
}
