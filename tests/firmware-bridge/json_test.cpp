#include "firmware-bridge/json_decoder.hpp"
#include "firmware-bridge/json_path.hpp"
#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

namespace {

std::string nested(std::size_t depth, std::string_view inner) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += "{\"a\":";
  text += inner;
  return text + std::string(depth, '}');
}

}  // namespace

TEST_CASE("without metrics every number and boolean is a value, named by its path") {
  CHECK(decode("", R"({"a":1,"b":{"c":2.5,"d":true},"e":[1,[2],{"f":false}],"g":"x","h":null})") ==
        ": a=1 b.c=2.5 b.d=1 e.0=1 e.1.0=2 e.2.f=0");
  CHECK(decode("", R"({"a.b":1,"":2,"*":3,"'":4,"a":{"b":5}})") ==
        ": 'a.b'=1 ''=2 '*'=3 ''''=4 a.b=5");
  CHECK(decode("", R"({"battery":"100.00","x":1})") == ": x=1");
  CHECK(decode("words = { ON = 1, OFF = 0 }", R"({"state":"ON","other":"off","x":7})") ==
        ": state=1 x=7");
}

TEST_CASE("the time and the tags are no values") {
  const char* options = R"(time = { field = "t.at", unit = "s" }
                           tags = { host = "host" })";
  CHECK(decode(options, R"({"t":{"at":5,"x":6},"host":7,"y":8})") ==
        "host=7 at 1970-01-01T00:00:05Z: t.x=6 y=8");
  CHECK(decode(R"(each = "params"
                  time = { field = "params.ts", unit = "s" })",
               R"({"params":{"ts":5,"x":6}})") == "at 1970-01-01T00:00:05Z: x=6");
}

TEST_CASE("with metrics only those are values, also numbers and words in texts") {
  const char* options = R"(metrics = ["a", "b.c", "l.1", "'x.y'", "gone", "n"]
                           words = { open = 1, "7" = 8 })";
  CHECK(decode(options,
               R"({"a":" 100.00 ","b":{"c":"open"},"l":[1,true],"x.y":"7","n":null,"z":9})") ==
        ": a=100 b.c=1 l.1=1 'x.y'=8");
  CHECK(decode(R"(metrics = { power = "state.power" })", R"({"state":{"power":11.5}})") ==
        ": power=11.5");
  CHECK(decode(R"(metrics = ["a.b.c"])", R"({"a":{"b":3}})") ==
        "refused: it holds no value that was asked for");
  CHECK(decode(R"(metrics = ["0.x"])", R"({"0":{"x":1}})") == ": 0.x=1");
  CHECK(decode(R"(metrics = ["1.x"])", R"([{"x":1},{"x":2}])") == ": 1.x=2");
  CHECK(decode(R"(metrics = ["2.x"])", R"([{"x":1},{"x":2}])").starts_with("refused"));
}

TEST_CASE("what is named and is no number is counted, the rest is taken") {
  const auto decoder = decoder_of(R"(metrics = ["a", "b", "c", "d", "e", "f"])");
  Decoded decoded;
  REQUIRE(decoder->decode(R"({"a":"x","b":[1],"c":{},"d":"1e999","e":"nan","f":6})", decoded));
  CHECK(text_of(decoded, *decoder) == ": f=6");
  CHECK(decoded.not_numeric == 3);
  CHECK(decoded.not_finite == 2);
  CHECK(decode(*decoder, R"({"a":"x"})") == "refused: no value in it is a finite number");
}

TEST_CASE("null and absent are no value and no error") {
  const auto decoder = decoder_of(R"(metrics = ["a", "b", "c"])");
  Decoded decoded;
  REQUIRE(decoder->decode(R"({"a":null,"c":0})", decoded));
  CHECK(text_of(decoded, *decoder) == ": c=0");
  CHECK(decoded.not_numeric == 0);
  CHECK(decode("", R"({"a":null})") == "refused: it holds no value that was asked for");
  CHECK(decode("", "{}") == "refused: it holds no value that was asked for");
  CHECK(decode("", "[]") == "refused: it holds no value that was asked for");
}

