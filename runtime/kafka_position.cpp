#include "runtime/kafka_position.hpp"

#include <array>
#include <charconv>

#include "runtime/kafka_topics.hpp"
#include "store/ledger.hpp"

namespace weir {
namespace {

constexpr std::string_view position_head = R"({"v":1,"delivered":{)";

/// What a position topic needs: compaction, and small segments, since the newest is never compacted
/// and is read at every start.
constexpr std::array<TopicSetting, 4> topic_config = {{
    {"cleanup.policy", "compact"},
    {"segment.bytes", "16777216"},
    {"segment.ms", "3600000"},
    {"min.cleanable.dirty.ratio", "0.1"},
}};

std::string create_command(const std::string& topic) {
  std::string command = "kafka-topics.sh --create --topic " + topic + " --partitions 1";
  for (const auto& [name, value] : topic_config)
    command += std::string(" --config ") + name + "=" + value;
  return command;
}

std::string no_right_to_read(rd_kafka_topic_t* topic) {
  const std::string name = rd_kafka_topic_name(topic);
  return "this gateway may not read position topic " + name + ": " +
         grant_command("Read", "--topic " + name);
}

enum class IfMissing { make, refuse };

Result<std::string> ensure_topic(KafkaHandle& client, const std::string& topic, IfMissing missing,
                                 const Patience& patience) {
  using Kind = TopicConfig::Kind;
  const auto describe = [&] { return describe_topics(client, {topic}, patience).front(); };
  TopicConfig config = describe();
  if (config.kind == Kind::missing) {
    if (missing == IfMissing::refuse)
      return fail(ErrorKind::unsupported,
                  "position topic " + topic +
                      " is missing; weir makes it if it may, or: " + create_command(topic));
    std::string why;
    const rd_kafka_resp_err_t error = create_topic(client, topic, topic_config, patience, why);
    if (!error) return "made the compacted position topic " + topic;
    if (error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR_NOT_CONTROLLER)
      return fail(ErrorKind::unavailable, "the position topic can't be made now: " + why);
    if (error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      return fail(ErrorKind::unsupported, "position topic " + topic + " is missing and can't be " +
                                              "made (" + why + "): " + create_command(topic));
    config = describe();
  }
  const std::string policy = config.value("cleanup.policy");
  if (config.kind == Kind::known && policy == "compact") return "";
  if (config.kind == Kind::known && !policy.empty())
    return fail(ErrorKind::unsupported, "position topic " + topic + " has cleanup.policy=" +
                                            policy + " and would forget what was delivered: " +
                                            alter_command(topic, "cleanup.policy=compact"));
  if (config.kind == Kind::known) config.why = "the cluster names no cleanup.policy";
  if (config.kind == Kind::known || config.kind == Kind::hidden)
    return "whether position topic " + topic + " is compacted can't be verified: " + config.why;
  return fail(ErrorKind::unavailable, "the position topic can't be looked up: " + config.why);
}

/// One pass over all partitions of the position topic, without a consumer group.
class PositionReader {
 public:
  PositionReader(KafkaHandle& client, rd_kafka_topic_t* topic, const std::string& key)
      : client_(client), topic_(topic), queue_(rd_kafka_queue_new(client.get())), key_(key) {}
  ~PositionReader() {
    for (std::size_t i = 0; i < ends_.size(); ++i)
      rd_kafka_consume_stop(topic_, static_cast<std::int32_t>(i));
  }
  PositionReader(const PositionReader&) = delete;
  PositionReader& operator=(const PositionReader&) = delete;

  Result<FoundPosition> read(const Patience& patience) {
    if (auto begun = start(patience); !begun) return fail(begun.error());
    while (open_ > 0) {
      if (patience.over())
        return fail(ErrorKind::unavailable,
                    "the end of the position topic can't be read; perhaps another gateway's "
                    "transaction is still open");
      const KafkaMessagePtr message(rd_kafka_consume_queue(queue_.get(), patience.slice_ms()));
      if (!message) continue;
      if (auto taken = take(*message); !taken) return fail(taken.error());
    }
    if (position_) position_->newest = newest_;
    return FoundPosition{position_, newest_, {}};
  }

 private:
  struct End {
    std::int64_t target = -1;  ///< the end of the partition as first seen
    bool reached = false;
  };

  Result<void> start(const Patience& patience) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    do {
      const KafkaMetadataPtr metadata = look_up(client_, topic_, patience);
      if (!metadata) break;
      const rd_kafka_metadata_topic_t& found = metadata->topics[0];
      error = found.err;
      if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) break;
      if (error) {  // it was made a moment ago
        rd_kafka_poll(client_.get(), 20);
        continue;
      }
      for (std::int32_t i = 0; i < found.partition_cnt; ++i) {
        if (rd_kafka_consume_start_queue(topic_, i, RD_KAFKA_OFFSET_BEGINNING, queue_.get()) != 0)
          return fail(ErrorKind::unavailable, rd_kafka_err2str(rd_kafka_last_error()));
        ends_.emplace_back();
        ++open_;
      }
      return {};
    } while (!patience.over());
    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
      return fail(ErrorKind::unavailable, no_right_to_read(topic_));
    return fail(ErrorKind::unavailable,
                std::string("the position topic can't be read: ") + rd_kafka_err2str(error));
  }

