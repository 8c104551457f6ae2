#include <algorithm>
#include <sstream>

#include "operators/registry.hpp"
#include "operators/stage.hpp"
#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

struct Read {
  SourceOptions source;
  std::string problems;
};

/// `lines` of a [[source]] of which the payload may yield `metrics`.
Read read(const std::string& lines, const std::vector<std::string>& metrics = {}) {
  ConfigFile file = ConfigFile::parse("[[source]]\n" + lines, "weir.toml");
  Params root = file.root();
  Read read;
  read.source.name = "s";
  read.source.tag_names = {"line", "device"};
  std::vector<Params> tables = root.tables("source");
  read_source_rules(tables.front(), metrics, read.source);
  tables.front().finish();
  read.problems = file.problems().text();
  return read;
}

constexpr auto plain_rollup = "[[rollup]]\nname = 'm'\nfrom = 's'\nwindow = { tumbling = '1m' }\n";

std::uint64_t counted(const ReadingCounts& counts, std::string_view reason) {
  const auto at = std::find(filter_reasons().begin(), filter_reasons().end(), reason);
  REQUIRE(at != filter_reasons().end());
  return counts.filtered[static_cast<std::size_t>(at - filter_reasons().begin())];
}

}  // namespace

TEST_CASE("a source without rules has none") {
  const Read one = read("");
  CHECK(one.problems == "");
  CHECK(one.source.rules->stages.empty());
  CHECK(one.source.derived.empty());
}

TEST_CASE("stages are asked in the order of the registry, not of the file") {
  const Read one = read(
      "change_only = true\nwhere = 'value > 1'\ncalibration = [{ factor = 2 }]\n"
      "units = { t = 'W -> kW' }\ndeduplicate = {}\nrate_limit = {}\n"
      "enrich = { tags = ['site'], file = 'x.csv', missing = 'drop' }\n");
  REQUIRE(one.problems == "");
  REQUIRE(one.source.rules->stages.size() == stages().size());
  for (std::size_t i = 0; i < stages().size(); ++i) CHECK(one.source.rules->stages[i].entry == i);
  CHECK(stages().front()->name == "enrich");
  CHECK(stages().back()->name == "dead_band");
}

TEST_CASE("each reason of a stage has a name of its own") {
  CHECK(filter_reasons().size() == 2 * stages().size());
  for (const std::string& reason : filter_reasons())
    CHECK(std::count(filter_reasons().begin(), filter_reasons().end(), reason) == 1);
}

TEST_CASE("a wrong condition is shown in its file, with a caret") {
  CHECK(read("where = \"temprature > 3\"", {"temperature"}).problems ==
        "weir.toml:2:9: source[0].where: unknown name \"temprature\"; did you mean "
        "\"temperature\"?\n    temprature > 3\n    ^\n");
  CHECK(read("derive.power = \"voltage *\"").problems ==
        "weir.toml:2:16: source[0].derive.power: something is missing at the end\n"
        "    voltage *\n             ^\n");
}

TEST_CASE("a derived metric names metrics of the payload and those before it") {
  CHECK(read("derive = { a = 'x + 1', b = 'a + x' }", {"x"}).problems == "");
  CHECK(read("derive = { a = 'x + 1', b = 'a + x' }").problems == "");
  const auto complains = [](const std::string& lines, const std::vector<std::string>& metrics,
                            const std::string& part) {
    const std::string problems = read(lines, metrics).problems;
    CAPTURE(problems);
    CHECK(problems.find(part) != std::string::npos);
  };
  complains("derive = { a = 'b + 1', b = 'x' }", {}, "a: names b, which is derived behind it");
  complains("derive = { a = 'b + 1', b = 'x' }", {"x"}, "unknown name \"b\"");
  complains("derive = { a = 'a + 1' }", {}, "a: names itself");
  complains("derive = { x = 'y' }", {"x", "y"}, "x: is a metric of the payload already");
  complains("derive = { a = '1 + 2' }", {}, "a: names no metric");
  complains("derive = { a = 'value * 2' }", {}, "a: has no value of its own");
  complains("derive = { a = 'device' }", {}, "the result is a text");
  complains("derive_tolerance = '-1s'", {}, "derive_tolerance");
}

TEST_CASE("wrong options of stages are problems at their place") {
  CHECK(read("calibration = [{ tags = { devise = 'a' } }]")
            .problems.find("unknown tag \"devise\"; did you mean \"device\"?") !=
        std::string::npos);
  CHECK(read("calibration = [{ metric = 'y' }]", {"temperature"})
            .problems.find("unknown metric \"y\"") != std::string::npos);
  CHECK(read("calibration = [{ faktor = 2.0 }]").problems.find("faktor") != std::string::npos);
  CHECK(read("dead_band = { t = -1.0 }").problems.find("the band of t is not 0 or more") !=
        std::string::npos);
  CHECK(read("rate_limit = { per_second = 0 }").problems.find("per_second") != std::string::npos);
  CHECK(read("deduplicate = { entries = 5000 }").problems.find("entries") != std::string::npos);
}