TEST_CASE("of a key given twice the first counts, however it is taken") {
  const char* payload = R"({"a":1,"b":2,"a":3,"a":null,"b":4})";
  CHECK(decode("", payload) == ": a=1 b=2");
  CHECK(decode(R"(metrics = ["a", "b"])", payload) == ": a=1 b=2");
}

TEST_CASE("each makes one record of each element or member") {
  const char* payload =
      R"({"t":1,"list":[{"x":1},{"x":2,"t":7},5,null,"s"],"map":{"p":{"x":3},"q":{"y":4}}})";
  CHECK(decode(R"(each = "list.*"
                  time = { field = "t", unit = "s" }
                  metrics = ["x"])",
               payload) ==
        "at 1970-01-01T00:00:01Z: x=1\nat 1970-01-01T00:00:07Z: x=2\nat 1970-01-01T00:00:01Z: x=5");
  CHECK(decode("each = \"map.*\"", payload) == ": x=3\n: y=4");
  CHECK(decode("each = \"*.*\"", R"([[1,2],[{"a":3}],4])") == ": value=1\n: value=2\n: a=3");
  CHECK(decode("each = \"gone.*\"", payload) == "refused: it holds no value that was asked for");
  CHECK(decode("each = \"'*'\"", R"({"*":{"a":1},"b":2})") == ": a=1");
}

TEST_CASE("a path is looked up in the record, then in what encloses it, outwards") {
  const char* options = R"(each = "sites.*.units.*"
                           tags = { site = "name", unit = "unit", owner = "owner.name" }
                           metrics = ["v", "limit"])";
  CHECK(decode(options, R"({"owner":{"name":"o"},"limit":9,"sites":[
          {"name":"s1","units":[{"unit":"u1","v":1},{"unit":"u2","v":2,"limit":3}]},
          {"name":"s2","limit":null,"units":[{"name":"own","unit":3,"v":4}]}]})") ==
        "site=s1 unit=u1 owner=o : v=1 limit=9\n"
        "site=s1 unit=u2 owner=o : v=2 limit=3\n"
        "site=own unit=3 owner=o : v=4");
}

TEST_CASE("pairs take the name of the metric from the payload") {
  const char* options = R"(each = "*"
                           pairs = { name = "n", value = "v" })";
  const auto decoder = decoder_of(options);
  Decoded decoded;
  REQUIRE(decoder->decode(R"([{"n":"a","v":1},{"n":7,"v":"2"},{"n":"b"},{"n":"c","v":null},
      {"v":3},{"n":"","v":4},{"n":[],"v":5},{"n":"d","v":{}}])",
                          decoded));
  CHECK(text_of(decoded, *decoder) == ": a=1\n: 7=2");
  CHECK(decoded.bad_name == 3);
  CHECK(decoded.not_numeric == 1);
  CHECK(decode(options, R"([{"v":1}])") ==
        "refused: the name of a metric is missing, empty or too long");
}

TEST_CASE("a bare number is one value, other bare things are refused") {
  CHECK(decode("", "21.5") == ": value=21.5");
  CHECK(decode("", " \t21\r\n") == ": value=21");
  CHECK(decode("metrics = [\"temperature\"]", "-4e1") == ": temperature=-40");
  CHECK(decode("metrics = { t = \"a.b\" }\ntags = { x = \"y\" }", "3") == "x= : t=3");
  CHECK(decode("metrics = [\"a\", \"b\"]", "1") ==
        "refused: it is a bare number where records were configured");
  CHECK(decode("each = \"*\"", "1").starts_with("refused: it is a bare number"));
  for (const char* other : {"true", "null", "\"21.5\"", "\"\""})
    CHECK(decode("", other) == "refused: it is a bare text, boolean or null, not a number");
  for (const char* other :
       {"online", "ON", "21.5 C", "1 2", "NaN", "-Infinity", "0x10", "+1", ".5"})
    CHECK(decode("", other).starts_with("refused: not JSON"));
}

