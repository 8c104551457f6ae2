// KafkaSink against librdkafka's mock cluster: errors, outages, fallbacks. What "exactly once"
// means is shown in tests/kafka, with a real broker.

#include "runtime/kafka_sink.hpp"

#include <map>
#include <mutex>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/kafka_consumer.hpp"
#include "tests/support/mock_kafka.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

KafkaOptions options_for(const std::string& brokers) {
  KafkaOptions options;
  options.brokers = {brokers};
  options.transaction_timeout = 10s;
  options.properties = {{"reconnect.backoff.max.ms", "200"}, {"retry.backoff.ms", "10"}};
  return options;
}

KafkaSink make_sink(const MockKafka& kafka, const std::string& epoch = "epoch") {
  return KafkaSink(options_for(kafka.brokers()), "gw", epoch, {});
}

SinkRecord record(const std::string& value, const std::string& topic = "rows") {
  SinkRecord result;
  result.topic = topic;
  result.key = "key-" + value;
  result.value = value;
  result.timestamp = timestamp_us(1'700'000'000'123'456);
  result.headers = {{"weir-seq", value}, {"weir-kind", "rollup"}};
  return result;
}

std::vector<SinkRecord> records(int n) {
  std::vector<SinkRecord> result;
  for (int i = 0; i < n; ++i) result.push_back(record(std::to_string(i)));
  return result;
}

Position live(std::uint64_t seq) {
  return Position{{0, seq, 0, 0}};
}

template <class T>
std::string trouble(const Result<T>& result) {
  return result ? "" : result.error().message;
}

std::vector<std::string> values(const KafkaConsumer::Records& found) {
  std::vector<std::string> result;
  for (const ConsumedRecord& item : found) result.push_back(item.value);
  return result;
}

}  // namespace

TEST_CASE("a record arrives with its key, value, time and headers") {
  const MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  const auto position = sink.open(10s);
  REQUIRE(position);
  CHECK_FALSE(*position);
  REQUIRE(trouble(sink.publish(records(1), live(1), 10s)) == "");
  KafkaConsumer consumer(kafka.brokers(), "rows");
  const auto& found = consumer.read(1);
  REQUIRE(found.size() == 1);
  CHECK(found[0].key == "key-0");
  CHECK(found[0].value == "0");
  CHECK(found[0].timestamp_ms == 1'700'000'000'123);
  CHECK(found[0].headers ==
        std::map<std::string, std::string>{{"weir-seq", "0"}, {"weir-kind", "rollup"}});
  const auto status = sink.status();
  CHECK(status.connected);
  CHECK(status.delivery == "exactly-once");
  CHECK(status.records == 1);
  CHECK(status.transactions == 1);
}

TEST_CASE("the next sink of the same gateway and database finds the position, others do not") {
  const MockKafka kafka;
  {
    KafkaSink sink = make_sink(kafka);
    REQUIRE(trouble(sink.open(10s)) == "");
    for (std::uint64_t seq = 1; seq <= 5; ++seq)
      REQUIRE(trouble(sink.publish(records(1), Position{{seq, 10 * seq, 0, 7}}, 10s)) == "");
  }
  CHECK(make_sink(kafka).open(10s).value() == Position{{5, 50, 0, 7}});
  CHECK_FALSE(make_sink(kafka, "another database").open(10s).value());
}

