// Every kind of window against a recomputation from all readings: random streams that are out of
// order, late, repeated and from the future, with restarts at random points.

#include <map>
#include <numeric>

#include "operators/calendar.hpp"
#include "tests/operators/streams.hpp"
#include "tests/support/rounds.hpp"

using namespace weir;
using namespace weir::test;

namespace {

std::string us(Duration duration) {
  return "\"" + std::to_string(duration.count()) + "us\"";
}

std::string group_of(const Output& output) {
  std::string group;
  for (const Tag& tag : output.group) group += tag.value + "/";
  return group;
}

/// Runs random calls through a pipeline and its model, restarting at random points; every reading
/// has to meet the fate that the model says.
template <class AnyModel>
Outputs run_both(Seeded& seeded, const std::string& toml, bool grouped, AnyModel& model) {
  auto calls = random_calls(seeded);
  append_end(calls);
  Rig rig(toml);
  Outputs outputs;
  for (const Call& call : calls) {
    if (seeded.below(8) == 0) rig.restart();
    ReadingCounts expected;
    model.begin_batch(call.now);
    for (const Sample& sample : call.samples) {
      const std::string group = sample.line + "/" + (grouped ? "" : sample.device + "/");
      const Fate fate = model.add(group, sample.device, sample.metric, sample.reading);
      ++(fate == Fate::late          ? expected.late
         : fate == Fate::quarantined ? expected.quarantined
                                     : expected.aggregated);
    }
    rig.pipeline().process(readings_of(rig, call), call.now, outputs);
    const ReadingCounts& counts = rig.pipeline().counts();
    REQUIRE(counts.aggregated == expected.aggregated);
    REQUIRE(counts.late == expected.late);
    REQUIRE(counts.quarantined == expected.quarantined);
  }
  std::erase_if(outputs, [](const Output& each) { return each.kind != OutputKind::rollup; });
  return outputs;
}

void check_result(const Output& result, const std::vector<Reading>& readings) {
  REQUIRE(result.count == readings.size());
  const auto earlier = [](const Reading& a, const Reading& b) { return a.time < b.time; };
  REQUIRE(result.first == std::min_element(readings.begin(), readings.end(), earlier)->time);
  REQUIRE(result.last == std::max_element(readings.begin(), readings.end(), earlier)->time);
  check_same_fields(result.fields, recompute(readings));
}

using Identity = std::tuple<std::string, std::string, std::int64_t, std::int64_t>;

/// What a consumer has in the end that keeps the highest revision for each window, and drops what
/// is retracted. Requires that revisions have no gaps, and that nothing final comes twice.
std::map<Identity, Output> kept_by_consumer(const Outputs& outputs, bool once) {
  std::map<Identity, Output> kept;
  std::map<Identity, std::uint32_t> revisions;
  for (const Output& output : outputs) {
    const Identity identity{group_of(output), output.metric, count_us(output.window.start),
                            count_us(output.window.end)};
    REQUIRE(output.revision == revisions[identity]++);
    if (output.retracted) {
      REQUIRE(kept.erase(identity) == 1);
      revisions.erase(identity);
      continue;
    }
    const auto known = kept.find(identity);
    if (once && known != kept.end()) REQUIRE(known->second.preview);
    if (!once) REQUIRE((known == kept.end() || known->second.preview || !output.preview));
    kept[identity] = output;
  }
  return kept;
}

void check_windows(const Outputs& outputs, bool once, const Model& model) {
  const auto kept = kept_by_consumer(outputs, once);
  REQUIRE(kept.size() == model.accepted().size());
  for (const auto& [identity, result] : kept) {
    const auto& [group, metric, start, end] = identity;
    const auto readings = model.accepted().find({group, metric, start});
    REQUIRE(readings != model.accepted().end());
    check_result(result, readings->second);
  }
}

/// A way of emission by chance: its lines, and whether results are final.
std::pair<std::string, bool> random_emission(Seeded& seeded) {
  switch (seeded.below(5)) {
    case 0:
      return {"emit = \"final\"\n", true};
    case 1:
      return {"emit = \"early\"\nearly_every = \"3s\"\n", false};
    case 2:
      return {"revise_every = \"7s\"\n", false};
    case 3:
      return {"emit = \"early\"\nearly_every = \"1s\"\nrevise_every = \"2s\"\n", false};
    default:
      return {"", false};
  }
}

std::vector<Window> hopping_windows(Timestamp time, Duration size, Duration hop, Duration offset) {
  std::vector<Window> windows;
  std::int64_t into = (count_us(time) - offset.count()) % hop.count();
  if (into < 0) into += hop.count();
  for (Timestamp start = time - Duration(into); start + size > time; start -= hop)
    windows.push_back({start, start + size});
  return windows;
}

}  // namespace