  Result<void> take(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      reach(message.partition, message.offset);
      return {};
    }
    if (message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
      return fail(ErrorKind::unavailable, no_right_to_read(topic_));
    if (message.err)
      return fail(ErrorKind::unavailable,
                  std::string("the position topic: ") + rd_kafka_err2str(message.err));
    const std::string_view key(static_cast<const char*>(message.key), message.key_len);
    if (key != key_) return learn(key, message);
    if (message.payload == nullptr) {  // a tombstone: somebody wants it forgotten
      position_.reset();
      return {};
    }
    const auto found = decode_position({static_cast<const char*>(message.payload), message.len});
    if (!found)
      return fail(ErrorKind::unsupported, "the record " + key_ + " of the position topic was not " +
                                              "written by this version of weir");
    if (!position_) position_.emplace();
    // A position never goes back, so the order of the partitions does not matter.
    for (std::size_t i = 0; i < lane_count; ++i)
      position_->delivered[i] = std::max(position_->delivered[i], found->delivered[i]);
    newest_ = std::max(newest_, found->newest);
    return {};
  }

  /// What this gateway delivered under other epochs: until when the centre knows its results.
  Result<void> learn(std::string_view key, const rd_kafka_message_t& message) {
    const std::string_view gateway = std::string_view(key_).substr(0, key_.rfind('/') + 1);
    if (key.rfind('/') + 1 != gateway.size() || !key.starts_with(gateway)) return {};
    if (message.payload == nullptr) return {};
    const auto found = decode_position({static_cast<const char*>(message.payload), message.len});
    if (found) newest_ = std::max(newest_, found->newest);
    return {};
  }

  /// A read_committed reader is told "end" where the first open transaction begins, and that may be
  /// another gateway's, in front of our own last record. So the end that counts is the partition's.
  void reach(std::int32_t partition, std::int64_t offset) {
    End& end = ends_[static_cast<std::size_t>(partition)];
    if (end.target < 0) {
      std::int64_t low = -1;
      std::int64_t high = -1;
      rd_kafka_get_watermark_offsets(client_.get(), rd_kafka_topic_name(topic_), partition, &low,
                                     &high);
      end.target = high;
    }
    if (end.reached || end.target < 0 || offset < end.target) return;
    end.reached = true;
    --open_;
  }

  KafkaHandle& client_;
  rd_kafka_topic_t* topic_;
  KafkaQueuePtr queue_;
  const std::string& key_;
  std::vector<End> ends_;
  std::size_t open_ = 0;
  std::optional<Position> position_;
  Timestamp newest_{};  ///< over all epochs of the gateway
};

Result<FoundPosition> look_for(const KafkaSettings& cluster, const std::string& topic,
                               const std::string& key, IfMissing missing, const Log& log,
                               const Patience& patience) {
  KafkaSettings settings = {{"fetch.wait.max.ms", "50"}, {"queued.max.messages.kbytes", "1024"}};
  settings.insert(settings.end(), cluster.begin(), cluster.end());
  settings.emplace_back("isolation.level", "read_committed");
  settings.emplace_back("enable.partition.eof", "true");
  auto client = KafkaHandle::make(RD_KAFKA_CONSUMER, settings, log);
  if (!client) return fail(client.error());
  const KafkaTopicPtr handle(rd_kafka_topic_new(client->get(), topic.c_str(), nullptr));
  if (!handle) return fail(ErrorKind::unsupported, "'" + topic + "' can't be a topic");
  auto notice = ensure_topic(*client, topic, missing, patience);
  if (!notice) return fail(notice.error());
  auto found = PositionReader(*client, handle.get(), key).read(patience);
  if (found) found->notice = std::move(*notice);
  return found;
}

}  // namespace

std::string position_key(const std::string& gateway, const std::string& epoch) {
  return gateway + "/" + epoch;
}

std::string encode_position(const Position& position) {
  std::string text(position_head);
  for (std::size_t i = 0; i < lane_count; ++i) {
    if (i > 0) text += ',';
    text += '"';
    text += lane_name(static_cast<Lane>(i));
    text += "\":" + std::to_string(position.delivered[i]);
  }
  return text + "},\"newest\":" + std::to_string(count_us(position.newest)) + "}";
}

std::optional<Position> decode_position(std::string_view text) {
  Position position;
  if (!text.starts_with(position_head)) return {};
  text.remove_prefix(position_head.size());
  for (std::size_t i = 0; i < lane_count; ++i) {
    std::string name = i > 0 ? ",\"" : "\"";
    name += lane_name(static_cast<Lane>(i));
    name += "\":";
    if (!text.starts_with(name)) return {};
    text.remove_prefix(name.size());
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), position.delivered[i]);
    if (error != std::errc()) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (text == "}}") return position;  // as the first weirs wrote it
  constexpr std::string_view newest = "},\"newest\":";
  if (!text.starts_with(newest)) return {};
  text.remove_prefix(newest.size());
  std::int64_t us = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), us);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || text != "}") return {};
  position.newest = timestamp_us(us);
  return position;
}

Result<FoundPosition> recover_position(const KafkaSettings& cluster, const std::string& topic,
                                       const std::string& key, const Log& log,
                                       const Patience& patience) {
  return look_for(cluster, topic, key, IfMissing::make, log, patience);
}

Result<FoundPosition> find_position(const KafkaSettings& cluster, const std::string& topic,
                                    const std::string& key, const Patience& patience) {
  return look_for(cluster, topic, key, IfMissing::refuse, {}, patience);
}

}  // namespace weir
