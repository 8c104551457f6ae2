#include "firmware-bridge/mqtt_pace.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

TEST_CASE("a wide window is read at a pace, a full one at once") {
  MqttPace pace;
  CHECK(pace.pause() == MqttPace::interval);
  for (const unsigned waited : {80U, 75U, 90U, 60U, 85U, 70U, 110U, 40U}) pace.acknowledged(waited);
  CHECK_FALSE(pace.window_limited());

  for (int i = 0; i < 8; ++i) pace.acknowledged(1000);
  CHECK(pace.window_limited());
  CHECK(pace.pause() == Duration(0));
  pace.acknowledged(990);  // one round that is not full changes nothing
  CHECK(pace.window_limited());
  for (int i = 0; i < 8; ++i) pace.acknowledged(10);
  CHECK_FALSE(pace.window_limited());
}

TEST_CASE("rounds without messages say nothing about the window") {
  MqttPace pace;
  for (int i = 0; i < 100; ++i) pace.acknowledged(0);
  CHECK_FALSE(pace.window_limited());
}
