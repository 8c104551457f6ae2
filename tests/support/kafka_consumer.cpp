#include "tests/support/kafka_consumer.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "tests/support/tsan_c11_threads.hpp"

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;

rd_kafka_t* make_client(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  know_c11_threads();
  std::array<char, 256> text{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK)
      throw std::runtime_error(text.data());
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, text.data(), text.size());
  if (client == nullptr) throw std::runtime_error(text.data());
  return client;
}

rd_kafka_t* make_asker(const std::string& brokers) {
  return make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers},
                                         {"log_level", "2"},
                                         {"isolation.level", "read_uncommitted"}});
}

ConsumedRecord to_record(const rd_kafka_message_t& message) {
  ConsumedRecord record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.key.assign(static_cast<const char*>(message.key), message.key_len);
  record.value.assign(static_cast<const char*>(message.payload), message.len);
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  record.offset = message.offset;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      record.headers[name] = std::string(static_cast<const char*>(value), size);
  }
  return record;
}

}  // namespace

struct KafkaConsumer::State {
  rd_kafka_t* client = nullptr;
  rd_kafka_t* asker = nullptr;  ///< for the ends of partitions
  rd_kafka_topic_t* topic = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  std::string brokers, name;
  std::vector<std::int64_t> next;  ///< offset behind what was read, by partition
  Records records;

  void start();
  void poll();
};

void KafkaConsumer::State::start() {
  for (const auto limit = Clock::now() + std::chrono::seconds(20); Clock::now() < limit;) {
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(client, 0, topic, &metadata, 5000) != RD_KAFKA_RESP_ERR_NO_ERROR)
      continue;
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    const int partitions = found.err == RD_KAFKA_RESP_ERR_NO_ERROR ? found.partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    for (std::int32_t i = 0; i < partitions; ++i) {
      rd_kafka_consume_start_queue(topic, i, RD_KAFKA_OFFSET_BEGINNING, queue);
      next.push_back(0);
    }
    if (partitions > 0) return;
    rd_kafka_poll(client, 50);
  }
  throw std::runtime_error("there is no topic " + name);
}

void KafkaConsumer::State::poll() {
  rd_kafka_message_t* message = rd_kafka_consume_queue(queue, 50);
  if (message == nullptr) return;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    records.push_back(to_record(*message));
    next[static_cast<std::size_t>(message->partition)] = message->offset + 1;
  } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    next[static_cast<std::size_t>(message->partition)] = message->offset;
  }
  rd_kafka_message_destroy(message);
}

KafkaConsumer::KafkaConsumer(const std::string& brokers, const std::string& topic,
                             Isolation isolation)
    : state_(std::make_unique<State>()) {
  state_->brokers = brokers;
  state_->name = topic;
  state_->client = make_client(
      RD_KAFKA_CONSUMER,
      {{"bootstrap.servers", brokers},
       {"log_level", "2"},
       {"fetch.wait.max.ms", "20"},
       {"reconnect.backoff.max.ms", "500"},
       {"enable.partition.eof", "true"},
       {"isolation.level",
        isolation == Isolation::read_committed ? "read_committed" : "read_uncommitted"}});
  state_->topic = rd_kafka_topic_new(state_->client, topic.c_str(), nullptr);
  state_->queue = rd_kafka_queue_new(state_->client);
  state_->start();
}

KafkaConsumer::~KafkaConsumer() {
  for (std::size_t i = 0; i < state_->next.size(); ++i)
    rd_kafka_consume_stop(state_->topic, static_cast<std::int32_t>(i));
  rd_kafka_queue_destroy(state_->queue);
  rd_kafka_topic_destroy(state_->topic);
  rd_kafka_destroy(state_->client);
  if (state_->asker != nullptr) rd_kafka_destroy(state_->asker);
}

const KafkaConsumer::Records& KafkaConsumer::read_until(
    const std::function<bool(const Records&)>& enough, std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (!enough(state_->records) && Clock::now() < until) state_->poll();
  return state_->records;
}

const KafkaConsumer::Records& KafkaConsumer::read(std::size_t count,
                                                  std::chrono::milliseconds limit) {
  return read_until([&](const Records& records) { return records.size() >= count; }, limit);
}