TEST_CASE("times come in five forms, as numbers or in texts") {
  const auto at = [](const char* unit, const char* value) {
    return decode(
        std::string("time = { field = \"t\", unit = \"") + unit + "\", zone = \"+02:00\" }",
        std::string("{\"x\":1,\"t\":") + value + "}");
  };
  CHECK(at("s", "1541152486") == "at 2018-11-02T09:54:46Z: x=1");
  CHECK(at("s", "1788945292.88") == "at 2026-09-09T09:14:52.880Z: x=1");
  CHECK(at("s", "\"1788945292.88\"") == "at 2026-09-09T09:14:52.880Z: x=1");
  CHECK(at("ms", "1541152486013") == "at 2018-11-02T09:54:46.013Z: x=1");
  CHECK(at("ms", "1.541152486013e12") == "at 2018-11-02T09:54:46.013Z: x=1");
  CHECK(at("us", "1541152486013014") == "at 2018-11-02T09:54:46.013014Z: x=1");
  CHECK(at("ns", "1541152486013014999") == "at 2018-11-02T09:54:46.013014Z: x=1");
  CHECK(at("ns", "\"1541152486013014999\"") == "at 2018-11-02T09:54:46.013014Z: x=1");
  CHECK(at("rfc3339", "\"2020-10-06T13:42:14.332604900Z\"") ==
        "at 2020-10-06T13:42:14.332604Z: x=1");
  CHECK(at("rfc3339", "\"2020-02-26T20:44:09-01:00\"") == "at 2020-02-26T21:44:09Z: x=1");
  CHECK(at("rfc3339", "\"2020-02-26T20:44:09\"") == "at 2020-02-26T18:44:09Z: x=1");
  CHECK(at("ms", "null") == ": x=1");
  for (const char* broken :
       {"true", "{}", "[1]", "\"\"", "\"soon\"", "1e300", "9223372036854775807",
        "18446744073709551615", "-9223372036854775808", "\"2020-02-26T20:44:09Z\""})
    CHECK(at("ms", broken) == "refused: the time is there but can't be read as configured");
  CHECK(at("rfc3339", "1541152486").starts_with("refused: the time"));
}

TEST_CASE("a record with a broken time is dropped and counted, the others are taken") {
  const auto decoder = decoder_of(R"(each = "*"
                                     time = { field = "t", unit = "s" })");
  Decoded decoded;
  REQUIRE(decoder->decode(R"([{"t":"x","a":1},{"t":2,"a":2},{"a":3}])", decoded));
  CHECK(text_of(decoded, *decoder) == "at 1970-01-01T00:00:02Z: a=2\n: a=3");
  CHECK(decoded.bad_time == 1);
}

TEST_CASE("tags are texts, numbers or booleans, and what can't be one drops the record") {
  const char* options = "tags = { a = \"a\", b = \"b\" }";
  CHECK(decode(options, R"({"a":"x","b":-7,"v":1})") == "a=x b=-7 : v=1");
  CHECK(decode(options, R"({"a":true,"b":1.5,"v":1})") == "a=true b=1.5 : v=1");
  CHECK(decode(options, R"({"a":null,"v":1})") == "a= b= : v=1");
  CHECK(decode(options, R"({"a":18446744073709551615,"b":"é\u0000","v":1})") ==
        std::string("a=18446744073709551615 b=é") + '\0' + " : v=1");
  const char* refused = "refused: a tag is an array, an object or too long";
  CHECK(decode(options, R"({"a":[],"v":1})") == refused);
  CHECK(decode(options, R"({"a":{},"v":1})") == refused);
  CHECK(decode(options, "{\"a\":\"" + std::string(257, 'x') + "\",\"v\":1}") == refused);
  CHECK(decode(options, "{\"a\":\"" + std::string(256, 'x') + "\",\"v\":1}").size() > 256);
}