TEST_CASE("a unit that is not known or does not fit is a problem at its metric") {
  CHECK(read("units = { t = 'degG -> degC' }").problems ==
        "weir.toml:2:15: source[0].units.t: unknown unit \"degG\"; did you mean \"degC\"?\n");
  CHECK(read("units = { t = 'degF -> kpa' }").problems.find("did you mean \"kPa\"?") !=
        std::string::npos);
  CHECK(read("units = { t = 'degF -> kPa' }").problems ==
        "weir.toml:2:15: source[0].units.t: from degF (temperature) there is no way to kPa "
        "(pressure)\n");
  for (const char* text : {"degF", "degF degC", ""}) {
    CAPTURE(text);
    CHECK(read("units = { t = '" + std::string(text) + "' }")
              .problems.find("expected two units, for example \"degF -> degC\"") !=
          std::string::npos);
  }
  CHECK(read("units = { t = 'degF ->' }").problems.find("unknown unit \"\"") != std::string::npos);
  CHECK(read("units = { u = 'm -> mm' }", {"t"}).problems.find("unknown metric \"u\"") !=
        std::string::npos);
  CHECK(read("units = { p = 'W -> kW' }\nderive = { p = 't * 2' }", {"t"})
            .problems.find("p: is derived; its expression can convert it") != std::string::npos);
  CHECK(read("units = { t = 'W->kW' }\n", {"t"}).problems == "");
}

