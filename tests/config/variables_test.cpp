#include "tests/config/parsed.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;

namespace {

const Variables variables = {{"HOST", "broker.example"}, {"PORT", "8883"}, {"EMPTY", ""},
                             {"SECRET", "hunter2"},      {"ON", "true"},   {"_x9", "odd"},
                             {"TRICK", "${PORT}"}};

/// What the text stands for, or the problem.
std::string expanded(const std::string& text) {
  ConfigFile file = parse("key = '" + text + "'", variables);
  const std::string value = file.root().text("key", "(default)");
  return file.problems().empty() ? value : file.problems().list().front().message;
}

const std::string forms =
    "expected ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for ${ itself";

}  // namespace

TEST_CASE("a variable stands for its value, anywhere in a text") {
  CHECK(expanded("${HOST}") == "broker.example");
  CHECK(expanded("mqtts://${HOST}:${PORT}/") == "mqtts://broker.example:8883/");
  CHECK(expanded("${_x9}") == "odd");
  CHECK(expanded("a${EMPTY}b") == "ab");
  CHECK(expanded("no variable") == "no variable");
}

TEST_CASE("a default stands for a variable that is unset or empty") {
  CHECK(expanded("${NONE:-word}") == "word");
  CHECK(expanded("${EMPTY:-word}") == "word");
  CHECK(expanded("${HOST:-word}") == "broker.example");
  CHECK(expanded("${NONE:-}") == "");
  CHECK(expanded("${NONE:-a:-b $ {c}") == "a:-b $ {c");
}

TEST_CASE("a message of one's own says what to do about a missing variable") {
  CHECK(expanded("${NONE:?set NONE in /etc/default/weir}") ==
        "NONE: set NONE in /etc/default/weir");
  CHECK(expanded("${EMPTY:?set it}") == "EMPTY: set it");
  CHECK(expanded("${HOST:?set it}") == "broker.example");
  CHECK(expanded("${NONE:?}") ==
        "the variable NONE of the environment is not set; set it, or write ${NONE:-default}");
  CHECK(expanded("${EMPTY:?}") ==
        "the variable EMPTY of the environment is empty; set it, or write ${EMPTY:-default}");
}

TEST_CASE("two dollars before a brace are one dollar and no variable") {
  CHECK(expanded("$${HOST}") == "${HOST}");
  CHECK(expanded("$${HOST} ${PORT}") == "${HOST} 8883");
  CHECK(expanded("$${") == "${");
  CHECK(expanded("$ $$ {} $HOST 5$") == "$ $$ {} $HOST 5$");
  CHECK(expanded("$$${HOST}") == "$${HOST}");
}

TEST_CASE("what a variable holds is not expanded again") {
  CHECK(expanded("${TRICK}") == "${PORT}");
  CHECK(expanded("${TRICK}${PORT}") == "${PORT}8883");
}

TEST_CASE("other forms behind a dollar and a brace are problems") {
  for (const char* text : {"${}", "${1A}", "${A B}", "${A-b}", "${A:+b}", "${A:b}", "${A:}",
                           "${ A}", "${a.b}", "${A:-${B}", "${A:-${B}}", "${\u00e9}"}) {
    INFO(text);
    CHECK(expanded(text) == forms);
  }
  CHECK(expanded("x ${HOST") == "${ without its }; write $${ for ${ itself");
}

TEST_CASE("a missing variable is a problem at its value, wherever that stands, and the only one") {
  const auto read = [](Params& root) {
    CHECK(root.required_text("a").empty());
    CHECK(root.required_texts("list").empty());
    CHECK(root.integer("port", 7, {1, 9}) == 7);
    CHECK(root.entries("tags").empty());
    for (Params& source : root.tables("source")) source.table("time").text("unit", "");
    root.finish();
  };
  CHECK(problems(R"(a = "${A}"
port = "${B}"
list = ["x", "${C}"]
tags = { "x y" = "${D}" }
[[source]]
[[source]]
time.unit = "${E}"
)",
                 read, variables) ==
        "weir.toml:1:5: a: the variable A of the environment is not set; set it, or write "
        "${A:-default}\n"
        "weir.toml:2:8: port: the variable B of the environment is not set; set it, or write "
        "${B:-default}\n"
        "weir.toml:3:14: list[1]: the variable C of the environment is not set; set it, or write "
        "${C:-default}\n"
        "weir.toml:4:18: tags.\"x y\": the variable D of the environment is not set; set it, or "
        "write ${D:-default}\n"
        "weir.toml:7:13: source[1].time.unit: the variable E of the environment is not set; set "
        "it, or write ${E:-default}\n");
}

