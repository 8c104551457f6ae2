#include "runtime/configured_pipeline.hpp"

#include "firmware-bridge/source_config.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

/// What `weir.toml` says of the pipeline, and everything that a pipeline of it needs.
struct Config {
  explicit Config(const std::string& toml) {
    ConfigFile file = ConfigFile::parse(toml, "weir.toml");
    for (SourceConfig& source : SourceConfig::read_all(file.root()))
      sources.push_back(std::move(source.options));
    Params root = file.root();
    options = read_pipeline_options(root, sources);
    text = file.toml({"source", "rollup", "detector", "limits"});
    REQUIRE(file.problems().text().empty());
  }
  ConfiguredPipeline pipeline(const SeriesTable& table) const {
    return {text, *options, sources, table};
  }

  std::string text;
  std::vector<SourceOptions> sources;
  PipelineOptionsPtr options;
};

std::string source(const std::string& topic) {
  return "[[source]]\nname = \"s\"\ntopics = [\"" + topic + "\"]\nmetrics = [\"v\"]\n";
}

std::string rollup(const std::string& name, const std::string& window) {
  return "[[rollup]]\nname = \"" + name +
         "\"\nfrom = \"s\"\nby = [\"d\"]\nwindow = { tumbling = \"" + window +
         "\" }\naggregates = [\"count\"]\n";
}

void read(Pipeline& pipeline, SeriesTable& table, const Config& config, Duration time,
          Outputs& out) {
  const SourceOptions& of = config.sources.front();
  const std::vector<std::string_view> tags(of.tag_names.size(), "a");
  const auto device = table.intern_device(table.intern_source(of.name, of.tag_names), tags);
  const Reading reading{Timestamp(time), 1, table.intern_series(*device, "v").value()};
  pipeline.process(std::span(&reading, 1), {Timestamp(time), time, true}, out);
}

std::string saved(const Pipeline& pipeline) {
  std::string state;
  ByteWriter writer(state);
  pipeline.save(writer);
  return state;
}

Result<std::vector<std::string>> load(Pipeline& pipeline, std::string_view state) {
  ByteReader reader(state);
  return pipeline.load(reader);
}

}  // namespace

TEST_CASE("what is defined as before keeps its windows, what is not ends with what it has") {
  SeriesTable table({});
  const Config before(source("s/{d}") + rollup("kept", "1m") + rollup("changed", "1m"));
  const Config after(source("s/{d}") + rollup("changed", "2m") + rollup("kept", "1m"));
  ConfiguredPipeline pipeline = before.pipeline(table);
  Outputs out;
  read(pipeline, table, before, 10s, out);
  CHECK(out.empty());
  const auto ended = pipeline.reconfigure(after.text, out);
  REQUIRE(ended);
  CHECK(*ended == std::vector<std::string>{"rollup changed"});
  REQUIRE(out.size() == 1);
  CHECK(out[0].name == "changed");
  CHECK(out[0].window.end == Timestamp(60s));
  CHECK(pipeline.configuration() == after.text);

  out.clear();
  read(pipeline, table, after, 60s, out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].name == "kept");
  CHECK(out[0].revision == 0);
}

TEST_CASE("an operator ends where its source tells devices apart by other tags") {
  SeriesTable table({});
  const Config before(source("s/{d}") + rollup("m", "1m"));
  const Config after(source("s/{line}/{d}") + rollup("m", "1m"));
  ConfiguredPipeline pipeline = before.pipeline(table);
  Outputs out;
  read(pipeline, table, before, 10s, out);
  const auto ended = pipeline.reconfigure(after.text, out);
  REQUIRE(ended);
  CHECK(*ended == std::vector<std::string>{"rollup m"});
  CHECK(out.size() == 1);
}

