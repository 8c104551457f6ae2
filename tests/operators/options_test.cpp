#include "operators/options.hpp"

#include <algorithm>

#include "operators/price.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

std::vector<SourceOptions> sources() {
  SourceOptions press;
  press.name = "press";
  press.tag_names = {"line", "device"};
  SourceOptions oven;
  oven.name = "oven";
  oven.tag_names = {"device"};
  return {press, oven};
}

struct Parsed {
  PipelineOptionsPtr options;
  std::vector<Problem> problems;
};

Parsed parse(const std::string& toml) {
  ConfigFile file = ConfigFile::parse(toml, "weir.toml");
  Params root = file.root();
  Parsed parsed{read_pipeline_options(root, sources()), {}};
  parsed.problems = file.problems().list();
  return parsed;
}

/// The one problem of the text: that it stands at this line and says all of these words.
void check_problem(const std::string& toml, std::uint32_t line,
                   std::initializer_list<const char*> words) {
  const Parsed parsed = parse(toml);
  CAPTURE(toml);
  REQUIRE(parsed.problems.size() == 1);
  const std::string text = parsed.problems[0].text();
  CHECK(parsed.problems[0].place.line == line);
  for (const char* word : words) {
    CAPTURE(text, word);
    CHECK(text.find(word) != std::string::npos);
  }
}

const std::string rollup = "[[rollup]]\nname = 'm'\nfrom = 'press'\nwindow = { tumbling = '1m' }\n";
const std::string detector = "[[detector]]\nname = 'd'\nfrom = 'press'\nmetric = 't'\n";

}  // namespace

TEST_CASE("a rollup has the defaults of the sample") {
  const Parsed parsed = parse(rollup);
  CHECK(parsed.problems.empty());
  const RollupOptions& options = parsed.options->rollups.at(0);
  CHECK(options.name == "m");
  CHECK(options.from == "press");
  CHECK(options.topic == "telemetry.rollups");
  CHECK(options.metrics.empty());
  CHECK(options.by == std::vector<std::string>{"line", "device"});
  CHECK(options.window.size == std::chrono::minutes(1));
  CHECK(options.window.offset == Duration(0));
  std::vector<std::string_view> names;
  for (const Aggregate& aggregate : options.aggregates) names.push_back(aggregate.name);
  CHECK(names == std::vector<std::string_view>{"count", "mean", "min", "max"});
}

TEST_CASE("a period needs a window whose length does not come from its readings") {
  const std::string head = "[[rollup]]\nname = 'm'\nfrom = 'press'\n";
  for (const char* window : {"{ tumbling = '10s' }", "{ every = '1d' }", "{ trailing = '10s' }",
                             "{ hopping = '10s', hop = '5s' }"}) {
    const Parsed parsed = parse(head + "window = " + window + "\nperiod = '10s'\n");
    CHECK(parsed.problems.empty());
    CHECK(parsed.options->rollups.at(0).period == std::chrono::seconds(10));
  }
  CHECK(parse(rollup).options->rollups.at(0).period == Duration(0));
  check_problem(head + "window = { session = '1m' }\nperiod = '10s'\n", 5,
                {"period: has no meaning for a window that is session", "from its readings"});
  check_problem(head + "window = { count = 7 }\nperiod = '10s'\n", 5,
                {"period: has no meaning for a window that is count"});
  check_problem(rollup + "period = '61s'\n", 5, {"period: is longer than the window"});
  check_problem(rollup + "period = '-1s'\n", 5, {"period"});
  CHECK(parse(head + "window = { session = '1m' }\nperiod = '0s'\n").problems.empty());
}

TEST_CASE("a result is dearer where it says what was expected") {
  const auto priced = [](const std::string& more) {
    const Parsed parsed = parse(rollup + more);
    REQUIRE(parsed.problems.empty());
    return price(*parsed.options, sources()).rollups.at(0);
  };
  CHECK(priced("").sample.expected == 0);
  CHECK(priced("period = '10s'\n").sample.expected > 0);
  CHECK(priced("period = '10s'\n").bytes_beside > priced("").bytes_beside);
  CHECK(priced("period = '10s'\n").bytes_beside_worst > priced("").bytes_beside_worst);
}

TEST_CASE("a detector has the defaults of the sample") {
  const Parsed parsed = parse(detector + "method = 'zscore'\n");
  CHECK(parsed.problems.empty());
  const DetectorOptions& options = parsed.options->detectors.at(0);
  CHECK(options.topic == "telemetry.alerts");
  CHECK(options.metrics == std::vector<std::string>{"t"});
  CHECK(options.raise_after == 1);
  CHECK(options.clear_after == 3);
}