TEST_CASE("tumbling windows of every way of emission are what a recomputation gives") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(10'000 + seed);
    Model::Rules rules = random_rules(seeded);
    if (seed % 3 == 0) rules.offset = -rules.offset;
    const bool grouped = seed % 2 == 0;
    const auto [lines, once] = random_emission(seeded);
    const std::string window =
        "{ tumbling = " + us(rules.size) + ", offset = \"" + (seed % 3 == 0 ? "-" : "") +
        us(rules.offset < Duration(0) ? -rules.offset : rules.offset).substr(1) + " }\n" + lines;
    Model model(rules);
    const auto outputs =
        run_both(seeded, configuration(rules, grouped, plain, window), grouped, model);
    check_windows(outputs, once, model);
  }
}

TEST_CASE("hopping windows are what a recomputation gives") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(11'000 + seed);
    Model::Rules rules = random_rules(seeded);
    const Duration size = rules.size, hop = size * seeded.between(1, 9) / 10;
    rules.windows = [size, hop, offset = rules.offset](Timestamp time) {
      return hopping_windows(time, size, hop, offset);
    };
    const bool grouped = seed % 2 == 0;
    const auto [lines, once] = random_emission(seeded);
    const std::string window = "{ hopping = " + us(size) + ", hop = " + us(hop) +
                               ", offset = " + us(rules.offset) + " }\n" + lines;
    Model model(rules);
    const auto outputs =
        run_both(seeded, configuration(rules, grouped, plain, window), grouped, model);
    check_windows(outputs, once, model);
  }
}

TEST_CASE("days of a time zone are what a recomputation gives") {
  for (std::uint64_t seed = 1; seed <= streams / 4; ++seed) {
    CAPTURE(seed);
    Seeded seeded(12'000 + seed);
    Model::Rules rules = random_rules(seeded);
    // The day begins within the stream: it starts at the epoch, and lasts some minutes.
    rules.offset = Duration(seeded.between(60, 120)) * 1'000'000;
    const auto days = std::make_shared<Calendar>(
        Calendar::Every::day, load_time_zone("Africa/Abidjan").value(), rules.offset);
    rules.windows = [days](Timestamp time) { return std::vector<Window>{days->at(time)}; };
    const auto [lines, once] = random_emission(seeded);
    const std::string window =
        "{ every = \"1d\", tz = \"Africa/Abidjan\", offset = " + us(rules.offset) + " }\n" + lines;
    Model model(rules);
    const auto outputs = run_both(seeded, configuration(rules, true, plain, window), true, model);
    check_windows(outputs, once, model);
  }
}

TEST_CASE("sessions are what a recomputation gives, whatever was retracted on the way") {
  std::size_t retracted = 0;
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(13'000 + seed);
    const Model::Rules rules = random_rules(seeded);
    const bool grouped = seed % 2 == 0;
    const auto [lines, once] = random_emission(seeded);
    SessionModel model(rules);
    const std::string window = "{ session = " + us(rules.size) + " }\n" + lines;
    const auto outputs =
        run_both(seeded, configuration(rules, grouped, plain, window), grouped, model);
    for (const Output& output : outputs) retracted += output.retracted ? 1 : 0;
    const auto kept = kept_by_consumer(outputs, once);
    std::size_t sessions = 0;
    for (const auto& [series, list] : model.sessions()) {
      for (const SessionModel::Session& session : list) {
        ++sessions;
        const auto found = kept.find({series.first, series.second, count_us(session.first),
                                      count_us(session.last + rules.size)});
        REQUIRE(found != kept.end());
        check_result(found->second, session.readings);
      }
    }
    REQUIRE(kept.size() == sessions);
  }
  CHECK(retracted > 100);
}

TEST_CASE("sessions with a longest length hold every reading once, and none is longer") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(14'000 + seed);
    const Model::Rules rules = random_rules(seeded);
    const Duration longest = rules.size * 3;
    ArrivalModel model(rules);
    Rig rig(
        configuration(rules, false, plain,
                      "{ session = " + us(rules.size) + ", max_length = " + us(longest) + " }"));
    auto calls = random_calls(seeded);
    append_end(calls);
    Outputs outputs;
    std::uint64_t aggregated = 0, told = 0;
    for (const Call& call : calls) {
      if (seeded.below(8) == 0) rig.restart();
      rig.pipeline().process(readings_of(rig, call), call.now, outputs);
      aggregated += rig.pipeline().counts().aggregated;
    }
    std::erase_if(outputs, [](const Output& each) { return each.kind != OutputKind::rollup; });
    for (const auto& [identity, result] : kept_by_consumer(outputs, false)) {
      told += result.count;
      const Duration length = result.window.end - result.window.start;
      REQUIRE((length > Duration(0) && length <= longest));
      REQUIRE((result.window.start == result.first && result.last < result.window.end));
    }
    REQUIRE(told == aggregated);
  }
}