/// The ends are asked for without isolation: a read_committed client is told the end of what is
/// stable, and a commit returns before the cluster has marked its rows as such.
const KafkaConsumer::Records& KafkaConsumer::read_to_end(std::chrono::milliseconds limit) {
  std::vector<std::int64_t> ends;
  if (state_->asker == nullptr) state_->asker = make_asker(state_->brokers);
  for (std::size_t i = 0; i < state_->next.size(); ++i) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (rd_kafka_query_watermark_offsets(state_->asker, state_->name.c_str(),
                                         static_cast<std::int32_t>(i), &low, &high,
                                         10'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw std::runtime_error("the end of " + state_->name + " can't be found");
    ends.push_back(high);
  }
  const auto reached = [&](const Records&) {
    return std::equal(ends.begin(), ends.end(), state_->next.begin(), std::less_equal<>());
  };
  read_until(reached, limit);
  if (!reached(state_->records))
    throw std::runtime_error("the end of " + state_->name +
                             " was not reached; is a transaction open?");
  return state_->records;
}

struct OpenTransaction::State {
  rd_kafka_t* client = nullptr;
};

namespace {

void require(rd_kafka_error_t* error) {
  if (error == nullptr) return;
  const std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw std::runtime_error(text);
}

}  // namespace

OpenTransaction::OpenTransaction(const std::string& brokers, const std::string& transactional_id,
                                 const std::string& topic)
    : state_(std::make_unique<State>()) {
  state_->client = make_client(
      RD_KAFKA_PRODUCER,
      {{"bootstrap.servers", brokers}, {"log_level", "2"}, {"transactional.id", transactional_id}});
  require(rd_kafka_init_transactions(state_->client, 30'000));
  require(rd_kafka_begin_transaction(state_->client));
  std::string text = "dawdling";
  if (rd_kafka_producev(state_->client, RD_KAFKA_V_TOPIC(topic.c_str()),
                        RD_KAFKA_V_KEY(text.data(), text.size()),
                        RD_KAFKA_V_VALUE(text.data(), text.size()),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) ||
      rd_kafka_flush(state_->client, 30'000))
    throw std::runtime_error("the record of an open transaction can't be written");
}

OpenTransaction::~OpenTransaction() {
  rd_kafka_destroy(state_->client);
}

void OpenTransaction::abort() {
  require(rd_kafka_abort_transaction(state_->client, 30'000));
}

void create_topic(const std::string& brokers, const std::string& topic, int partitions,
                  const std::map<std::string, std::string>& config) {
  rd_kafka_t* client =
      make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers}, {"log_level", "2"}});
  rd_kafka_NewTopic_t* fresh = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, nullptr, 0);
  for (const auto& [name, value] : config)
    rd_kafka_NewTopic_set_config(fresh, name.c_str(), value.c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, &fresh, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20'000);
  std::size_t count = 0;
  const auto* result = event ? rd_kafka_event_CreateTopics_result(event) : nullptr;
  const auto* topics = result ? rd_kafka_CreateTopics_result_topics(result, &count) : nullptr;
  const bool done = count == 1 && rd_kafka_topic_result_error(topics[0]) == 0;
  if (event) rd_kafka_event_destroy(event);
  rd_kafka_NewTopic_destroy(fresh);
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy(client);
  if (!done) throw std::runtime_error("the cluster made no topic " + topic);
}

std::string topic_config(const std::string& brokers, const std::string& topic,
                         const std::string& name) {
  rd_kafka_t* client =
      make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers}, {"log_level", "2"}});
  rd_kafka_ConfigResource_t* resource =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DescribeConfigs(client, &resource, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20'000);
  std::string found;
  std::size_t count = 0;
  const auto* result = event ? rd_kafka_event_DescribeConfigs_result(event) : nullptr;
  const auto* resources =
      result ? rd_kafka_DescribeConfigs_result_resources(result, &count) : nullptr;
  std::size_t entries = 0;
  const auto* configs =
      count == 1 ? rd_kafka_ConfigResource_configs(resources[0], &entries) : nullptr;
  for (std::size_t i = 0; i < entries; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(configs[i]);
    if (rd_kafka_ConfigEntry_name(configs[i]) == name && value) found = value;
  }
  if (event) rd_kafka_event_destroy(event);
  rd_kafka_ConfigResource_destroy(resource);
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy(client);
  return found;
}

}  // namespace weir
