#include "config/params.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("a problem is one line: place, key, message") {
  CHECK(Problem{{"weir.toml", 12, 8}, "source[0].time.unit", "is wrong"}.text() ==
        "weir.toml:12:8: source[0].time.unit: is wrong");
  CHECK(Problem{{"weir.toml", 12, 8}, "", "is wrong"}.text() == "weir.toml:12:8: is wrong");
  CHECK(Problem{{"weir.toml", 0, 0}, "", "is wrong"}.text() == "weir.toml: is wrong");
  CHECK(Problem{{}, "key", "is wrong"}.text() == "key: is wrong");
}

TEST_CASE("problems are in the order of file, line and column, each once") {
  Problems problems;
  CHECK(problems.empty());
  problems.add({"b", 1, 1}, "k", "1");
  problems.add({"a", 10, 1}, "k", "2");
  problems.add({"a", 9, 2}, "k", "3");
  problems.add({"a", 9, 1}, "k", "4");
  problems.add({"a", 9, 1}, "k", "5");
  problems.add({"a", 9, 1}, "k", "4");
  problems.add({"a", 0, 0}, "", "6");
  CHECK_FALSE(problems.empty());
  CHECK(problems.list().size() == 6);
  CHECK(problems.text() ==
        "a: 6\na:9:1: k: 4\na:9:1: k: 5\na:9:2: k: 3\na:10:1: k: 2\nb:1:1: k: 1\n");
}

TEST_CASE("the nearest word is near") {
  const std::vector<std::string> known = {"lateness", "qos", "url", "max_size", "client_id"};
  CHECK(nearest_word("latness", known) == "lateness");
  CHECK(nearest_word("lateness", known) == "lateness");
  CHECK(nearest_word("laetness", known) == "lateness");
  CHECK(nearest_word("QoS", known) == "qos");
  CHECK(nearest_word("maxsize", known) == "max_size");
  CHECK(nearest_word("max-size", known) == "max_size");
  CHECK(nearest_word("clientId", known) == "client_id");
  CHECK(nearest_word("qo", known) == "qos");
  CHECK(nearest_word("lru", known) == "");
  CHECK(nearest_word("ur", known) == "url");
}

TEST_CASE("a word with nothing near has no nearest") {
  CHECK(nearest_word("broker", {"lateness", "qos"}) == "");
  CHECK(nearest_word("", {"a"}) == "");
  CHECK(nearest_word("a", {}) == "");
  CHECK(nearest_word("a", {""}) == "");
  CHECK(nearest_word("xyz", {"abc"}) == "");
  CHECK(nearest_word(std::string(1'000'000, 'a'), {std::string(1'000'000, 'a')}) == "");
}

TEST_CASE("of two words as near the first is taken") {
  CHECK(nearest_word("cat", {"bat", "hat"}) == "bat");
  CHECK(nearest_word("cat", {"hat", "bat"}) == "hat");
}
