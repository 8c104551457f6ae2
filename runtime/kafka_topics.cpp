#include "runtime/kafka_topics.hpp"

#include <charconv>

namespace weir {
namespace {

using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, KafkaDeleter<rd_kafka_NewTopic_destroy>>;
using ResourcePtr =
    std::unique_ptr<rd_kafka_ConfigResource_t, KafkaDeleter<rd_kafka_ConfigResource_destroy>>;
using AdminOptionsPtr =
    std::unique_ptr<rd_kafka_AdminOptions_t, KafkaDeleter<rd_kafka_AdminOptions_destroy>>;

/// An admin request: `ask` sends it to the queue it is handed. Null if nothing came back in time.
template <class Ask>
KafkaEventPtr request(KafkaHandle& client, rd_kafka_admin_op_t operation, const Patience& patience,
                      Ask ask) {
  const KafkaQueuePtr queue(rd_kafka_queue_new(client.get()));
  const AdminOptionsPtr options(rd_kafka_AdminOptions_new(client.get(), operation));
  std::array<char, 128> text{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), patience.left_ms(), text.data(),
                                            text.size());
  ask(options.get(), queue.get());
  do {
    KafkaEventPtr event(rd_kafka_queue_poll(queue.get(), patience.slice_ms()));
    if (event) return event;
  } while (!patience.over());
  return nullptr;
}

/// `why`: the cluster's words, if it has any.
TopicConfig judge(rd_kafka_resp_err_t error, std::string why) {
  using Kind = TopicConfig::Kind;
  if (why.empty() && error) why = rd_kafka_err2str(error);
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return {Kind::known, {}, {}};
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return {Kind::missing, {}, {}};
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {Kind::hidden, std::move(why), {}};
    default:
      return {Kind::unavailable, std::move(why), {}};
  }
}

TopicConfig read(const rd_kafka_ConfigResource_t& resource) {
  TopicConfig config = judge(rd_kafka_ConfigResource_error(&resource), {});
  std::size_t entries = 0;
  const auto* found = rd_kafka_ConfigResource_configs(&resource, &entries);
  for (std::size_t i = 0; i < entries; ++i) {
    if (const char* value = rd_kafka_ConfigEntry_value(found[i]))
      config.values[rd_kafka_ConfigEntry_name(found[i])] = value;
  }
  return config;
}

}  // namespace

KafkaMetadataPtr look_up(KafkaHandle& client, rd_kafka_topic_t* topic, const Patience& patience) {
  int attempt = 0;
  do {
    const rd_kafka_metadata_t* metadata = nullptr;
    if (!rd_kafka_metadata(client.get(), 0, topic, &metadata, patience.attempt_ms(attempt++)))
      return KafkaMetadataPtr(metadata);
  } while (!patience.over());
  return nullptr;
}