TEST_CASE("windows by count are every n readings in the order of arrival") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(15'000 + seed);
    const Model::Rules rules = random_rules(seeded);
    const bool grouped = seed % 2 == 0;
    const std::size_t n = 1 + seeded.below(9);
    ArrivalModel model(rules);
    const std::string window = "{ count = " + std::to_string(n) + " }\n" +
                               (seed % 3 == 0   ? "emit = \"final\"\n"
                                : seed % 3 == 1 ? "emit = \"early\"\nearly_every = \"2s\"\n"
                                                : "");
    const auto outputs =
        run_both(seeded, configuration(rules, grouped, plain, window), grouped, model);
    std::map<std::tuple<std::string, std::string, std::uint64_t>, Output> kept;
    for (const Output& output : outputs) {
      auto& known = kept[{group_of(output), output.metric, output.number}];
      REQUIRE((known.count == 0 ? output.revision == 0 : output.revision == known.revision + 1));
      known = output;
    }
    std::size_t windows = 0;
    for (const auto& [series, readings] : model.arrived()) {
      for (std::size_t at = 0; at < readings.size(); at += n) {
        ++windows;
        const auto found = kept.find({series.first, series.second, at / n + 1});
        REQUIRE(found != kept.end());
        const std::size_t end = std::min(at + n, readings.size());
        check_result(found->second, {readings.begin() + static_cast<std::ptrdiff_t>(at),
                                     readings.begin() + static_cast<std::ptrdiff_t>(end)});
        if (end - at == n) REQUIRE_FALSE(found->second.preview);
      }
    }
    REQUIRE(kept.size() == windows);
  }
}

TEST_CASE("each look-back is what a recomputation gives") {
  for (std::uint64_t seed = 1; seed <= streams; ++seed) {
    CAPTURE(seed);
    Seeded seeded(16'000 + seed);
    const Model::Rules rules = random_rules(seeded);
    const bool grouped = seed % 2 == 0;
    LookbackModel model(rules);
    const std::string window = "{ trailing = " + us(rules.size) + " }";
    const auto outputs =
        run_both(seeded, configuration(rules, grouped, plain, window), grouped, model);
    REQUIRE(outputs.size() == model.told().size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const LookbackModel::Told& told = model.told()[i];
      REQUIRE(group_of(outputs[i]) == told.series.first);
      REQUIRE(outputs[i].metric == told.series.second);
      REQUIRE(outputs[i].window == told.window);
      REQUIRE(outputs[i].revision == told.revision);
      check_result(outputs[i], told.readings);
    }
  }
}

TEST_CASE("with any kind of window, the same calls give the same outputs, restarts or not") {
  const std::string kinds[] = {
      "{ hopping = \"12s\", hop = \"5s\" }",
      "{ session = \"3s\", max_length = \"20s\" }",
      "{ count = 7 }\nemit = \"final\"",
      "{ trailing = \"20s\", max_readings = 16 }",
      "{ every = \"1d\", offset = \"1m\" }\nemit = \"early\"\nearly_every = \"2s\"",
      "{ hopping = \"12s\", hop = \"4s\" }\nrevise_every = \"5s\"",
      "{ session = \"3s\" }\nemit = \"early\"\nearly_every = \"2s\"\nrevise_every = \"5s\""};
  std::uint64_t seed = 17'000;
  for (const std::string& kind : kinds) {
    for (int i = 0; i < rounds(40); ++i) {
      CAPTURE(kind, ++seed);
      Seeded seeded(seed);
      const std::string toml =
          configuration(random_rules(seeded), seed % 2 == 0, seed % 3 == 0 ? others : plain, kind);
      auto calls = random_calls(seeded);
      append_end(calls);
      const auto run = [&](bool restarts) {
        Rig rig(toml);
        Outputs outputs;
        for (const Call& call : calls) {
          if (restarts && seeded.below(3) == 0) rig.restart();
          rig.pipeline().process(readings_of(rig, call), call.now, outputs);
          rig.pipeline().tick(call.now, outputs);
          const auto next = rig.pipeline().next_tick();
          REQUIRE((!next || *next > call.now.elapsed));
        }
        return outputs;
      };
      const Outputs plainly = run(false);
      REQUIRE_FALSE(plainly.empty());
      REQUIRE(run(true) == plainly);
    }
  }
}
