// A real broker that refuses: records that are too large, topics that are gone, missing rights.
// Whatever it is, what can be delivered arrives once, the rest waits, and the status says why.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/kafka/scene.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/kafka_admin.hpp"

using namespace weir;

namespace {

constexpr std::chrono::seconds patience(60);

/// A gateway of the scene: outbox, uplink and sink, and what an engine would do.
struct Sender {
  explicit Sender(const Scene& of, KafkaOptions options)
      : scene(of),
        sink(std::move(options), of.gateway, of.epoch, Log()),
        uplink(of.uplink_options(), outbox, sink, {}) {}
  explicit Sender(const Scene& of) : Sender(of, of.options()) {}

  void add(int rows, const std::string& topic) {
    for (int i = 0; i < rows; ++i)
      outbox.add(Lane::live, sample_output("m" + std::to_string(i), topic));
  }
  void step() {
    uplink.step(timeout);
    Uplink::Feedback feedback = uplink.take_feedback();
    positions_lost += feedback.position_lost ? 1 : 0;
    for (const auto& letter : feedback.dead_letters) refused.push_back(letter.message);
    outbox.apply(feedback);
  }
  bool drain() {
    return test::eventually(
        [&] {
          if (outbox.size() > 0) step();
          return outbox.size() == 0;
        },
        patience);
  }
  /// Until the sink says that it is in trouble with all of these words in its sentence.
  std::string trouble_about(const std::vector<std::string>& words) {
    const bool said = test::eventually(
        [&] {
          step();
          const Sink::Status status = sink.status();
          return !status.connected && std::ranges::all_of(words, [&](const std::string& word) {
            return status.state.find(word) != std::string::npos;
          });
        },
        patience);
    return said ? "" : "the status is: " + sink.status().state;
  }

  const Scene& scene;
  FakeOutbox outbox;
  KafkaSink sink;
  Uplink uplink;
  std::vector<std::string> refused;
  int positions_lost = 0;
  Duration timeout = 10s;  ///< of a step; what a topic that vanishes under a transaction may cost
};

/// A scene in which weir is a user whom ACLs bind; false if there is none.
bool bind(Scene& scene) {
  if (!scene || real_kafka_sasl().empty()) return false;
  scene.as_user_weir = true;
  return true;
}

/// A broker of the test's own, which makes no topic by itself.
class StrictBroker {
 public:
  StrictBroker() {
    ::setenv("WEIR_KAFKA_PROPERTIES", "auto.create.topics.enable=false", 1);
    started_ = run("start");
    ::unsetenv("WEIR_KAFKA_PROPERTIES");
  }
  ~StrictBroker() { run("clean"); }
  StrictBroker(const StrictBroker&) = delete;
  StrictBroker& operator=(const StrictBroker&) = delete;

  std::string address() const {
    std::string text;
    if (started_) std::getline(std::ifstream(directory_ + "/brokers") >> std::ws, text);
    return text;
  }

 private:
  bool run(const std::string& command) const {
    const std::string line = std::string(WEIR_SOURCE_DIR) + "/tests/kafka/broker.sh " + command +
                             " " + directory_ + " >/dev/null";
    return std::system(line.c_str()) == 0;
  }

  const std::string directory_ =
      (std::filesystem::temp_directory_path() / unique_name("weir-kafka")).string();
  bool started_ = false;
};

}  // namespace