TEST_CASE("a text that holds a variable may stand for a number or a boolean") {
  ConfigFile file = parse("a = '${PORT}'\nb = '${PORT}.5'\nc = '${ON}'\nd = '${PORT}s'", variables);
  Params root = file.root();
  CHECK(root.integer("a", 1, {1, 65'535}) == 8883);
  CHECK(root.number("b", 1, {1, 65'535}) == 8883.5);
  CHECK(root.boolean("c", false));
  CHECK(root.duration("d", Duration(0), {Duration(0), Duration::max()}) ==
        std::chrono::seconds(8883));
  CHECK(file.problems().text().empty());
}

TEST_CASE("only values hold variables, not keys") {
  ConfigFile file = parse("'${HOST}' = 1", variables);
  file.root().finish();
  CHECK(file.problems().text() ==
        "weir.toml:1:1: \"${HOST}\": unknown key; nothing is known here: remove it\n");
}

TEST_CASE("the value of a variable is in no message") {
  const auto read = [](Params& root) {
    root.integer("a", 1, {1, 2});
    root.number("b", 1, {1, 2});
    root.boolean("c", true);
    root.duration("d", Duration(0), {Duration(0), Duration(1)});
    root.bytes("e", Bytes{0}, {Bytes{0}, Bytes{1}});
    root.choice("f", 1, {{"hunter", 1}, {"two", 2}});
    root.texts("g", {});
    root.table("h");
    root.tables("i");
    root.number_entries("j");
    root.problem("k", "'" + root.text("k", "") + "' is no host");
    root.problem("l", "'" + root.texts("l", {})[1] + "' is no host");
    root.finish();
  };
  const std::string text = problems(R"(
a = "${SECRET}"
b = "${SECRET}"
c = "${SECRET}"
d = "${SECRET}"
e = "${SECRET}"
f = "${SECRET}"
g = "${SECRET}"
h = "${SECRET}"
i = "${SECRET}"
j = { x = "${SECRET}" }
k = "${SECRET}.example"
l = ["a", "${SECRET}"]
m = "${SECRET}"
)",
                                    read, variables);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("weir.toml:2:5: a: found \"${SECRET}\", expected a whole number from 1 to 2, "
                  "without quotes\n") != std::string::npos);
  CHECK(text.find("weir.toml:7:5: f: found \"${SECRET}\", expected one of \"hunter\", \"two\"\n") !=
        std::string::npos);
  CHECK(text.find("weir.toml:12:5: k: '${SECRET}.example' is no host\n") != std::string::npos);
  CHECK(text.find("weir.toml:13:5: l: '${SECRET}' is no host\n") != std::string::npos);
}

TEST_CASE("without an environment of its own, a configuration reads that of the process") {
  ConfigFile file = ConfigFile::parse("key = '${PATH}'", "weir.toml");
  CHECK_FALSE(file.root().text("key", "").empty());
  CHECK(file.problems().empty());
}

TEST_CASE(
    "what looks like a variable is written so that it reads the same, in values and in keys") {
  const std::string text = "source = {\"${HOST}\" = \"$${HOST}\"}\n";
  const std::string written = parse(text, variables).toml({"source"});
  CHECK(written == text);
  CHECK(parse(written, variables).toml({"source"}) == text);
}

TEST_CASE("tables are written as text that says the same, whatever its form was") {
  const auto environment = [](const std::string& name) {
    return name == "NAME" ? std::optional<std::string>("a \"b\" ${c}") : std::nullopt;
  };
  const ConfigFile file = ConfigFile::parse(R"(
# a comment
unused = 1
[[rollup]]
name = "${NAME}"   # another
window = { tumbling = "1m", offset = "-5s" }
error = 0.01
metrics = ["a", 'b\c', "tab\t"]
[[rollup]]
name = "second"
error = 1e300
on = true
count = -7
)",
                                            "weir.toml", environment);
  const std::string text = file.toml({"source", "rollup"});
  CHECK(text ==
        "rollup = [{\"error\" = 1e-02, \"metrics\" = [\"a\", \"b\\\\c\", \"tab\\u0009\"], "
        "\"name\" = \"a \\\"b\\\" $${c}\", \"window\" = {\"offset\" = \"-5s\", \"tumbling\" = "
        "\"1m\"}}, {\"count\" = -7, \"error\" = 1e+300, \"name\" = \"second\", \"on\" = true}]\n");
  ConfigFile again = ConfigFile::parse(text, "again");
  CHECK(again.problems().empty());
  CHECK(again.toml({"source", "rollup"}) == text);
  CHECK(again.root().tables("rollup").front().text("name", "") == "a \"b\" ${c}");
}
