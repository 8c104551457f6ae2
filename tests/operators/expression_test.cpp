#include "operators/expression.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "tests/operators/allocations.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using weir::test::allocations;

namespace {

const ExpressionScope scope{{"line", "device"}, {}};

/// One device whose metrics are a = 3, b = 4, zero = 0; everything else is not there.
class Bench {
 public:
  explicit Bench(const std::string& text, Expression::Wanted wanted = Expression::Wanted::number)
      : expression_(parsed(text, wanted)),
        lags_(expression_.lags(), std::numeric_limits<double>::quiet_NaN()) {}

  /// Nothing: no value.
  std::optional<double> of(double value = 20.5, std::string_view quality = "good",
                           bool follows = true) {
    const std::map<std::string, double> known = {{"a", 3}, {"b", 4}, {"zero", 0}, {"max.x y", 9}};
    std::vector<double> metrics;
    for (const std::string& name : expression_.metrics()) {
      const auto found = known.find(name);
      metrics.push_back(found == known.end() ? std::nan("") : found->second);
    }
    const std::vector<std::string> tags = {"l1", "press-7"};
    const std::optional<std::size_t> before = allocations();
    const double result =
        expression_.evaluate({value, quality, "temperature", tags, metrics, lags_, follows});
    CHECK(allocations() == before);
    CHECK_FALSE(std::isinf(result));
    return std::isnan(result) ? std::nullopt : std::optional(result);
  }

 private:
  static Expression parsed(const std::string& text, Expression::Wanted wanted) {
    auto expression = Expression::parse(text, scope, wanted);
    if (!expression) throw std::runtime_error(expression.error().message);
    return *std::move(expression);
  }

