#include "runtime/kafka_position.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("a position is written as readable JSON and reads back") {
  const Position position{{1, 18446744073709551615U, 0, 42}, timestamp_us(-17)};
  const std::string text = encode_position(position);
  CHECK(text == R"({"v":1,"delivered":{"alerts":1,"live":18446744073709551615,)"
                R"("late":0,"backlog":42},"newest":-17})");
  CHECK(decode_position(text) == position);
}

TEST_CASE("nothing else is taken for a position") {
  const std::string good = encode_position(Position{{1, 2, 3, 4}, timestamp_us(5)});
  for (std::size_t i = 0; i < good.size(); ++i) {
    CHECK_FALSE(decode_position(good.substr(0, i)));
    if (good[i] < '0' || good[i] > '9') {
      std::string bad = good;
      bad[i] = '~';
      CHECK_FALSE(decode_position(bad));
    }
  }
  CHECK_FALSE(decode_position(good + " "));
  CHECK_FALSE(decode_position(R"({"v":2,"delivered":{"alerts":1,"live":2,"late":3,"backlog":4}})"));
  CHECK_FALSE(
      decode_position(R"({"v":1,"delivered":{"alerts":-1,"live":2,"late":3,"backlog":4}})"));
  CHECK_FALSE(decode_position(
      R"({"v":1,"delivered":{"alerts":18446744073709551616,"live":2,"late":3,"backlog":4}})"));
}