TEST_CASE("what remembers times is bounded, whatever comes") {
  Rig rig(std::string("[[source]]\nname = 's'\nout_of_order = '1h'\nidle = '0s'\n"
                      "deduplicate = { window = '1h', entries = 16 }\n") +
          plain_rollup);
  const SeriesId series = rig.series("s", {"a"}, "t");
  Seeded seeded(7);
  Outputs out;
  std::size_t most = 0;
  for (int i = 0; i < 5000; ++i) {
    const Duration now(i * 1'000'000LL);
    const Reading reading{Timestamp(now - Duration(seeded.between(0, 60'000'000))), 1, series, {}};
    rig.pipeline().process(std::span(&reading, 1), {Timestamp(now), now, true}, out);
    REQUIRE(rig.pipeline().counts().total() == 1);
    if (i % 500 == 0) rig.restart();
    if (i % 500 == 499) most = std::max(most, rig.saved().size());
  }
  CHECK(most < 20'000);
}

TEST_CASE(
    "state of before comes back where a definition is unchanged, and is named where it is not") {
  const std::string source =
      "[[source]]\nname = 's'\ndeduplicate = {}\nderive_tolerance = '10s'\nderive.twice = 't * "
      "2'\n";
  const Moment now{Timestamp(100s), 100s, true};
  Outputs out;
  Rig before(source + "dead_band = { t = 1.0 }\n" + plain_rollup);
  const Reading reading{Timestamp(10s), 1, before.series("s", {"a"}, "t"), {}};
  before.pipeline().process(std::span(&reading, 1), now, out);

  Rig after(source + "dead_band = { t = 2.0 }\n" + plain_rollup);
  REQUIRE(after.series("s", {"a"}, "t") == reading.series);
  const std::string state = before.saved();
  ByteReader in(state);
  const auto left_out = after.pipeline().load(in);
  REQUIRE(left_out.has_value());
  CHECK(*left_out == std::vector<std::string>{"source s dead_band"});
  after.pipeline().process(std::span(&reading, 1), now, out);
  CHECK(counted(after.pipeline().counts(), "duplicate") == 1);
}

TEST_CASE("a condition that is written otherwise looks back at nothing of the one before") {
  const auto pipeline = [](const std::string& condition) {
    return "[[source]]\nname = 's'\nwhere = '" + condition + "'\n" + plain_rollup;
  };
  const Moment now{Timestamp(100s), 100s, true};
  Outputs out;
  Rig before(pipeline("lag(value) > 0"));
  Reading reading{Timestamp(10s), 1, before.series("s", {"a"}, "t"), {}};
  before.pipeline().process(std::span(&reading, 1), now, out);

  Rig after(pipeline("delta(value) > 0"));
  REQUIRE(after.series("s", {"a"}, "t") == reading.series);
  const std::string state = before.saved();
  ByteReader in(state);
  const auto left_out = after.pipeline().load(in);
  REQUIRE(left_out.has_value());
  CHECK(*left_out == std::vector<std::string>{"source s where"});
  reading.time = Timestamp(20s);
  reading.value = 2;
  after.pipeline().process(std::span(&reading, 1), now, out);
  CHECK(counted(after.pipeline().counts(), "where_no_value") == 1);
}

TEST_CASE("state of a version without stages is read, and the stages begin empty") {
  Outputs out;
  const Moment now{Timestamp(100s), 100s, true};
  Rig plain(std::string("[[source]]\nname = 's'\n") + plain_rollup);
  const Reading reading{Timestamp(10s), 1, plain.series("s", {"a"}, "t"), {}};
  plain.pipeline().process(std::span(&reading, 1), now, out);

  Rig rich(std::string("[[source]]\nname = 's'\ndeduplicate = {}\nchange_only = true\n") +
           plain_rollup);
  rich.series("s", {"a"}, "t");
  const std::string state = plain.saved();
  ByteReader in(state);
  const auto left_out = rich.pipeline().load(in);
  REQUIRE(left_out.has_value());
  CHECK(left_out->empty());
  rich.pipeline().process(std::span(&reading, 1), now, out);
  CHECK(rich.pipeline().counts().aggregated == 1);
}

TEST_CASE("a derived metric whose series is not in the table is counted, until it is") {
  // What the rig interns by itself, this table lacks: as if the bound on series had been reached.
  SeriesTable table({10, 1});
  ConfigFile file = ConfigFile::parse(
      std::string("[[source]]\nname = 's'\nderive.twice = 't * 2'\n") + plain_rollup, "weir.toml");
  Params root = file.root();
  SourceOptions source;
  source.name = root.tables("source").front().text("name", "");
  source.tag_names = {"device"};
  std::vector<Params> tables = root.tables("source");
  read_source_rules(tables.front(), {}, source);
  const std::vector<SourceOptions> sources = {source};
  const auto options = read_pipeline_options(root, sources);
  REQUIRE(file.problems().text() == "");
  const auto pipeline = make_pipeline(*options, sources, table);
  const std::vector<std::string_view> tags = {"a"};
  const DeviceId device = *table.intern_device(table.intern_source("s", source.tag_names), tags);
  const SeriesId series = *table.intern_series(device, "t");
  intern_derived(source, device, table);
  REQUIRE_FALSE(table.find_series(device, "twice").has_value());

  Outputs out;
  const Reading reading{Timestamp(10s), 1, series, {}};
  pipeline->process(std::span(&reading, 1), {Timestamp(20s), 20s, true}, out);
  ReadingCounts counts = pipeline->counts();
  CHECK(counts.of(DerivedFate::series_limit) == 1);
  CHECK(counts.of(DerivedFate::aggregated) == 0);
  CHECK(counts.aggregated == 1);
}

TEST_CASE("damaged state of stages is refused, never read wrongly") {
  const std::string toml =
      std::string(
          "[[source]]\nname = 's'\ndeduplicate = {}\nrate_limit = {}\nchange_only = true\n"
          "where = 'default(lag(value), 0) < 100'\nderive.d = 'delta(t)'\n") +
      plain_rollup;
  Rig rig(toml);
  Outputs out;
  const SeriesId series = rig.series("s", {"a"}, "t");
  for (int i = 1; i < 9; ++i) {
    const Reading reading{Timestamp(std::chrono::seconds(i)), double(i), series, {}};
    rig.pipeline().process(std::span(&reading, 1), {Timestamp(20s), 20s, true}, out);
  }
  const std::string state = rig.saved();
  for (std::size_t size = 0; size < state.size(); ++size) {
    Rig other(toml);
    other.series("s", {"a"}, "t");
    const std::string part = state.substr(0, size);
    ByteReader in(part);
    CHECK_FALSE(other.pipeline().load(in).has_value());
  }
  Seeded seeded(3);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = state;
    damaged[seeded.below(damaged.size())] ^= static_cast<char>(1 << seeded.below(8));
    Rig other(toml);
    other.series("s", {"a"}, "t");
    ByteReader in(damaged);
    if (!other.pipeline().load(in)) continue;
    const Reading reading{Timestamp(30s), 5, series, {}};
    other.pipeline().process(std::span(&reading, 1), {Timestamp(40s), 40s, true}, out);
    CHECK(other.pipeline().counts().total() == 1);
  }
}

TEST_CASE("what a source remembers has a price before it runs") {
  CHECK(read("where = 'value > 1'").source.rules->bytes_a_series() == 0);
  const auto bytes = [](const std::string& lines) {
    return read(lines).source.rules->bytes_a_series();
  };
  CHECK(bytes("deduplicate = { entries = 100 }") > 800);
  CHECK(bytes("deduplicate = { entries = 100 }\nchange_only = true") >
        bytes("deduplicate = { entries = 100 }"));
  CHECK(bytes("derive.a = 'x + y'") > bytes("derive.a = 'x'"));
  CHECK(bytes("derive.a = 'x + lag(x)'") > bytes("derive.a = 'x'"));
}