  Expression expression_;
  std::vector<double> lags_;
};

std::optional<double> result(const std::string& text) {
  return Bench(text).of();
}

std::string complaint(const std::string& text,
                      Expression::Wanted wanted = Expression::Wanted::condition,
                      const ExpressionScope& in = scope) {
  const auto expression = Expression::parse(text, in, wanted);
  return expression ? "" : expression.error().message;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("an expression computes as arithmetic does, the tightest first") {
  const std::map<std::string, double> expected = {
      {"1 + 2 * 3", 7},
      {"(1 + 2) * 3", 9},
      {"10 - 4 - 3", 3},
      {"12 / 4 / 3", 1},
      {"7 % 4", 3},
      {"-7 % 4", -3},
      {"-2 * -3", 6},
      {"--5", 5},
      {"1.5e3 + .5", 1500.5},
      {"value * 2", 41},
      {"a * a + b * b", 25},
      {"sqrt(a * a + b * b)", 5},
      {"`max.x y` + 1", 10},
      {"abs(-3.5)", 3.5},
      {"min(3, 1, 2)", 1},
      {"max(3, a, 2, b)", 4},
      {"round(2.5)", 3},
      {"round(-2.5)", -3},
      {"floor(-0.5)", -1},
      {"ceil(0.5)", 1},
      {"clamp(value, 0, 10)", 10},
      {"clamp(-1, 0, 10)", 0},
      {"if(a < b, 1, 2)", 1},
      {"if(a > b, 1, 2)", 2},
      {"default(missing, 5)", 5},
      {"default(a, 5)", 3},
      {"if(if(a < b, 'x', 'y') == 'x', 1, 2)", 1},
  };
  for (const auto& [text, number] : expected) {
    CAPTURE(text);
    CHECK(result(text) == number);
  }
}

TEST_CASE("conditions compare numbers and texts and join by and, or, not") {
  for (const char* text : {"1 < 2",
                           "2 <= 2",
                           "3 > 2",
                           "3 >= 3",
                           "1 == 1",
                           "1 != 2",
                           "line == 'l1'",
                           "line != 'l2'",
                           "not line == 'l2'",
                           "not not true",
                           "true and not false",
                           "false or true",
                           "true or false and false",
                           "quality == 'good'",
                           "metric == 'temperature'",
                           "starts_with(device, 'press')",
                           "ends_with(device, '-7')",
                           "contains(device, 'ss-')",
                           "contains(device, '')",
                           "device in ('a', 'press-7')",
                           "device not in ('a', 'b')",
                           "a in (1, 2, 3)",
                           "-a in (-3)",
                           "a not in (4)",
                           "a + 1 == b",
                           "(a < b) == true",
                           "value > -40 and quality == 'good' and a * 2 > b"}) {
    CAPTURE(text);
    CHECK(Bench(text, Expression::Wanted::condition).of() == 1);
    CHECK(Bench("not (" + std::string(text) + ")", Expression::Wanted::condition).of() == 0);
  }
}

TEST_CASE("what has no finite result is no value, and so is what is computed from it") {
  for (const char* text : {"1 / 0",
                           "1 / zero",
                           "0 / 0",
                           "5 % 0",
                           "sqrt(-1)",
                           "1e308 * 10",
                           "-1e308 - 1e308",
                           "missing",
                           "missing + 1",
                           "-missing",
                           "min(1, missing)",
                           "max(missing, 1)",
                           "abs(missing)",
                           "clamp(1, missing, 2)",
                           "clamp(1, 3, 2)",
                           "if(missing > 1, 1, 2)",
                           "missing == missing",
                           "missing != 1",
                           "not missing > 1",
                           "missing in (1)",
                           "missing not in (1)",
                           "true and missing > 1",
                           "false or missing > 1",
                           "if(missing > 1, 'a', 'b') == 'a'",
                           "starts_with(if(missing > 1, 'a', 'b'), 'a')",
                           "convert(missing, 'm', 'km')",
                           "default(missing, missing)",
                           "lag(missing)"}) {
    CAPTURE(text);
    CHECK(result(text) == std::nullopt);
  }
}

TEST_CASE("what one side decides alone has a value without the other") {
  CHECK(result("false and missing > 1") == 0);
  CHECK(result("missing > 1 and false") == 0);
  CHECK(result("true or missing > 1") == 1);
  CHECK(result("missing > 1 or true") == 1);
  CHECK(result("if(true, 1, missing)") == 1);
}

TEST_CASE("units are converted by way of the base of their dimension") {
  const std::map<std::string, double> expected = {
      {"convert(212, 'degF', 'degC')", 100},   {"convert(100, 'degC', 'degF')", 212},
      {"convert(0, 'degC', 'K')", 273.15},     {"convert(-40, 'degF', 'degC')", -40},
      {"convert(1, 'bar', 'kPa')", 100},       {"convert(1, 'in', 'mm')", 25.4},
      {"convert(36, 'km/h', 'm/s')", 10},      {"convert(2, 'kWh', 'MJ')", 7.2},
      {"convert(90, 'percent', 'ratio')", .9}, {"convert(3000, 'rpm', 'Hz')", 50},
      {"convert(1, 'lb', 'kg')", 0.45359237}};
  for (const auto& [text, number] : expected) {
    CAPTURE(text);
    REQUIRE(result(text).has_value());
    CHECK(*result(text) == Approx(number).epsilon(1e-15));
  }
}

TEST_CASE("lag is what the argument was before, and delta what it changed by") {
  Bench lag("lag(value)"), delta("delta(value)"), second("lag(lag(value))");
  CHECK(lag.of(1) == std::nullopt);
  CHECK(lag.of(2) == 1);
  CHECK(lag.of(4) == 2);
  CHECK(delta.of(1) == std::nullopt);
  CHECK(delta.of(4) == 3);
  CHECK(second.of(1) == std::nullopt);
  CHECK(second.of(2) == std::nullopt);
  CHECK(second.of(3) == 1);
}

TEST_CASE("what comes out of order has nothing before it and is not kept") {
  Bench lag("lag(value)");
  lag.of(1);
  CHECK(lag.of(7, "good", false) == std::nullopt);
  CHECK(lag.of(2) == 1);
}

TEST_CASE("lag waits for a value of its argument") {
  Bench lag("lag(1 / value)");
  lag.of(2);
  CHECK(lag.of(0) == std::nullopt);
  CHECK(lag.of(4) == 0.5);
}

TEST_CASE("an error shows the text, a caret under the place, and a remedy") {
  CHECK(complaint("floor(value) > flor(1)") ==
        "unknown function \"flor\"; did you mean \"floor\"?\n"
        "    floor(value) > flor(1)\n"
        "                   ^");
  CHECK(complaint("value >") == "something is missing at the end\n    value >\n           ^");
  CHECK(complaint("value = 3") == "write == to compare\n    value = 3\n          ^");
  CHECK(complaint("value > 1 && true") ==
        "write and instead of &&\n    value > 1 && true\n              ^");
  CHECK(complaint("device == \"a\"") ==
        "texts stand in single quotes: 'text'\n    device == \"a\"\n              ^");
  CHECK(complaint("1 < value < 3") ==
        "comparisons do not chain; join two of them by and\n    1 < value < 3\n              ^");
  CHECK(complaint("convert(value, 'degX', 'degC') > 1").starts_with("unknown unit \"degX\""));
  CHECK(complaint("convert(value, 'bar', 'degC') > 1") ==
        "from bar (pressure) there is no way to degC (temperature)\n"
        "    convert(value, 'bar', 'degC') > 1\n"
        "                          ^");
}

TEST_CASE("types are checked when an expression is parsed") {
  const std::map<std::string, std::string> expected = {
      {"value", "the condition needs a boolean, this is a number"},
      {"device", "the condition needs a boolean, this is a text"},
      {"device == 3", "== compares two of a kind, here are a text and a number"},
      {"device < 'b'", "< needs a number, this is a text"},
      {"device + 1 > 2", "+ needs a number, this is a text"},
      {"not value", "not needs a boolean, this is a number"},
      {"value and true", "and needs a boolean, this is a number"},
      {"if(true, 1, 'a') == 1",
       "both outcomes of if are of one kind, here are a number and a text"},
      {"starts_with(value, 'a')", "starts_with needs a text, this is a number"},
      {"abs(1, 2) > 1", "abs takes 1 arguments, here are 2"},
      {"min(1) > 1", "min takes 2 to 8 arguments, here are 1"},
      {"device in (1)", "in takes a list of texts: ('a', 'b')"},
      {"value in ('a')", "in takes a list of numbers"},
      {"device not 'a'", "expected in behind not"},
      {"true true", "expected an operator, or the end"},
      {"(true", "expected ) to close the bracket"},
      {"true)", "expected an operator, or the end"},
      {"and true", "expected a number, a text, a name or ("},
      {"", "something is missing at the end"},
      {"'abc", "what ' begins here has no end"},
      {"value > 1e999", "this number is too large or too small"},
      {"value > 1 # comment", "this character has no meaning here"},
  };
  for (const auto& [text, message] : expected) {
    CAPTURE(text);
    const std::string said = complaint(text);
    CHECK(said.substr(0, said.find('\n')) == message);
  }
  CHECK(complaint("device", Expression::Wanted::number)
            .starts_with("the result is a text, but has to be a number"));
}

TEST_CASE("where the metrics are known, a name that is none of them is an error") {
  const ExpressionScope known{{"device"}, {"temperature", "pressure"}};
  CHECK(complaint("temperature > 1 and pressure < 2", Expression::Wanted::condition, known) == "");
  CHECK(complaint("temprature > 1", Expression::Wanted::condition, known)
            .starts_with("unknown name \"temprature\"; did you mean \"temperature\"?"));
  CHECK(complaint("x > 1", Expression::Wanted::condition, known)
            .starts_with("unknown name \"x\"; known: value, quality, metric, device, temperature"));
}

TEST_CASE("expressions are bounded, each bound with its message") {
  CHECK(complaint(repeated("(", 40) + "true" + repeated(")", 40))
            .starts_with("brackets are at most 32 deep"));
  CHECK(complaint(repeated("true and ", 200) + "true").find("at most 1000 bytes") !=
        std::string::npos);
  CHECK(complaint("1" + repeated("+1", 300) + "> 1").starts_with("the expression is too long"));
  CHECK(complaint(repeated("not ", 200) + "true") == "");
  CHECK(complaint(repeated("-", 500) + "1 > 0") == "");
  std::string many = "0 > 1";
  for (int i = 0; i < 17; ++i) many += " or m" + std::to_string(i) + " > 1";
  CHECK(complaint(many).starts_with("an expression names at most 16 metrics"));
  CHECK(complaint(repeated("lag(", 17) + "1" + repeated(")", 17) + " > 1")
            .starts_with("an expression has at most 16 of lag and delta"));
  const std::string deep = repeated("min(1, ", 31) + "1, 1" + repeated(")", 31);
  CHECK((complaint(deep + " > 1") == "" || complaint(deep).find("too long") != std::string::npos));
}

TEST_CASE("of a long text the part around the error is shown, and the caret counts characters") {
  const std::string said = complaint("'" + repeated("\xc3\xa4", 100) + "' == 3");
  const std::string under = said.substr(said.rfind('\n') + 1);
  const std::string line = said.substr(said.find('\n') + 1, said.rfind('\n') - said.find('\n') - 1);
  CHECK(under.size() < 70);
  CHECK(line.size() < 110);
  CHECK((static_cast<unsigned char>(line[4]) & 0xc0) != 0x80);
  CHECK(complaint("true and\n  flor(1)\nor true") ==
        "unknown function \"flor\"; did you mean \"floor\"?\n      flor(1)\n      ^");
}