TEST_CASE("integers beyond 2^53 that a double does not hold are marked inexact") {
  CHECK(decode("", R"({"a":9007199254740991,"b":9007199254740992,"c":9007199254740993,
                       "d":9007199254740994,"e":-9007199254740993,"f":18446744073709551615})") ==
        ": a=9007199254740991 b=9007199254740992 c=9007199254740992~ d=9007199254740994 "
        "e=-9007199254740992~ f=18446744073709551616~");
  CHECK(decode("metrics = [\"a\"]", R"({"a":"9007199254740993"})") == ": a=9007199254740992~");
}

TEST_CASE("what is not JSON is refused with the reason") {
  const auto decoder = decoder_of("");
  const auto refused = [&](std::string_view payload, std::string_view why) {
    CHECK(decode(*decoder, payload) == "refused: not JSON: " + std::string(why));
  };
  refused("", "there is nothing but blanks");
  refused("  \n", "there is nothing but blanks");
  refused("{\"a\":\xff}", "it holds bytes that are not UTF-8");
  refused("{\"a\":\"\xc3\x28\"}", "it holds bytes that are not UTF-8");
  refused("\xEF\xBB\xBF{\"a\":1}", "it begins with a byte order mark");
  refused("{\"a\":1e999}", "a number is malformed or beyond what 64 bits hold");
  refused("{\"a\":123456789012345678901}", "a number is malformed or beyond what 64 bits hold");
  refused("{\"a\":01}", "a number is malformed or beyond what 64 bits hold");
  refused("{\"a\":nope}", "there is a word other than true, false and null");
  refused("{\"a\":\"x}", "a string is not closed");
  refused("{\"a\":\"\\q\"}", "a string holds an invalid escape");
  for (const char* broken :
       {"{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":1} x", "{\"a\":1}{\"a\":2}",
        "{\"a\":1", "[1,]", "{,}", "{\"a\":1,}", "{a:1}", "{'a':1}", "// {}", "{\"a\":\"\n\"}"})
    CHECK(decode(*decoder, broken).starts_with("refused: not JSON: "));
  CHECK(decode(*decoder, "{\"a\":1}") == ": a=1");
}