std::string TopicConfig::value(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

std::vector<TopicConfig> describe_topics(KafkaHandle& client,
                                         const std::vector<std::string>& topics,
                                         const Patience& patience) {
  const auto all = [&](const TopicConfig& one) { return std::vector(topics.size(), one); };
  const KafkaMetadataPtr metadata = look_up(client, nullptr, patience);
  if (!metadata) return all({TopicConfig::Kind::unavailable, client.last_complaint(), {}});
  std::vector<ResourcePtr> owned;
  std::vector<rd_kafka_ConfigResource_t*> resources;
  for (const std::string& topic : topics) {
    owned.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    resources.push_back(owned.back().get());
  }
  // The controller would be asked by default, but every broker knows, and some clusters show none.
  const std::int32_t broker = metadata->broker_cnt > 0 ? metadata->brokers[0].id : -1;
  const KafkaEventPtr event = request(
      client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, patience,
      [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
        if (broker >= 0) rd_kafka_AdminOptions_set_broker(options, broker, nullptr, 0);
        rd_kafka_DescribeConfigs(client.get(), resources.data(), resources.size(), options, queue);
      });
  if (!event) return all({TopicConfig::Kind::unavailable, "no answer", {}});
  if (const auto error = rd_kafka_event_error(event.get()))
    return all(judge(error, rd_kafka_event_error_string(event.get())));
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** found = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::vector<TopicConfig> out = all({TopicConfig::Kind::unavailable, "no answer", {}});
  // As asked for: librdkafka puts them in that order.
  for (std::size_t i = 0; i < std::min(count, out.size()); ++i) {
    if (found[i] != nullptr) out[i] = read(*found[i]);
  }
  return out;
}

rd_kafka_resp_err_t create_topic(KafkaHandle& client, const std::string& topic,
                                 std::span<const TopicSetting> settings, const Patience& patience,
                                 std::string& why) {
  std::array<char, 256> words{};
  const NewTopicPtr fresh(rd_kafka_NewTopic_new(topic.c_str(), 1, -1, words.data(), words.size()));
  if (!fresh) {
    why = words.data();
    return RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
  }
  for (const auto& [name, value] : settings) rd_kafka_NewTopic_set_config(fresh.get(), name, value);
  const KafkaEventPtr event =
      request(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, patience,
              [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                rd_kafka_NewTopic_t* one = fresh.get();
                rd_kafka_CreateTopics(client.get(), &one, 1, options, queue);
              });
  if (!event) return RD_KAFKA_RESP_ERR__TIMED_OUT;
  if (const auto error = rd_kafka_event_error(event.get())) {
    why = rd_kafka_event_error_string(event.get());
    return error;
  }
  std::size_t count = 0;
  const auto* topics =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count != 1) return RD_KAFKA_RESP_ERR__BAD_MSG;
  if (const char* words_of_broker = rd_kafka_topic_result_error_string(topics[0]))
    why = words_of_broker;
  return rd_kafka_topic_result_error(topics[0]);
}

std::string alter_command(const std::string& topic, const std::string& setting) {
  return "kafka-configs.sh --alter --entity-type topics --entity-name " + topic + " --add-config " +
         setting;
}

std::string BriefTopic::text() const {
  return "topic " + name + " deletes what is older than " + format_duration(retention) +
         " by the time of its window: results of a longer outage are gone as soon as they arrive";
}

std::string BriefTopic::remedy() const {
  return alter_command(name, "retention.ms=" + std::to_string(retention_min.count())) +
         " or longer, or message.timestamp.type=LogAppendTime";
}

Result<std::vector<BriefTopic>> brief_topics(KafkaHandle& client,
                                             const std::vector<std::string>& topics,
                                             const Patience& patience) {
  using Kind = TopicConfig::Kind;
  std::vector<BriefTopic> found;
  const auto configs = describe_topics(client, topics, patience);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const TopicConfig& config = configs[i];
    if (config.kind == Kind::unavailable) return fail(ErrorKind::unavailable, config.why);
    if (config.kind == Kind::hidden) return fail(ErrorKind::unsupported, config.why);
    if (config.value("message.timestamp.type") == "LogAppendTime") continue;
    if (config.value("cleanup.policy").find("delete") == std::string::npos) continue;
    const std::string text = config.value("retention.ms");
    std::int64_t ms = -1;
    std::from_chars(text.data(), text.data() + text.size(), ms);
    if (ms < 0 || std::chrono::milliseconds(ms) >= retention_min) continue;
    found.push_back({topics[i], std::chrono::milliseconds(ms)});
  }
  return found;
}

Result<std::vector<BriefTopic>> brief_topics(const KafkaSettings& cluster,
                                             const std::vector<std::string>& topics,
                                             const Patience& patience) {
  auto client = KafkaHandle::make(RD_KAFKA_CONSUMER, cluster, {});
  if (!client) return fail(client.error());
  return brief_topics(*client, topics, patience);
}

}  // namespace weir