TEST_CASE("a new database of a gateway hears until when those before it told results") {
  const MockKafka kafka;
  Position position{{5, 50, 0, 7}};
  position.newest = timestamp_us(1'000);
  {
    KafkaSink sink = make_sink(kafka);
    REQUIRE(trouble(sink.open(10s)) == "");
    REQUIRE(trouble(sink.publish(records(1), position, 10s)) == "");
  }
  KafkaSink sink = make_sink(kafka, "another database");
  CHECK(sink.open(10s).value() == Position{{}, position.newest});
  REQUIRE(trouble(sink.publish(records(1), Position{{0, 1, 0, 0}, position.newest}, 10s)) == "");
}

TEST_CASE("a cluster that is away makes open unavailable in time, and works once it is there") {
  MockKafka kafka;
  kafka.go_down();
  KafkaSink sink = make_sink(kafka);
  const auto begun = std::chrono::steady_clock::now();
  const auto away = sink.open(300ms);
  CHECK(std::chrono::steady_clock::now() - begun < 3s);
  REQUIRE_FALSE(away);
  CHECK(away.error().kind == ErrorKind::unavailable);
  CHECK_FALSE(sink.status().connected);
  CHECK_FALSE(sink.status().state.empty());
  kafka.go_up();
  CHECK(trouble(sink.open(20s)) == "");
  CHECK(sink.status().connected);
}

TEST_CASE("after an outage in the middle the sink says what really arrived") {
  MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  REQUIRE(trouble(sink.publish(records(3), live(3), 10s)) == "");
  kafka.go_down();
  const auto lost = sink.publish(records(3), live(6), 500ms);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind != ErrorKind::invalid);
  CHECK_FALSE(sink.status().connected);
  CHECK(sink.publish(records(3), live(6), 500ms).error().kind == ErrorKind::unavailable);
  kafka.go_up();
  const auto position = sink.open(20s);
  REQUIRE(position);
  CHECK((*position == live(3) || *position == live(6)));
  CHECK(trouble(sink.publish(records(3), live(9), 10s)) == "");
}

TEST_CASE("errors that pass are retried inside a publish") {
  MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  kafka.fail_next(KafkaRequest::produce, {KafkaFault::request_timed_out, KafkaFault::disconnect});
  kafka.fail_next(KafkaRequest::add_partitions_to_txn, {KafkaFault::concurrent_transactions});
  kafka.fail_next(KafkaRequest::end_txn, {KafkaFault::coordinator_not_available});
  REQUIRE(trouble(sink.publish(records(10), live(10), 10s)) == "");
  KafkaConsumer consumer(kafka.brokers(), "rows");
  CHECK(consumer.read(10).size() == 10);
}

TEST_CASE("a slow link delays a publish and breaks nothing") {
  MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  kafka.set_round_trip(300);  // longer than the slices that the sink waits in
  CHECK(trouble(sink.publish(records(10), live(10), 10s)) == "");
  CHECK(trouble(sink.publish(records(10), live(20), 10s)) == "");
  CHECK(sink.status().transactions == 2);
}

TEST_CASE("a fenced producer gives the session up and comes back with a new one") {
  MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  REQUIRE(trouble(sink.publish(records(1), live(1), 10s)) == "");
  kafka.fail_next(KafkaRequest::end_txn, {KafkaFault::invalid_producer_epoch});
  const auto fenced = sink.publish(records(1), live(2), 10s);
  REQUIRE_FALSE(fenced);
  CHECK(fenced.error().kind != ErrorKind::invalid);
  CHECK(trouble(sink.open(10s)) == "");
  CHECK(trouble(sink.publish(records(1), live(3), 10s)) == "");
}

TEST_CASE("a cluster that refuses transactions gets at-least-once, and is asked again") {
  MockKafka kafka;
  kafka.fail_next(KafkaRequest::init_producer_id,
                  {KafkaFault::transactional_id_authorization_failed});
  KafkaSink sink = make_sink(kafka);
  const auto position = sink.open(10s);
  REQUIRE(position);
  CHECK_FALSE(*position);
  CHECK(sink.status().delivery == "at-least-once");
  CHECK(sink.status().state.find("refuses") != std::string::npos);
  CHECK(trouble(sink.publish(records(3), live(3), 10s)) == "");
  KafkaConsumer consumer(kafka.brokers(), "rows");
  CHECK(consumer.read(3).size() == 3);

  kafka.go_down();
  REQUIRE_FALSE(sink.publish(records(3), live(6), 300ms));
  kafka.go_up();
  REQUIRE(trouble(sink.open(20s)) == "");
  CHECK(sink.status().delivery == "exactly-once");
}

