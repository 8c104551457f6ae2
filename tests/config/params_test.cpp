#include "config/params.hpp"

#include <limits>

#include "tests/config/parsed.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

enum class Colour { red, green, blue };

Colour colour(Params& root) {
  return root.choice("colour", Colour::green,
                     {{"red", Colour::red}, {"green", Colour::green}, {"blue", Colour::blue}});
}

constexpr Range<std::int64_t> ports{1, 65'535};
constexpr Range<Duration> pauses{1ms, 15min};
constexpr Range<Bytes> sizes{Bytes{1024}, Bytes{1u << 30}};

}  // namespace

TEST_CASE("each kind of value is read as what it is") {
  ConfigFile file = parse(R"(
    text = "a"
    port = 1883
    ratio = 2.5
    whole = 3
    on = true
    pause = "250ms"
    size = "64KiB"
    list = ["a", "b"]
    colour = "blue"
  )");
  Params root = file.root();
  CHECK(root.text("text", "b") == "a");
  CHECK(root.required_text("text") == "a");
  CHECK(root.optional_text("text") == "a");
  CHECK(root.integer("port", 1, ports) == 1883);
  CHECK(root.number("ratio", 1, {0, 10}) == 2.5);
  CHECK(root.number("whole", 1, {0, 10}) == 3);
  CHECK(root.optional_number("ratio") == 2.5);
  CHECK(root.boolean("on", false));
  CHECK(root.duration("pause", 1s, pauses) == 250ms);
  CHECK(root.required_duration("pause", pauses) == 250ms);
  CHECK(root.optional_duration("pause", pauses) == Duration(250ms));
  CHECK(root.bytes("size", Bytes{0}, sizes) == Bytes{65'536});
  CHECK(root.texts("list", {}) == std::vector<std::string>{"a", "b"});
  CHECK(root.required_texts("list") == std::vector<std::string>{"a", "b"});
  CHECK(colour(root) == Colour::blue);
  root.finish();
  CHECK(file.problems().text().empty());
}

TEST_CASE("an absent key reads as its default, without a problem") {
  ConfigFile file = parse("");
  Params root = file.root();
  CHECK(root.text("text", "b") == "b");
  CHECK(root.optional_text("text") == std::nullopt);
  CHECK(root.integer("port", 7, ports) == 7);
  CHECK(root.number("ratio", 1.5, {0, 10}) == 1.5);
  CHECK(root.optional_number("ratio") == std::nullopt);
  CHECK(root.boolean("on", true));
  CHECK(root.duration("pause", 1s, pauses) == 1s);
  CHECK(root.optional_duration("pause", pauses) == std::nullopt);
  CHECK(root.bytes("size", Bytes{5}, sizes) == Bytes{5});
  CHECK(root.texts("list", {"x"}) == std::vector<std::string>{"x"});
  CHECK(colour(root) == Colour::green);
  CHECK(root.secret("password") == std::nullopt);
  CHECK(root.entries("tags").empty());
  CHECK(root.number_entries("words").empty());
  CHECK(root.tables("source").empty());
  CHECK_FALSE(root.has("text"));
  root.finish();
  CHECK(file.problems().text().empty());
}

TEST_CASE("a required key that is absent is a problem where it should stand") {
  const auto read = [](Params& root) {
    root.required_text("name");
    Params mqtt = root.table("mqtt");
    mqtt.required_text("url");
    mqtt.required_duration("pause", pauses);
    CHECK(root.table("absent").table("deep").required_texts("list").empty());
  };
  CHECK(problems("\n\n[mqtt]\n", read) ==
        "weir.toml:1:1: absent.deep.list: is missing; expected a list of texts, as [\"a\", \"b\"]\n"
        "weir.toml:1:1: name: is missing; expected a text in \"quotes\"\n"
        "weir.toml:3:1: mqtt.pause: is missing; expected a duration, as \"30s\"\n"
        "weir.toml:3:1: mqtt.url: is missing; expected a text in \"quotes\"\n");
}

TEST_CASE("a required text or list that is empty is a problem") {
  const auto read = [](Params& root) {
    root.required_text("name");
    root.required_texts("list");
  };
  CHECK(problems("name = ''\nlist = []", read) ==
        "weir.toml:1:8: name: is empty; a value is required here\n"
        "weir.toml:2:8: list: is empty; at least one is required\n");
}

TEST_CASE("a value of the wrong type is a problem that says both types and the remedy") {
  const auto read = [](Params& root) {
    CHECK(root.text("a", "default") == "default");
    CHECK(root.integer("b", 7, ports) == 7);
    CHECK(root.number("c", 7, {0, 10}) == 7);
    CHECK(root.boolean("d", true));
    CHECK(root.duration("e", 1s, pauses) == 1s);
    CHECK(root.bytes("f", Bytes{5}, sizes) == Bytes{5});
    CHECK(root.texts("g", {"x"}) == std::vector<std::string>{"x"});
    CHECK(root.texts("h", {"x"}) == std::vector<std::string>{"x"});
    CHECK(root.entries("i").empty());
    CHECK(root.required_text("j").empty());
    CHECK(root.text("k", "default") == "default");
    CHECK(root.text("l", "default") == "default");
    CHECK(root.integer("m", 7, ports) == 7);
  };
  CHECK(
      problems(R"(a = 5
b = "1883"
c = "2.5"
d = "yes"
e = 30
f = 64
g = "topic"
h = ["ok", 5, "ok", true]
i = 3
j = 2026-03-01
k = [1]
l = { x = 1 }
m = 3.0
)",
               read) ==
      "weir.toml:1:5: a: found the number 5, expected a text: put it in \"quotes\"\n"
      "weir.toml:2:5: b: found \"1883\", expected a whole number from 1 to 65535, without quotes\n"
      "weir.toml:3:5: c: found \"2.5\", expected a number from 0.0 to 10.0, without quotes\n"
      "weir.toml:4:5: d: found \"yes\", expected true or false, without quotes\n"
      "weir.toml:5:5: e: found the number 30, expected a duration in quotes, with its unit: "
      "\"250ms\", \"30s\", \"1h30m\"\n"
      "weir.toml:6:5: f: found the number 64, expected a size in quotes, with its unit: "
      "\"512KiB\", \"64MiB\"\n"
      "weir.toml:7:5: g: found \"topic\", expected a list of texts: put it in [brackets]\n"
      "weir.toml:8:12: h[1]: found the number 5, expected a text: put it in \"quotes\"\n"
      "weir.toml:8:21: h[3]: found true without quotes, expected a text: put it in \"quotes\"\n"
      "weir.toml:9:5: i: found the number 3, expected a table: { name = \"text\" }\n"
      "weir.toml:10:5: j: found 2026-03-01 without quotes, expected a text: put it in \"quotes\"\n"
      "weir.toml:11:5: k: found a list, expected a text: put it in \"quotes\"\n"
      "weir.toml:12:5: l: found a table, expected a text: put it in \"quotes\"\n"
      "weir.toml:13:5: m: found the number 3.0, expected a whole number from 1 to 65535\n");
}

TEST_CASE("a number out of its range is a problem that says the range with its units") {
  constexpr auto int_max = std::numeric_limits<std::int64_t>::max();
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  const auto read = [&](Params& root) {
    CHECK(root.integer("a", 7, ports) == 7);
    CHECK(root.integer("b", 7, {1, int_max}) == 7);
    CHECK(root.integer("c", 7, {-int_max - 1, 2}) == 7);
    CHECK(root.number("d", 0.5, {0, 1}) == 0.5);
    CHECK(root.number("e", 0.5, {0, infinity}) == 0.5);
    CHECK(root.number("f", 0.5, {-infinity, infinity}) == 0.5);
    CHECK(root.optional_number("g") == std::nullopt);
    CHECK(root.duration("h", 1s, pauses) == 1s);
    CHECK(root.duration("i", 1s, {1s, Duration::max()}) == 1s);
    CHECK(root.duration("j", 1s, {0s, 1min}) == 1s);
    CHECK(root.bytes("k", Bytes{5}, sizes) == Bytes{5});
  };
  CHECK(problems(R"(a = 65536
b = 0
c = 3
d = 1.5
e = -1
f = nan
g = -inf
h = "16m"
i = "0s"
j = "2m"
k = "2GiB"
)",
                 read) ==
        "weir.toml:1:5: a: found the number 65536, expected a whole number from 1 to 65535\n"
        "weir.toml:2:5: b: found the number 0, expected a whole number of at least 1\n"
        "weir.toml:3:5: c: found the number 3, expected a whole number of at most 2\n"
        "weir.toml:4:5: d: found the number 1.5, expected a number from 0.0 to 1.0\n"
        "weir.toml:5:5: e: found the number -1, expected a number of at least 0.0\n"
        "weir.toml:6:5: f: found the number nan, expected a finite number\n"
        "weir.toml:7:5: g: found the number -inf, expected a finite number\n"
        "weir.toml:8:5: h: found \"16m\", expected a duration of 1ms to 15m\n"
        "weir.toml:9:5: i: found \"0s\", expected a duration of at least 1s\n"
        "weir.toml:10:5: j: found \"2m\", expected a duration of at most 1m\n"
        "weir.toml:11:5: k: found \"2GiB\", expected a size of 1KiB to 1GiB\n");
}

