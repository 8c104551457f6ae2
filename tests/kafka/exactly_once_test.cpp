// KafkaSink and Uplink against a real Apache Kafka broker: what arrives at a read_committed
// consumer, whatever happens on the way.

#include "runtime/kafka_position.hpp"
#include "tests/kafka/scene.hpp"

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("the first session makes its topics, the position topic compacted") {
  const Scene scene;
  if (!scene) return;
  auto sink = scene.sink();
  const auto position = sink->open(20s);
  REQUIRE(trouble(position) == "");
  CHECK_FALSE(*position);
  CHECK(topic_config(scene.brokers, scene.position_topic, "cleanup.policy") == "compact");
  REQUIRE(trouble(sink->publish(scene.records(1, 3), live(3), 10s)) == "");
  KafkaConsumer consumer(scene.brokers, scene.topic);
  CHECK(values(consumer.read(3)) == std::vector<std::string>{"1", "2", "3"});
  CHECK(sink->status().delivery == "exactly-once");
}

TEST_CASE("the position survives sinks, and belongs to one gateway and one database") {
  Scene scene;
  if (!scene) return;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    auto sink = scene.sink();
    const auto position = sink->open(20s);
    REQUIRE(trouble(position) == "");
    CHECK(position->value_or(Position{}) == live(10 * (i - 1)));
    REQUIRE(trouble(sink->publish(scene.records(1, 10), live(10 * i), 10s)) == "");
  }
  scene.epoch = "another database";
  CHECK_FALSE(scene.sink()->open(20s).value());
}