TEST_CASE("an unknown word is a problem that names the nearest known one") {
  check_problem("[[rollup]]\nname = 'm'\nfrom = 'pres'\nwindow = { tumbling = '1m' }\n", 3,
                {"rollup[0].from", "pres", "did you mean \"press\""});
  check_problem(rollup + "by = ['lin']\n", 5, {"tag", "did you mean \"line\""});
  check_problem(rollup + "aggregates = ['count', 'meann']\n", 5, {"did you mean \"mean\""});
  check_problem(detector + "method = 'zscor'\n", 5, {"did you mean \"zscore\""});
  check_problem(rollup + "topc = 'x'\n", 5, {"topc", "topic"});
  check_problem(detector + "method = 'zscore'\ntreshold = 3\n", 6, {"treshold", "threshold"});
}

TEST_CASE("an unknown word without a near one is a problem that lists the known ones") {
  check_problem(detector + "method = 'neural'\n", 5,
                {"range", "zscore", "rate", "stuck", "silence"});
}

TEST_CASE("a name is needed once and only once") {
  check_problem(rollup + "\n" + rollup, 7, {"\"m\"", "already"});
  check_problem("[[rollup]]\nname = ''\nfrom = 'press'\nwindow = { tumbling = '1m' }\n", 2,
                {"empty"});
  CHECK(parse(rollup + detector + "method = 'zscore'\n").problems.empty());
}

TEST_CASE("a window has to be longer than nothing") {
  const std::string start = "[[rollup]]\nname = 'm'\nfrom = 'press'\n";
  check_problem(start + "window = { tumbling = '0s' }\n", 4, {"window.tumbling"});
  check_problem(start + "window = { tumblin = '1m', tumbling = '1m' }\n", 4, {"tumblin"});
  CHECK(parse(start).problems.size() == 1);
  CHECK(parse(start + "window = {}\n").problems.size() == 1);
}

TEST_CASE("every kind of window is read with its options") {
  const auto window = [](const std::string& text) {
    const Parsed parsed = parse("[[rollup]]\nname = 'm'\nfrom = 'press'\nwindow = " + text + "\n");
    CAPTURE(text);
    REQUIRE(parsed.problems.empty());
    return parsed.options->rollups.at(0).window;
  };
  using namespace std::chrono_literals;
  CHECK(window("{ tumbling = '1m', offset = '-30s' }").offset == -30s);
  CHECK(window("{ hopping = '5m', hop = '1m' }").hop == 1min);
  CHECK(window("{ session = '30s', max_length = '1h' }").max_length == 1h);
  CHECK(window("{ count = 7 }").readings == 7);
  CHECK(window("{ trailing = '5m' }").readings == 1000);
  const WindowOptions month = window("{ every = '1mo', tz = 'Europe/Berlin', offset = '6h' }");
  CHECK(month.zone->name() == "Europe/Berlin");
  CHECK(month.offset == 6h);
}

TEST_CASE("a window that makes no sense is a problem that says why") {
  const auto check = [](const std::string& window, std::initializer_list<const char*> words) {
    check_problem("[[rollup]]\nname = 'm'\nfrom = 'press'\nwindow = " + window + "\n", 4, words);
  };
  check("{ tumbling = '1m', session = '1m' }", {"session", "beside tumbling"});
  check("{ tumbling = '1m', hop = '1s' }", {"hop"});
  check("{ tumbling = '1m', offset = '5x' }", {"offset"});
  check("{ tumbling = '1m', offset = '-9000h' }", {"offset", "366 days"});
  check("{ hopping = '1m' }", {"hop"});
  check("{ hopping = '1m', hop = '1m' }", {"tumbling"});
  check("{ hopping = '1h', hop = '1001ms' }", {"1440"});
  check("{ session = '1m', max_length = '1m' }", {"gap"});
  check("{ count = 0 }", {"count"});
  check("{ trailing = '1m', max_readings = 1 }", {"max_readings"});
  check("{ every = '1h' }", {"1d", "1w", "1mo"});
  check("{ every = '1d', tz = 'Europe/Berlln' }", {"window.tz", "Europe/Berlln", "tzdata"});
}

TEST_CASE("a way of emission that a window does not have is a problem") {
  const std::string start = "[[rollup]]\nname = 'm'\nfrom = 'press'\nwindow = ";
  check_problem(rollup + "emit = 'once'\n", 5, {"revisions", "final", "early"});
  check_problem(rollup + "early_every = '5s'\n", 5, {"emit = \"early\""});
  check_problem(rollup + "emit = 'final'\nrevise_every = '5s'\n", 6, {"nothing is revised"});
  check_problem(start + "{ trailing = '1m' }\nemit = 'early'\n", 5, {"trailing", "previews"});
  check_problem(start + "{ count = 5 }\nrevise_every = '5s'\n", 5, {"count"});
  const auto parsed = parse(rollup + "emit = 'early'\nearly_every = '5s'\nrevise_every = '1s'\n");
  CHECK(parsed.problems.empty());
  CHECK(parsed.options->rollups.at(0).emission.early_every == std::chrono::seconds(5));
}