TEST_CASE("nesting is bounded") {
  CHECK(decode("", nested(100, "1")).ends_with(".a.a=1"));
  CHECK(decode("", nested(200, "1")) == "refused: not JSON: it is nested deeper than 128 levels");
  CHECK(decode("", std::string(1'000'000, '[')).starts_with("refused: not JSON"));
  CHECK(decode("", nested(200'000, "1")).starts_with("refused: not JSON"));
}

TEST_CASE("names are bounded, and a long one spoils only itself") {
  const auto decoder = decoder_of("");
  const std::string longest(name_bytes_max, 'k');
  Decoded decoded;
  REQUIRE(decoder->decode("{\"" + longest + "\":1,\"" + longest + "k\":2,\"" +
                              std::string(100'000, 'x') + "\":{\"a\":[1,2,3]}}",
                          decoded));
  CHECK(text_of(decoded, *decoder) == ": " + longest + "=1");
  CHECK(decoded.bad_name == 2);
}

TEST_CASE("the number of values in a message is bounded") {
  std::string text = "[0";
  for (std::size_t i = 1; i < json_values_max; ++i) text += ",1";
  Decoded decoded;
  CHECK(decoder_of("")->decode(text + "]", decoded));
  CHECK(decoded.values.size() == json_values_max);
  CHECK(decode("", text + ",1]") == "refused: it holds more than 100000 values");
  CHECK(decode("each = \"*\"", text + ",1,1,1]") == "refused: it holds more than 100000 values");
}

TEST_CASE("a megabyte is decoded in linear time, whatever its shape") {
  std::string keys = "{\"t\":1";
  for (int i = 0; i < 40'000; ++i) keys += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
  std::string records = ",\"list\":[{}";
  for (int i = 0; i < 40'000; ++i) records += ",{\"v\":1}";
  const std::string options = R"(each = "list.*"
                                 time = { field = "t", unit = "s" }
                                 tags = { host = "host", last = "k39999" }
                                 metrics = ["v", "absent"])";
  Decoded decoded;
  const auto decoder = decoder_of(options);
  const Result<void> result = decoder->decode(keys + records + "]}", decoded);
  REQUIRE(result);
  CHECK(decoded.records.size() == 40'000);
  CHECK(decoded.tags[1] == "39999");

  std::string same = "{\"a\":1";
  for (int i = 0; i < 90'000; ++i) same += ",\"a\":1";
  REQUIRE(decoder_of("")->decode(same + "}", decoded));
  CHECK(decoded.values.size() == 1);
}

TEST_CASE("the same payload decodes to the same, whatever came before it") {
  const auto decoder = decoder_of(R"(each = "*"
                                     time = { field = "t" })");
  const std::string payload = R"([{"t":1,"a":{"b":1}},{"a":{"b":2,"c":[3]}}])";
  const std::string first = decode(*decoder, payload);
  CHECK(first == "at 1970-01-01T00:00:00.001Z: a.b=1\n: a.b=2 a.c.0=3");
  Decoded decoded;
  for (const std::string& other :
       {std::string("{"), std::string("[[[[1]]]]"), std::string(200'000, '['), std::string()}) {
    (void)decoder->decode(other, decoded);
    CHECK(decode(*decoder, payload) == first);
  }
}

TEST_CASE("wrong options are problems with their place") {
  CHECK(problems_of("metrics = [\"a..b\"]").find("test.toml:2") != std::string::npos);
  CHECK(problems_of("metrics = [\"a..b\"]").find("a step of the path is empty") !=
        std::string::npos);
  CHECK(problems_of("metrics = [\"a.*\"]").find("* is only allowed in each") != std::string::npos);
  CHECK(problems_of("metrics = [\"a\", \"a\"]").find("stands here twice") != std::string::npos);
  CHECK(problems_of("metrics = [\"'a\"]").find("not closed") != std::string::npos);
  CHECK(problems_of("each = \"a.\"") != "");
  CHECK(problems_of("pairs = { name = \"n\" }").find("needs both") != std::string::npos);
  CHECK(problems_of("pairs = { name = \"n\", value = \"v\", vlaue = \"x\" }")
            .find("unknown key 'vlaue'") != std::string::npos);
  CHECK(problems_of("metrics = [\"a\"]\npairs = { name = \"n\", value = \"v\" }")
            .find("exclude each other") != std::string::npos);
  CHECK(problems_of("time = { field = \"t\", unit = \"minutes\" }") != "");
  CHECK(problems_of("time = { field = \"t\", zone = \"CET\" }").find("offset from UTC") !=
        std::string::npos);
  CHECK(problems_of("words = { a = inf }").find("finite number") != std::string::npos);
  CHECK(problems_of("metrics = [\"" + std::string(257, 'a') + "\"]").find("1 to 256 bytes") !=
        std::string::npos);
  CHECK(problems_of("metrics = []\neach = \"\"\npairs = {}\ntags = {}\nwords = {}\n"
                    "time = { field = \"\", unit = \"ms\", zone = \"Z\" }") == "");
}

TEST_CASE("a path reads back as it is written") {
  for (const char* text : {"a", "a.b.0", "params.switch:0.apower", "'a.b'.c", "a.'''it.s'.it's",
                           "''", "'*'", "*.a.*", "a b.ü"}) {
    const Result<JsonPath> path = parse_json_path(text, true);
    REQUIRE(path);
    CHECK(json_path_text(*path) == text);
  }
  CHECK((*parse_json_path("'a'.'b'"))[1].key == "b");
  for (const char* wrong : {"", ".", "a.", ".a", "a..b", "'a", "'a'b", "*"})
    CHECK_FALSE(parse_json_path(wrong));
}