TEST_CASE("until when the centre knows a gateway's results is known over all its databases") {
  Scene scene;
  if (!scene) return;
  const auto known_until = [&](std::int64_t us) {
    Position position = live(1);
    position.newest = timestamp_us(us);
    auto sink = scene.sink();
    REQUIRE(trouble(sink->open(20s)) == "");
    REQUIRE(trouble(sink->publish(scene.records(1, 1), position, 10s)) == "");
  };
  known_until(2'000);
  const std::string first = std::exchange(scene.epoch, "another database");
  known_until(1'000);
  for (const std::string& epoch : {scene.epoch, first}) {
    scene.epoch = epoch;
    CHECK(scene.sink()->open(20s).value()->newest == timestamp_us(2'000));
  }
  scene.epoch = "a third, of which nothing is known";
  CHECK(scene.sink()->open(20s).value() == Position{{}, timestamp_us(2'000)});
  scene.gateway += "0";  // begins like the other
  known_until(500);
  CHECK(scene.sink()->open(20s).value()->newest == timestamp_us(500));
}

TEST_CASE("a zombie of the same gateway is fenced and its rows are never seen") {
  const Scene scene;
  if (!scene) return;
  auto zombie = scene.sink();
  REQUIRE(trouble(zombie->open(20s)) == "");
  REQUIRE(trouble(zombie->publish(scene.records(1, 5), live(5), 10s)) == "");
  auto successor = scene.sink();
  CHECK(successor->open(20s).value() == live(5));
  CHECK_FALSE(zombie->publish(scene.records(100, 105), live(105), 10s));
  CHECK_FALSE(zombie->status().connected);
  REQUIRE(trouble(successor->publish(scene.records(6, 10), live(10), 10s)) == "");
  KafkaConsumer consumer(scene.brokers, scene.topic);
  CHECK(values(consumer.read_to_end()) ==
        std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
}

TEST_CASE("rows of an aborted transaction are invisible to read_committed") {
  const Scene scene;
  if (!scene) return;
  create_topic(scene.brokers, scene.topic, 1, {{"max.message.bytes", "4000"}});
  auto sink = scene.sink();
  REQUIRE(trouble(sink->open(20s)) == "");
  REQUIRE(trouble(sink->publish(scene.records(1, 2), live(2), 10s)) == "");
  // One row goes to another topic, its neighbour is refused. Which of the two the cluster sees
  // first is a race, so once more until a row was really written and aborted.
  std::vector<SinkRecord> batch = {scene.record("aborted"), scene.record(noise(8000))};
  batch[0].topic = scene.topic + "-good";
  create_topic(scene.brokers, batch[0].topic, 1);
  KafkaConsumer dirty(scene.brokers, batch[0].topic, KafkaConsumer::Isolation::read_uncommitted);
  for (int i = 0; i < 50 && dirty.read_to_end().empty(); ++i) {
    const auto refused = sink->publish(batch, live(4), 10s);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid);
    CHECK(sink->rejected() == 1);
    CHECK(sink->open(20s).value() == live(2));
  }
  batch.pop_back();
  batch[0].value = "committed";
  REQUIRE(trouble(sink->publish(batch, live(4), 10s)) == "");
  CHECK(values(dirty.read_to_end()) == std::vector<std::string>{"aborted", "committed"});
  KafkaConsumer clean(scene.brokers, batch[0].topic);
  CHECK(values(clean.read_to_end()) == std::vector<std::string>{"committed"});
}

TEST_CASE("another gateway's open transaction never hides our position") {
  const Scene scene;
  if (!scene) return;
  REQUIRE(trouble(scene.sink()->open(20s)) == "");  // makes the topic
  OpenTransaction other(scene.brokers, unique_name("other"), scene.position_topic);
  {
    auto sink = scene.sink();
    // It must wait for the other to end, so it gives up in time …
    const auto waiting = sink->open(2s);
    REQUIRE_FALSE(waiting);
    CHECK(waiting.error().kind == ErrorKind::unavailable);
    other.abort();
    // … and goes on once it has.
    REQUIRE(trouble(sink->open(20s)) == "");
    REQUIRE(trouble(sink->publish(scene.records(1, 5), live(5), 10s)) == "");
  }
  OpenTransaction again(scene.brokers, unique_name("other"), scene.position_topic);
  {
    auto sink = scene.sink();
    const auto position = sink->open(2s);
    // Our record stands before the open transaction, but the end stands behind it.
    CHECK((!position || *position == live(5)));
  }
  again.abort();
  CHECK(scene.sink()->open(20s).value() == live(5));
}

TEST_CASE("a position topic that is not compacted is refused with the command that helps") {
  const Scene scene;
  if (!scene) return;
  create_topic(scene.brokers, scene.position_topic, 1, {{"cleanup.policy", "delete"}});
  auto sink = scene.sink();
  const auto refused = sink->open(20s);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK(refused.error().message.find("kafka-configs.sh") != std::string::npos);
  CHECK(sink->status().state == refused.error().message);
  CHECK_FALSE(sink->open(20s));
}

TEST_CASE("who only looks finds the position, makes no topic and fences nobody") {
  const Scene scene;
  if (!scene) return;
  const std::atomic<bool> cancelled = false;
  const auto look = [&] {
    return find_position(scene.options().client_settings(), scene.position_topic,
                         position_key(scene.gateway, scene.epoch), Patience(20s, cancelled));
  };
  for (int i = 0; i < 2; ++i) {
    const auto missing = look();
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == ErrorKind::unsupported);
    CHECK(missing.error().message.find("kafka-topics.sh --create") != std::string::npos);
  }
  auto sink = scene.sink();
  REQUIRE(trouble(sink->open(20s)) == "");
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    REQUIRE(trouble(sink->publish(scene.records(1, 1), live(seq), 10s)) == "");
    const auto found = look();
    REQUIRE(trouble(found) == "");
    CHECK(found->position == live(seq));
    CHECK(found->notice == "");
  }
}

TEST_CASE("positions may be spread over several partitions") {
  const Scene scene;
  if (!scene) return;
  create_topic(scene.brokers, scene.position_topic, 5, {{"cleanup.policy", "compact"}});
  for (std::uint64_t i = 1; i <= 2; ++i) {
    auto sink = scene.sink();
    REQUIRE(trouble(sink->open(20s)) == "");
    REQUIRE(trouble(sink->publish(scene.records(1, 1), live(i), 10s)) == "");
  }
  CHECK(scene.sink()->open(20s).value() == live(2));
}

TEST_CASE("a timestamp a year ahead is replaced, the record arrives") {
  const Scene scene;
  if (!scene) return;
  auto sink = scene.sink();
  REQUIRE(trouble(sink->open(20s)) == "");
  REQUIRE(trouble(sink->publish(scene.records(1, 1), live(1), 10s)) == "");
  auto ahead = scene.records(2, 3);
  ahead[1].timestamp = std::chrono::floor<Duration>(std::chrono::system_clock::now()) + 8760h;
  REQUIRE(trouble(sink->publish(ahead, live(3), 20s)) == "");
  KafkaConsumer consumer(scene.brokers, scene.topic);
  const auto& found = consumer.read_to_end();
  CHECK(values(found) == std::vector<std::string>{"1", "2", "3"});
  CHECK(found.back().timestamp_ms == 1'700'000'000'000);
}

TEST_CASE("several topics are written in one transaction") {
  const Scene scene;
  if (!scene) return;
  auto sink = scene.sink();
  REQUIRE(trouble(sink->open(20s)) == "");
  auto batch = scene.records(1, 3);
  for (int i = 0; i < 3; ++i) {
    batch.push_back(scene.record("other"));
    batch.back().topic = scene.topic + "-" + std::to_string(i);
  }
  REQUIRE(trouble(sink->publish(batch, live(6), 20s)) == "");
  KafkaConsumer consumer(scene.brokers, scene.topic + "-2");
  CHECK(values(consumer.read(1)) == std::vector<std::string>{"other"});
  CHECK(sink->status().transactions == 1);
}