TEST_CASE("what is given twice in a list is a problem") {
  check_problem(rollup + "aggregates = ['count', 'count']\n", 5, {"twice"});
  check_problem(rollup + "by = ['line', 'line']\n", 5, {"twice"});
  check_problem(rollup + "metrics = ['t', 't']\n", 5, {"twice"});
}

TEST_CASE("options that make no sense together are a problem") {
  check_problem(detector + "method = 'range'\n", 1, {"low"});
  check_problem(detector + "method = 'range'\nlow = 5\nhigh = 5\n", 7, {"above low"});
  check_problem(detector + "method = 'range'\nlow = 0\nhigh = 4\nhysteresis = 3\n", 8, {"clear"});
  check_problem(detector + "metrics = ['p']\nmethod = 'zscore'\n", 4, {"either"});
  check_problem(detector + "method = 'rate'\nmax = 0\n", 6, {"above 0"});
  check_problem(detector + "method = 'silence'\nfor = '1m'\nclear_after = 2\n", 7, {"clear_after"});
  CHECK(parse(detector + "method = 'stuck'\n").problems.size() == 1);
  CHECK(parse(detector + "method = 'rate'\n").problems.size() == 1);
}

TEST_CASE("all problems of a file are found at once") {
  const Parsed parsed =
      parse("[[rollup]]\nfrom = 'x'\naggregates = ['y']\n[[detector]]\nname = 'd'\n");
  std::vector<std::string> keys;
  for (const Problem& problem : parsed.problems) keys.push_back(problem.key);
  for (const char* key : {"rollup[0].name", "rollup[0].from", "rollup[0].window",
                          "rollup[0].aggregates", "detector[0].from", "detector[0].method"}) {
    CAPTURE(key);
    CHECK(std::count(keys.begin(), keys.end(), key) == 1);
  }
}

TEST_CASE("a word may stand for several aggregates, and options say what they are made with") {
  const Parsed parsed = parse(rollup +
                              "aggregates = ['p99.9', 'median', 'percent_in', 'rate']\n"
                              "relative_error = 0.05\nper = '1h'\n"
                              "percent_in = { idle = 0, run = 2 }\n");
  REQUIRE(parsed.problems.empty());
  std::vector<std::string> names;
  std::vector<double> kept, asked;
  for (const Aggregate& aggregate : parsed.options->rollups.at(0).aggregates) {
    names.push_back(aggregate.name);
    kept.push_back(aggregate.argument.kept);
    asked.push_back(aggregate.argument.asked);
  }
  CHECK(names ==
        std::vector<std::string>{"p99.9", "median", "percent_in_idle", "percent_in_run", "rate"});
  CHECK(kept == std::vector<double>{0.05, 0.05, 0, 2, 0});
  CHECK(asked == std::vector<double>{999'000, 500'000, 0, 0, 3600});
}

TEST_CASE("a quantile has one name, between 0 and 100") {
  for (const char* word : {"p0.0001", "p1", "p50", "p99", "p99.9", "p99.9999"}) {
    CAPTURE(word);
    CHECK(parse(rollup + "aggregates = ['" + word + "']\n").problems.empty());
  }
  for (const char* word : {"p", "p0", "p00", "p05", "p100", "p999", "p50.", "p50.0", "p.5",
                           "p5.5.5", "p99.99999", "p-1", "p5x", "P50", "p 5", "p0.0"}) {
    CAPTURE(word);
    check_problem(rollup + "aggregates = ['" + word + "']\n", 5, {"unknown aggregate", word});
  }
}

TEST_CASE("a quantile that is none is answered with one") {
  check_problem(rollup + "aggregates = ['p999']\n", 5, {"did you mean \"p99.9\""});
}

TEST_CASE("options of aggregates that make no sense are a problem with its remedy") {
  check_problem(rollup + "relative_error = 0\n", 5, {"relative_error", "0.001"});
  check_problem(rollup + "relative_error = 0.5\n", 5, {"relative_error", "0.2"});
  check_problem(rollup + "per = '0s'\n", 5, {"per"});
  check_problem(rollup + "aggregates = ['percent_in']\n", 5, {"percent_in = { running = 1 }"});
  check_problem(rollup + "aggregates = ['percent_in_run']\npercent_in = { idle = 0 }\n", 5,
                {"percent_in_run"});
  check_problem(rollup + "percent_in = { idle = 0 }\n", 5, {"aggregates", "does not name"});
  CHECK(parse(rollup + "aggregates = ['percent_in']\npercent_in = { idle = 'x' }\n")
            .problems.back()
            .key == "rollup[0].percent_in.idle");
  check_problem(
      rollup + "aggregates = ['percent_in', 'percent_in_idle']\npercent_in = { idle = 0 }\n", 5,
      {"twice"});
}