TEST_CASE("both ends of a range are inside it") {
  ConfigFile file = parse("a = 1\nb = 65535\nc = \"1ms\"\nd = \"15m\"\ne = \"1KiB\"\nf = \"1GiB\"");
  Params root = file.root();
  root.integer("a", 7, ports);
  root.integer("b", 7, ports);
  root.duration("c", 1s, pauses);
  root.duration("d", 1s, pauses);
  root.bytes("e", Bytes{0}, sizes);
  root.bytes("f", Bytes{0}, sizes);
  CHECK(file.problems().text().empty());
}

TEST_CASE("a wrong unit is a problem that says which units there are") {
  const auto read = [](Params& root) {
    root.duration("a", 1s, pauses);
    root.duration("b", 1s, pauses);
    root.bytes("c", Bytes{5}, sizes);
  };
  CHECK(problems("a = '30'\nb = '5 minutes'\nc = '64 megs'", read) ==
        "weir.toml:1:5: a: found \"30\"; a duration needs a unit: \"30s\", "
        "\"5m\", \"2h\"\n"
        "weir.toml:2:5: b: found \"5 minutes\"; a duration is a number "
        "directly before each unit of w, d, h, m, s, ms, us, the largest unit first, as \"250ms\" "
        "or \"1h30m\"\n"
        "weir.toml:3:5: c: found \"64 megs\"; a size is a number directly before "
        "one unit of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, as \"64MiB\"\n");
}