TEST_CASE("a session without transactions is left after a while to ask for them again") {
  MockKafka kafka;
  kafka.fail_next(KafkaRequest::init_producer_id,
                  {KafkaFault::transactional_id_authorization_failed});
  KafkaOptions options = options_for(kafka.brokers());
  options.ask_again_after = 0s;
  KafkaSink sink(options, "gw", "epoch", {});
  REQUIRE(trouble(sink.open(10s)) == "");
  CHECK(sink.status().delivery == "at-least-once");
  CHECK(sink.status().state.find("--transactional-id weir-gw") != std::string::npos);
  CHECK_FALSE(sink.publish(records(3), live(3), 10s));
  CHECK(sink.status().connected);
  REQUIRE(trouble(sink.open(10s)) == "");
  CHECK(sink.status().delivery == "exactly-once");
  CHECK(trouble(sink.publish(records(3), live(3), 10s)) == "");
}

TEST_CASE("a cluster that knows no producer ids at all still gets the records") {
  MockKafka kafka;
  kafka.withdraw(KafkaRequest::init_producer_id);
  KafkaSink sink = make_sink(kafka);
  bool done = false;
  for (int attempt = 0; attempt < 3 && !done; ++attempt) {
    REQUIRE(trouble(sink.open(10s)) == "");
    CHECK(sink.status().delivery == "at-least-once");
    done = sink.publish(records(3), live(3), 5s).has_value();
  }
  CHECK(done);
}

TEST_CASE("at-least-once as configured keeps no position") {
  const MockKafka kafka;
  KafkaOptions options = options_for(kafka.brokers());
  options.delivery = KafkaOptions::Delivery::at_least_once;
  for (int i = 0; i < 2; ++i) {
    KafkaSink sink(options, "gw", "epoch", {});
    CHECK_FALSE(sink.open(10s).value());
    CHECK(trouble(sink.publish(records(2), live(2), 10s)) == "");
    CHECK(sink.status().delivery == "at-least-once");
  }
  KafkaConsumer consumer(kafka.brokers(), "rows");
  CHECK(consumer.read(4).size() == 4);
}

TEST_CASE("a record above the size limit is refused by its number, and the session goes on") {
  const MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  auto batch = records(5);
  batch[3].value.assign(2'000'000, 'x');
  const auto refused = sink.publish(batch, live(5), 10s);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::invalid);
  CHECK(sink.rejected() == 3);
  REQUIRE(trouble(sink.open(10s)) == "");
  batch.erase(batch.begin() + 3);
  CHECK(trouble(sink.publish(batch, live(5), 10s)) == "");
  CHECK(sink.status().aborted == 1);
}

TEST_CASE("what the broker refuses as a batch is asked for in smaller ones") {
  MockKafka kafka;
  KafkaOptions options = options_for(kafka.brokers());
  options.delivery = KafkaOptions::Delivery::at_least_once;  // without the position's own request
  options.properties.emplace_back("linger.ms", "500");       // and all records in one
  KafkaSink sink(options, "gw", "epoch", {});
  REQUIRE(trouble(sink.open(10s)) == "");
  kafka.fail_next(KafkaRequest::produce, {KafkaFault::message_too_large});
  CHECK(sink.publish(std::vector(20, record("a")), live(20), 10s).error().kind == ErrorKind::full);
  REQUIRE(trouble(sink.open(10s)) == "");
  CHECK(trouble(sink.publish(records(10), live(10), 10s)) == "");
}

TEST_CASE("times before 1970 are sent as the earliest that Kafka knows") {
  const MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  auto early = records(2);
  early[0].timestamp = timestamp_us(-5'000'000);
  early[1].timestamp = timestamp_us(0);
  REQUIRE(trouble(sink.publish(early, live(2), 10s)) == "");
  KafkaConsumer consumer(kafka.brokers(), "rows");
  for (const ConsumedRecord& item : consumer.read(2)) CHECK(item.timestamp_ms == 1);
}

