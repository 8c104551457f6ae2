#include "firmware-bridge/topic.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

/// "no", or "yes" and the captures: "yes a b".
std::string match(std::string_view pattern, std::string_view topic) {
  const Result<TopicTemplate> parsed = TopicTemplate::parse(pattern);
  REQUIRE(parsed);
  std::vector<std::string_view> values = {"left over"};
  if (!parsed->match(topic, values)) return "no";
  REQUIRE(values.size() == parsed->names().size());
  std::string text = "yes";
  for (const std::string_view value : values) text += ' ' + std::string(value);
  return text;
}

std::string problem(std::string_view pattern) {
  const Result<TopicTemplate> parsed = TopicTemplate::parse(pattern);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("a template subscribes with wildcards where it captures") {
  const auto parsed = TopicTemplate::parse("plant/{line}/+/{device#}");
  REQUIRE(parsed);
  CHECK(parsed->filter() == "plant/+/+/#");
  CHECK(parsed->names() == std::vector<std::string>{"line", "device"});
  CHECK(TopicTemplate::parse("a/b")->filter() == "a/b");
  CHECK(TopicTemplate::parse("#")->filter() == "#");
  CHECK(TopicTemplate::parse("/{a}/")->filter() == "/+/");
}

TEST_CASE("a capture takes one level, a capture with # the rest") {
  CHECK(match("plant/{line}/{device}/state", "plant/l1/d1/state") == "yes l1 d1");
  CHECK(match("plant/{line}/{device}/state", "plant/l1/d1") == "no");
  CHECK(match("plant/{line}/{device}/state", "plant/l1/d1/state/x") == "no");
  CHECK(match("plant/{line}/{device}/state", "plant/l1/d1/status") == "no");
  CHECK(match("zigbee2mqtt/{device#}", "zigbee2mqtt/kitchen/north/lamp") ==
        "yes kitchen/north/lamp");
  CHECK(match("{a}/+/{b#}", "x/y/z") == "yes x z");
}

TEST_CASE("wildcards match as MQTT 3.1.1 section 4.7 has it") {
  CHECK(match("sport/tennis/player1/#", "sport/tennis/player1") == "yes");
  CHECK(match("sport/tennis/player1/#", "sport/tennis/player1/ranking") == "yes");
  CHECK(match("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon") == "yes");
  CHECK(match("sport/#", "sport") == "yes");
  CHECK(match("sport/#", "sports") == "no");
  CHECK(match("#", "a/b/c") == "yes");
  CHECK(match("#", "/") == "yes");
  CHECK(match("sport/tennis/+", "sport/tennis/player1") == "yes");
  CHECK(match("sport/tennis/+", "sport/tennis/player1/ranking") == "no");
  CHECK(match("sport/+", "sport") == "no");
  CHECK(match("sport/+", "sport/") == "yes");
  CHECK(match("+/+", "/finance") == "yes");
  CHECK(match("/+", "/finance") == "yes");
  CHECK(match("+", "/finance") == "no");
  CHECK(match("ACCOUNTS", "Accounts") == "no");
}

TEST_CASE("a leading wildcard or capture does not match topics that begin with $") {
  CHECK(match("#", "$SYS/broker/uptime") == "no");
  CHECK(match("+/monitor/Clients", "$SYS/monitor/Clients") == "no");
  CHECK(match("{any}/x", "$SYS/x") == "no");
  CHECK(match("{any#}", "$SYS/x") == "no");
  CHECK(match("$SYS/#", "$SYS/broker/uptime") == "yes");
  CHECK(match("$SYS/{what}/x", "$SYS/monitor/x") == "yes monitor");
  CHECK(match("a/+", "a/$b") == "yes");
}

TEST_CASE("empty levels are levels, and a capture of the rest needs one") {
  CHECK(match("a/{b}/c", "a//c") == "yes ");
  CHECK(match("a//c", "a//c") == "yes");
  CHECK(match("a/{rest#}", "a") == "no");
  CHECK(match("a/{rest#}", "a/") == "yes ");
  CHECK(match("a", "") == "no");
  CHECK(match("#", "") == "no");
}

TEST_CASE("a wrong template is refused with its place") {
  CHECK(problem("a/{}/b") == "at character 3: a capture needs a name");
  CHECK(problem("a/{#}") == "at character 3: a capture needs a name");
  CHECK(problem("{a}/{a}") == "at character 5: two captures have the name 'a'");
  CHECK(problem("a/#/b") == "at character 3: # stands only at the end of a topic");
  CHECK(problem("a/{b#}/c") == "at character 3: # stands only at the end of a topic");
  CHECK(problem("a/#/").find("# stands only at the end") != std::string::npos);
  CHECK(problem("a/b+").find("takes a whole level") != std::string::npos);
  CHECK(problem("a/x{b}").find("takes a whole level") != std::string::npos);
  CHECK(problem("a/{b").find("takes a whole level") != std::string::npos);
  CHECK(problem("a/{b{c}}").find("holds none of") != std::string::npos);
  CHECK(problem(std::string_view("a\0b", 3)) == "at character 2: a topic holds no NUL");
  CHECK(problem("") != "");
  CHECK(problem(std::string(65536, 'a')) != "");
  CHECK(problem(std::string(65535, 'a')) == "");
}

TEST_CASE("a topic of 64 KiB and one of slashes only match without harm") {
  CHECK(match("{a}", std::string(65535, 'x')).size() == 65535 + 4);
  CHECK(match("+/{rest#}", std::string(65535, '/')).size() == 65534 + 4);
  CHECK(match("a/b", std::string(65535, '/')) == "no");
}