TEST_CASE("a word that is not a choice is a problem that lists them and the nearest") {
  CHECK(problems("colour = 'gren'", [](Params& root) { CHECK(colour(root) == Colour::green); }) ==
        "weir.toml:1:10: colour: found \"gren\", expected one of \"red\", \"green\", \"blue\"; did "
        "you mean \"green\"?\n");
  CHECK(problems("colour = 5", colour) ==
        "weir.toml:1:10: colour: found the number 5, expected one of \"red\", \"green\", "
        "\"blue\"\n");
  CHECK(problems("colour = 'octarine'", colour).find("did you mean") == std::string::npos);
}

TEST_CASE("what is quoted from a file is short and printable") {
  const std::string text =
      problems("a = \"" + std::string(59, 'x') + "\u00e9\u00e9\"\nb = \"\\u0007\\t\\n\\u007f\\\"\"",
               [](Params& root) {
                 root.integer("a", 1, ports);
                 root.integer("b", 1, ports);
               });
  CHECK(text.find("\"" + std::string(59, 'x') + "\"…") != std::string::npos);
  CHECK(text.find(R"("\u0007\t\n\u007F\"")") != std::string::npos);
}

TEST_CASE("a key nobody asked for is a problem, here and below, with the nearest known one") {
  const auto read = [](Params& root) {
    Params mqtt = root.table("mqtt");
    mqtt.text("url", "");
    mqtt.integer("qos", 1, {0, 2});
    for (Params& source : root.tables("source")) source.table("time").text("unit", "ms");
    root.finish();
  };
  CHECK(problems(R"([mqtt]
url = "x"
qsos = 1
zzz = 1

[[source]]
time.unit = "ms"
[[source]]
time = { "un it" = "ms" }

[[rollup]]
name = "x"

[mqqt]
url = "y"
)",
                 read) ==
        "weir.toml:3:1: mqtt.qsos: unknown key; did you mean qos?\n"
        "weir.toml:4:1: mqtt.zzz: unknown key; known here are qos, url\n"
        "weir.toml:9:10: source[1].time.\"un it\": unknown key; did you mean unit?\n"
        "weir.toml:11:3: rollup: unknown key; known here are mqtt, source\n"
        "weir.toml:14:2: mqqt: unknown table; did you mean mqtt?\n");
}