TEST_CASE("a record may have an empty value, an empty key and bytes of any kind") {
  MockKafka kafka;
  kafka.create_topic("rows");
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  auto odd = records(2);
  odd[0].value.clear();
  odd[0].key.clear();
  odd[1].value = std::string("\0\xFF\n", 3);
  odd[1].headers = {{"h", std::string("\0\xFF", 2)}};
  REQUIRE(trouble(sink.publish(odd, live(2), 10s)) == "");
  KafkaConsumer consumer(kafka.brokers(), "rows");
  const auto& found = consumer.read(2);
  REQUIRE(found.size() == 2);
  CHECK(values(found) == std::vector<std::string>{"", std::string("\0\xFF\n", 3)});
  CHECK(found[1].headers.at("h") == std::string("\0\xFF", 2));
}

TEST_CASE("a batch larger than librdkafka's queue passes through it") {
  const MockKafka kafka;
  KafkaOptions options = options_for(kafka.brokers());
  options.properties.emplace_back("queue.buffering.max.kbytes", "64");
  KafkaSink sink(options, "gw", "epoch", {});
  REQUIRE(trouble(sink.open(10s)) == "");
  std::vector<SinkRecord> batch(200, record(std::string(5000, 'x')));
  CHECK(trouble(sink.publish(batch, live(200), 10s)) == "");
}

TEST_CASE("a session that was silent for long is renewed without an error") {
  const MockKafka kafka;
  KafkaOptions options = options_for(kafka.brokers());
  options.renew_after = 0s;  // every session is old
  KafkaSink sink(options, "gw", "epoch", {});
  REQUIRE(trouble(sink.open(10s)) == "");
  for (std::uint64_t seq = 1; seq <= 3; ++seq)
    REQUIRE(trouble(sink.publish(records(1), live(seq), 10s)) == "");
  CHECK(sink.status().transactions == 3);
  CHECK(sink.status().errors == 0);
}

TEST_CASE("a cluster that stays away is reported once, not at every attempt") {
  MockKafka kafka;
  kafka.go_down();
  std::mutex mutex;
  std::map<std::string, int> lines;
  KafkaSink sink(options_for(kafka.brokers()), "gw", "epoch",
                 [&](LogLevel level, std::string_view message) {
                   const std::lock_guard lock(mutex);
                   if (level >= LogLevel::info) ++lines[std::string(message)];
                 });
  for (int i = 0; i < 5; ++i) CHECK_FALSE(sink.open(200ms));
  const std::lock_guard lock(mutex);
  CHECK(lines.size() <= 3);
  for (const auto& [line, times] : lines) {
    INFO(line);
    CHECK(times == 1);
    CHECK(line.find("ms in state") == std::string::npos);
  }
}

TEST_CASE("cancel ends what is under way and what comes later") {
  MockKafka kafka;
  KafkaSink sink = make_sink(kafka);
  REQUIRE(trouble(sink.open(10s)) == "");
  REQUIRE(trouble(sink.publish(records(1), live(1), 10s)) == "");
  kafka.go_down();
  std::thread canceller([&] { sink.cancel(); });
  const auto begun = std::chrono::steady_clock::now();
  CHECK_FALSE(sink.publish(records(1), live(2), 60s));
  CHECK_FALSE(sink.open(60s));
  canceller.join();
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("a sink ends at once although its cluster is away") {
  MockKafka kafka;
  auto begun = std::chrono::steady_clock::now();
  {
    KafkaSink sink = make_sink(kafka);
    REQUIRE(trouble(sink.open(10s)) == "");
    kafka.go_down();
    CHECK_FALSE(sink.publish(records(10), live(10), 200ms));
    begun = std::chrono::steady_clock::now();
  }
  CHECK(std::chrono::steady_clock::now() - begun < 3s);
}

TEST_CASE("settings that librdkafka refuses are reported with its words, without the password") {
  KafkaOptions options = options_for("127.0.0.1:1");
  options.security = "ssl";
  options.password = "hunter2";
  options.ca_file = "/nowhere/ca.pem";
  KafkaSink sink(options, "gw", "epoch", {});
  const auto refused = sink.open(1s);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK(refused.error().message.find("ssl.ca.location") != std::string::npos);
  CHECK(refused.error().message.find("hunter2") == std::string::npos);
}