TEST_CASE("another dimension table ends no operator, only the groups that nobody is in any more") {
  SeriesTable table({});
  const auto config = [](const std::string& rows) {
    return Config(source("s/{d}") + "[source.enrich]\ntags = [\"site\"]\ncsv = \"\"\"\nd,site\n" +
                  rows + "\"\"\"\n" + rollup("own", "1m") +
                  "[[rollup]]\nname = \"by_site\"\nfrom = \"s\"\nby = [\"site\"]\n"
                  "window = { tumbling = \"1m\" }\naggregates = [\"count\"]\n");
  };
  const Config before = config("a,Berlin\n"), added = config("a,Berlin\nb,Rome\n"),
               moved = config("a,Oslo\nb,Rome\n");
  ConfiguredPipeline pipeline = before.pipeline(table);
  Outputs out;
  read(pipeline, table, before, 10s, out);
  const auto reconfigured = [&](const Config& to) {
    const auto ended = pipeline.reconfigure(to.text, out);
    return ended && ended->empty() && pipeline.configuration() == to.text;
  };
  CHECK(reconfigured(added));
  CHECK(out.empty());
  CHECK(reconfigured(moved));
  REQUIRE(out.size() == 1);
  CHECK(out[0].name == "by_site");
  CHECK(out[0].group == std::vector<Tag>{{"site", "Berlin"}});

  out.clear();
  read(pipeline, table, moved, 60s, out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].name == "own");
  CHECK(out[0].count == 1);
  CHECK(out[0].attributes == std::vector<Tag>{{"site", "Oslo"}});

  // And over a restart with the file of yet another time.
  ConfiguredPipeline second = before.pipeline(table);
  REQUIRE(load(second, saved(pipeline)));
  CHECK(second.configuration() == moved.text);
  CHECK(saved(second) == saved(pipeline));
}

TEST_CASE("state brings the configuration along that it is of") {
  SeriesTable table({});
  const Config before(source("s/{d}") + rollup("m", "1m"));
  const Config after(source("s/{d}") + rollup("m", "2m"));
  ConfiguredPipeline first = before.pipeline(table);
  Outputs out;
  read(first, table, before, 10s, out);
  ConfiguredPipeline second = after.pipeline(table);
  const auto left_out = load(second, saved(first));
  REQUIRE(left_out);
  CHECK(left_out->empty());
  CHECK(second.configuration() == before.text);
  CHECK(saved(second) == saved(first));
  REQUIRE(second.reconfigure(after.text, out));
  CHECK(out.size() == 1);
}

TEST_CASE("a configuration that can't be used changes nothing") {
  SeriesTable table({});
  const Config before(source("s/{d}") + rollup("m", "1m"));
  ConfiguredPipeline pipeline = before.pipeline(table);
  Outputs out;
  read(pipeline, table, before, 10s, out);
  const std::string state = saved(pipeline);
  for (const std::string text : {"[", "", "rollup = 1\n", "source = [{\"name\" = \"s\"}]\n"}) {
    CHECK_FALSE(pipeline.reconfigure(text, out));
    CHECK(saved(pipeline) == state);
  }
  CHECK(out.empty());
}

TEST_CASE("state of a weir that did not name its configuration is loaded into this one") {
  SeriesTable table({});
  const Config config(source("s/{d}") + rollup("m", "1m"));
  ConfiguredPipeline pipeline = config.pipeline(table);
  const auto older = make_pipeline(*config.options, config.sources, table);
  Outputs out;
  read(*older, table, config, 10s, out);
  const auto left_out = load(pipeline, saved(*older));
  REQUIRE(left_out);
  CHECK(left_out->empty());
  read(pipeline, table, config, 60s, out);
  CHECK(out.size() == 1);
}

TEST_CASE("a configuration that is cut off in the state is damage") {
  SeriesTable table({});
  const Config config(source("s/{d}") + rollup("m", "1m"));
  ConfiguredPipeline pipeline = config.pipeline(table);
  const std::string state = saved(pipeline);
  for (std::size_t size = 0; size < state.size(); ++size) {
    ConfiguredPipeline other = config.pipeline(table);
    CHECK_FALSE(load(other, state.substr(0, size)));
  }
}