TEST_CASE("an unknown key is reported once, however often its table is asked for and finished") {
  const auto read = [](Params& root) {
    root.table("mqtt").integer("qos", 1, {0, 2});
    Params again = root.table("mqtt");
    again.finish();
    again.finish();
    root.finish();
  };
  CHECK(problems("[mqtt]\nx = 1\nqos = 9", read) ==
        "weir.toml:2:1: mqtt.x: unknown key; known here are qos\n"
        "weir.toml:3:7: mqtt.qos: found the number 9, expected a whole number from 0 to 2\n");
}

TEST_CASE("views of one table share what was asked for") {
  const auto read = [](Params& root) {
    root.table("gateway").text("id", "");
    root.table("gateway").text("data_dir", "");
    Params copy = root;
    copy.text("name", "");
    root.finish();
  };
  CHECK(problems("name = 'x'\n[gateway]\nid = 'a'\ndata_dir = 'b'", read).empty());
}

TEST_CASE("a table of the wrong form is one problem, not one for each key it lacks") {
  const auto read = [](Params& root) {
    Params mqtt = root.table("mqtt");
    mqtt.required_text("url");
    mqtt.table("tls").required_text("ca_file");
    mqtt.finish();
    CHECK(root.table("list").text("key", "default") == "default");
    root.finish();
  };
  CHECK(problems("mqtt = 5\n[[list]]\nkey = 'x'", read) ==
        "weir.toml:1:8: mqtt: found the number 5, expected one table: [mqtt]\n"
        "weir.toml:2:1: list: found a list, expected one table: [list]\n");
}

TEST_CASE("a list of tables is read in the order of the file") {
  ConfigFile file = parse("[[source]]\nname = 'b'\n[[source]]\nname = 'a'\n[[source]]");
  Params root = file.root();
  std::vector<std::string> names;
  for (Params& source : root.tables("source")) {
    names.push_back(source.path() + " " + source.text("name", "?"));
    CHECK(source.place("name").line == 2 * names.size() - (names.size() == 3 ? 1 : 0));
  }
  CHECK(names == std::vector<std::string>{"source[0] b", "source[1] a", "source[2] ?"});
  root.finish();
  CHECK(file.problems().text().empty());
}

TEST_CASE("one table where a list of tables belongs is a problem and is read all the same") {
  const auto read = [](Params& root) {
    std::vector<Params> sources = root.tables("source");
    REQUIRE(sources.size() == 1);
    CHECK(sources[0].text("name", "") == "a");
    CHECK(root.tables("rollup").empty());
    CHECK(root.tables("mixed").size() == 1);
    root.finish();
  };
  CHECK(problems("rollup = 'x'\nmixed = [{}, 5]\n[source]\nname = 'a'", read) ==
        "weir.toml:1:10: rollup: found \"x\", expected tables: [[rollup]]\n"
        "weir.toml:2:14: mixed[1]: found the number 5, expected a table\n"
        "weir.toml:3:1: source: found one table, expected tables: [[source]] in two pairs of "
        "brackets\n");
}

TEST_CASE("the entries of a free-form table come in the order of the file, each known") {
  using Entries = std::vector<std::pair<std::string, std::string>>;
  ConfigFile file = parse(R"(
    [properties]
    "z.name" = "text"
    number = 0x10
    ratio = 1e3
    flag = false
    day = 2026-03-01
    time = 07:30:00
    moment = 2026-03-01T07:30:00Z
    [words]
    ON = 1
    OFF = 0.0
  )");
  Params root = file.root();
  CHECK(root.entries("properties") == Entries{{"z.name", "text"},
                                              {"number", "16"},
                                              {"ratio", "1000.0"},
                                              {"flag", "false"},
                                              {"day", "2026-03-01"},
                                              {"time", "07:30:00"},
                                              {"moment", "2026-03-01T07:30:00Z"}});
  CHECK(root.number_entries("words") ==
        std::vector<std::pair<std::string, double>>{{"ON", 1}, {"OFF", 0}});
  root.table("properties").problem("z.name", "is set by weir");
  root.finish();
  CHECK(file.problems().text() == "weir.toml:3:16: properties.\"z.name\": is set by weir\n");
}

