#include "runtime/json_writer.hpp"

#include <limits>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

template <class T>
std::string written(const T& value) {
  return JsonWriter().value(value).take();
}

}  // namespace

TEST_CASE("members and elements stand in the order of the calls") {
  JsonWriter json;
  json.begin_object().member("b", 1).key("a").begin_array();
  json.value(true).value("x").null().begin_object().end_object().end_array().end_object();
  CHECK(json.take() == R"({"b":1,"a":[true,"x",null,{}]})");
}

TEST_CASE("a number is the shortest text that reads back as the same number") {
  CHECK(written(0.1) == "0.1");
  CHECK(written(1.0) == "1");
  CHECK(written(-0.0) == "-0");
  CHECK(written(1e300) == "1e+300");
  CHECK(written(5e-324) == "5e-324");
  CHECK(written(123456789.0) == "123456789");
  CHECK(written(2.0 / 3) == "0.6666666666666666");
  CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(written(static_cast<unsigned char>(65)) == "65");
}

TEST_CASE("what is not finite is null") {
  CHECK(written(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(written(std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("text is escaped and stays UTF-8") {
  CHECK(written("a\"b\\c\n\x01") == R"("a\"b\\c\n\u0001")");
  CHECK(written(std::string_view("a\0b", 3)) == R"("a\u0000b")");
  CHECK(written("Käse \xE2\x82\xAC \xF0\x9F\x98\x80") == "\"Käse \xE2\x82\xAC \xF0\x9F\x98\x80\"");
  CHECK(written(std::string_view()) == R"("")");
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(written("a\xFFz") == "\"a" + bad + "z\"");
  CHECK(written("\xC0\xAF") == '"' + bad + bad + '"');            // overlong
  CHECK(written("\xED\xA0\x80") == '"' + bad + bad + bad + '"');  // surrogate
  CHECK(written("\xF4\x90\x80\x80") == '"' + bad + bad + bad + bad + '"');
  CHECK(written("\xE2\x82") == '"' + bad + bad + '"');  // cut off
  CHECK(JsonWriter().begin_object().member("\xFF", 1).end_object().take() == "{\"" + bad + "\":1}");
}

TEST_CASE("a writer can be used again after take") {
  JsonWriter json;
  json.begin_array().value(1).end_array();
  CHECK(json.take() == "[1]");
  json.begin_object().end_object();
  CHECK(json.take() == "{}");
}