TEST_CASE("one row beyond any limit of size goes to the dead letters, all others arrive once") {
  struct Limit {
    const char* whose;
    std::size_t row;
    const char* client;  ///< message.max.bytes of librdkafka; null: 1 000 000
    const char* topic;   ///< max.message.bytes; null: the broker's, 1 048 588
  };
  const Limit limit = GENERATE(Limit{"the client's", 1'010'000, nullptr, "3000000"},
                               Limit{"the topic's", 8'000, nullptr, "4000"},
                               Limit{"the broker's", 1'500'000, "3000000", nullptr});
  const Scene scene;
  if (!scene) return;
  INFO(limit.whose);
  if (limit.topic != nullptr)
    create_topic(scene.brokers, scene.topic, 1, {{"max.message.bytes", limit.topic}});
  KafkaOptions options = scene.options();
  options.compression = "none";
  if (limit.client != nullptr) options.properties = {{"message.max.bytes", limit.client}};
  Sender sender(scene, options);
  sender.add(60, scene.topic);
  Output large = sample_output("large", scene.topic);
  large.metric += noise(limit.row);
  sender.outbox.add(Lane::live, std::move(large));
  sender.add(60, scene.topic);
  REQUIRE(sender.drain());
  REQUIRE(sender.refused.size() == 1);
  CHECK(sender.refused[0].find("Message size too large") != std::string::npos);
  auto expected = range(1, 121);
  expected.erase(61);
  CHECK(committed_seqs(scene) == expected);
}

TEST_CASE("a topic that is deleted and made again, by itself or smaller, gets all that follows") {
  const int partitions = GENERATE(0, 2);
  const Scene scene;
  if (!scene) return;
  create_topic(scene.brokers, scene.topic, 6);
  Sender sender(scene);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  sender.timeout = 3s;
  delete_topic(scene.brokers, scene.topic);
  if (partitions > 0) create_topic(scene.brokers, scene.topic, partitions);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  CHECK(committed_seqs(scene) == range(101, 200));
  CHECK(sender.refused.empty());
  CHECK(sender.positions_lost == 0);
}

TEST_CASE("results wait for a topic that is gone and not made by the cluster, and arrive once") {
  if (real_kafka_brokers().empty()) return;
  const StrictBroker broker;
  Scene scene;
  scene.brokers = broker.address();
  REQUIRE(scene);
  const std::string alerts = scene.topic + "-alerts";
  create_topic(scene.brokers, scene.topic, 1);
  create_topic(scene.brokers, alerts, 1);
  Sender sender(scene);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  sender.timeout = 3s;
  delete_topic(scene.brokers, scene.topic);
  sender.add(100, scene.topic);
  for (int i = 0; i < 10; ++i) sender.outbox.add(Lane::alerts, sample_output("a", alerts));
  CHECK(sender.trouble_about({"kafka-topics.sh --create --topic " + scene.topic}) == "");
  // Those of a lane before it get through, the rest waits.
  CHECK(test::eventually(
      [&] {
        sender.step();
        return sender.outbox.size() == 100;
      },
      patience));
  CHECK(sender.refused.empty());
  create_topic(scene.brokers, scene.topic, 1);
  REQUIRE(sender.drain());
  CHECK(sender.sink.status().connected);
  CHECK(committed_seqs(scene) == range(101, 200));
  KafkaConsumer consumer(scene.brokers, alerts);
  CHECK(consumer.read_to_end().size() == 10);
}

TEST_CASE("a position topic that is deleted under a running weir costs nothing, repeats nothing") {
  const Scene scene;
  if (!scene) return;
  Sender sender(scene);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  sender.timeout = 3s;
  delete_topic(scene.brokers, scene.position_topic);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  CHECK(sender.positions_lost == 1);
  CHECK(sender.sink.status().delivery == "exactly-once");
  CHECK(topic_config(scene.brokers, scene.position_topic, "cleanup.policy") == "compact");
  CHECK(committed_seqs(scene) == range(1, 200));
  CHECK(scene.sink()->open(20s).value()->delivered == live(200).delivered);
}

TEST_CASE("a position topic that was deleted while weir was down is said, not taken for a start") {
  const Scene scene;
  if (!scene) return;
  {
    Sender before(scene);
    before.add(100, scene.topic);
    REQUIRE(before.drain());
  }
  delete_topic(scene.brokers, scene.position_topic);
  Sender after(scene);
  after.uplink.set_past({.confirmed = true});  // as the engine does, whose ledger has deliveries
  after.add(100, scene.topic + "-2");
  REQUIRE(after.drain());
  CHECK(after.positions_lost == 1);
  CHECK(scene.sink()->open(20s).value()->delivered == live(100).delivered);
}

TEST_CASE("without a right to its transactional id weir goes on, says so, and comes back") {
  const AclOperation operation = GENERATE(AclOperation::write, AclOperation::describe);
  Scene scene;
  if (!bind(scene)) return;
  KafkaOptions options = scene.options();
  options.ask_again_after = 300ms;
  AclDenial denial(scene.brokers, AclResource::transactional_id, "weir-" + scene.gateway,
                   operation);
  Sender sender(scene, options);
  sender.add(10, scene.topic);
  REQUIRE(sender.drain());
  CHECK(sender.sink.status().delivery == "at-least-once");
  CHECK(sender.sink.status().state.find("kafka-acls.sh --add") != std::string::npos);
  CHECK(sender.sink.status().state.find("--transactional-id weir-" + scene.gateway) !=
        std::string::npos);
  denial.lift();
  int rows = 10;
  CHECK(test::eventually([&] {
    sender.add(1, scene.topic);
    ++rows;
    return sender.drain() && sender.sink.status().delivery == "exactly-once";
  }));
  CHECK(committed_seqs(scene) == range(1, static_cast<std::uint64_t>(rows)));
  CHECK(scene.sink()->open(20s).value()->delivered ==
        live(static_cast<std::uint64_t>(rows)).delivered);
}

TEST_CASE("a transactional id that is forbidden under a running weir repeats nothing") {
  Scene scene;
  if (!bind(scene)) return;
  KafkaOptions options = scene.options();
  options.ask_again_after = 300ms;
  Sender sender(scene, options);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  CHECK(sender.sink.status().delivery == "exactly-once");
  AclDenial denial(scene.brokers, AclResource::transactional_id, "weir-" + scene.gateway,
                   AclOperation::write);
  sender.add(100, scene.topic);
  REQUIRE(sender.drain());
  CHECK(sender.sink.status().delivery == "at-least-once");
  denial.lift();
  CHECK(test::eventually([&] {
    sender.step();
    return sender.sink.status().delivery == "exactly-once" || (sender.add(1, scene.topic), false);
  }));
  REQUIRE(sender.drain());
  const auto found = committed_seqs(scene);
  CHECK(found == range(1, *found.rbegin()));
  CHECK(sender.positions_lost == 0);
}

TEST_CASE("without the right to write one topic of three its rows wait, and the status names it") {
  Scene scene;
  if (!bind(scene)) return;
  const std::string topics[] = {scene.topic + "-a", scene.topic, scene.topic + "-b"};
  for (const std::string& topic : topics) create_topic(scene.brokers, topic, 1);
  Sender sender(scene);
  AclDenial denial(scene.brokers, AclResource::topic, scene.topic, AclOperation::write);
  for (const Lane lane : {Lane::alerts, Lane::live, Lane::backlog}) {
    for (int i = 0; i < 10; ++i)
      sender.outbox.add(lane, sample_output("m", topics[static_cast<std::size_t>(lane) % 3]));
  }
  CHECK(sender.trouble_about({"may not write", "kafka-acls.sh --add", "--topic " + scene.topic}) ==
        "");
  denial.lift();
  REQUIRE(sender.drain());
  CHECK(sender.refused.empty());
  CHECK(sender.sink.status().state.starts_with("transactions as"));
  std::size_t total = 0;
  for (const std::string& topic : topics)
    total += KafkaConsumer(scene.brokers, topic).read_to_end().size();
  CHECK(total == 30);
}

TEST_CASE("without the right to read the position weir waits, and goes on once it has it") {
  const bool made = GENERATE(true, false);
  Scene scene;
  if (!bind(scene)) return;
  if (made) create_topic(scene.brokers, scene.position_topic, 1, {{"cleanup.policy", "compact"}});
  AclDenial denial(scene.brokers, AclResource::topic, scene.position_topic, AclOperation::read);
  Sender sender(scene);
  sender.add(10, scene.topic);
  CHECK(sender.trouble_about({"may not read position topic", "kafka-acls.sh --add",
                              "--operation Read --topic " + scene.position_topic}) == "");
  CHECK(sender.outbox.size() == 10);
  denial.lift();
  REQUIRE(sender.drain());
  CHECK(sender.sink.status().delivery == "exactly-once");
  CHECK(committed_seqs(scene) == range(1, 10));
}