TEST_CASE("an entry that is no plain value is a problem with its remedy") {
  const auto read = [](Params& root) {
    CHECK(root.entries("properties").size() == 1);
    CHECK(root.number_entries("words").size() == 1);
    root.finish();
  };
  CHECK(problems("[properties]\na = 'x'\nb.c = 'x'\nd = []\n[words]\nON = 1\nOFF = '0'\nX = inf",
                 read) ==
        "weir.toml:3:1: properties.b: found a table, expected a text; put a key that has dots in "
        "\"quotes\"\n"
        "weir.toml:4:5: properties.d: found a list, expected a text, number or boolean\n"
        "weir.toml:7:7: words.OFF: found \"0\", expected a number, without quotes\n"
        "weir.toml:8:5: words.X: found the number inf, expected a finite number\n");
}

TEST_CASE("the form of a value can be asked for without making it known") {
  ConfigFile file = parse("a = 'x'\nb = 1\nc = 1.5\nd = true\ne = {}\nf = []\ng = 2026-03-01");
  Params root = file.root();
  CHECK(root.form("a") == Params::Form::text);
  CHECK(root.form("b") == Params::Form::number);
  CHECK(root.form("c") == Params::Form::number);
  CHECK(root.form("d") == Params::Form::boolean);
  CHECK(root.form("e") == Params::Form::table);
  CHECK(root.form("f") == Params::Form::array);
  CHECK(root.form("g") == Params::Form::text);
  CHECK(root.form("h") == Params::Form::absent);
  CHECK(root.has("a"));
  root.finish();
  CHECK(file.problems().list().size() == 7);
}

TEST_CASE("places are those of values, of absent ones that of the nearest table there is") {
  ConfigFile file = parse("\n[a]\n  key = 5\n  b = { c = 1 }\n");
  Params root = file.root();
  CHECK(root.table("a").place("key").text() == "weir.toml:3:9");
  CHECK(root.table("a").place("absent").text() == "weir.toml:2:1");
  CHECK(root.table("a").table("b").place("x").text() == "weir.toml:4:7");
  CHECK(root.table("a").table("x").table("y").place("z").text() == "weir.toml:2:1");
  CHECK(root.table("x").place("z").text() == "weir.toml:1:1");
  CHECK(root.path().empty());
  CHECK(root.table("a").table("x").path() == "a.x");
}

TEST_CASE("a problem of a reader stands at its key, or at the table") {
  const auto read = [](Params& root) {
    Params a = root.table("a");
    a.problem("key", "is odd");
    a.problem("absent", "should be here");
    a.problem("", "is a strange table");
  };
  CHECK(problems("\n[a]\nkey = 5", read) ==
        "weir.toml:2:1: a: is a strange table\n"
        "weir.toml:2:1: a.absent: should be here\n"
        "weir.toml:3:7: a.key: is odd\n");
}

TEST_CASE("every option that is asked for is recorded once, in order, with its default as TOML") {
  ConfigFile file = parse("[[source]]\n[[source]]");
  Params root = file.root();
  root.required_text("id");
  for (Params& source : root.tables("source")) {
    source.required_text("name");
    source.table("time").text("unit", "ms");
    source.duration("lateness", 30s, pauses);
    source.duration("expiry", 7 * 24h, pauses);
    source.texts("aggregates", {"count", "mean"});
    source.texts("metrics", {});
    source.entries("tags");
  }
  root.integer("devices", 1000, ports);
  root.integer("devices", 2000, ports);
  root.number("threshold", 4, {0, 10});
  root.number("small", 1e-9, {0, 10});
  root.boolean("verify", true);
  root.bytes("max_size", Bytes{256u << 20}, sizes);
  root.optional_number("low");
  root.secret("password");
  root.text("quoted", "a\"b");
  colour(root);
  std::string options;
  for (const Option& option : file.options())
    options += option.path + " = " + option.default_value + "\n";
  CHECK(options ==
        "id = \n"
        "source[].name = \n"
        "source[].time.unit = \"ms\"\n"
        "source[].lateness = \"30s\"\n"
        "source[].expiry = \"7d\"\n"
        "source[].aggregates = [\"count\", \"mean\"]\n"
        "source[].metrics = []\n"
        "source[].tags = {}\n"
        "devices = 1000\n"
        "threshold = 4.0\n"
        "small = 1e-09\n"
        "verify = true\n"
        "max_size = \"256MiB\"\n"
        "low = \n"
        "password = \"\"\n"
        "password_file = \n"
        "quoted = \"a\\\"b\"\n"
        "colour = \"green\"\n");
}

TEST_CASE("a view keeps the document alive") {
  const auto make = [] {
    ConfigFile file = parse("[a.b]\nkey = 'value'");
    return file.root().table("a").table("b");
  };
  CHECK(make().text("key", "") == "value");
}
