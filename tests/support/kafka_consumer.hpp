#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weir {

struct ConsumedRecord {
  std::string topic, key, value;
  std::int64_t timestamp_ms = 0;
  std::int64_t offset = 0;
  std::map<std::string, std::string> headers;
};

/// An independent reader of one topic, all its partitions from their beginning, without a group.
/// Every call reads on where the one before ended.
class KafkaConsumer {
 public:
  enum class Isolation { read_committed, read_uncommitted };
  /// Waits until the topic exists. Throws std::runtime_error where a test can't go on.
  KafkaConsumer(const std::string& brokers, const std::string& topic,
                Isolation isolation = Isolation::read_committed);
  ~KafkaConsumer();
  KafkaConsumer(const KafkaConsumer&) = delete;
  KafkaConsumer& operator=(const KafkaConsumer&) = delete;

  using Records = std::vector<ConsumedRecord>;
  /// Collects until `enough` says so, or the time is over; everything since construction.
  const Records& read_until(const std::function<bool(const Records&)>& enough,
                            std::chrono::milliseconds limit = std::chrono::seconds(30));
  const Records& read(std::size_t count,
                      std::chrono::milliseconds limit = std::chrono::seconds(30));
  /// To the end that every partition has now: what is committed before the call is in it.
  const Records& read_to_end(std::chrono::milliseconds limit = std::chrono::seconds(30));

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A transaction of some other program that has written one record to a topic and then dawdles.
class OpenTransaction {
 public:
  OpenTransaction(const std::string& brokers, const std::string& transactional_id,
                  const std::string& topic);
  ~OpenTransaction();
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;
  void abort();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Makes a topic with this configuration. Throws if the cluster refuses.
void create_topic(const std::string& brokers, const std::string& topic, int partitions,
                  const std::map<std::string, std::string>& config = {});
/// The value of one configuration entry of a topic; empty if there is no such topic or entry.
std::string topic_config(const std::string& brokers, const std::string& topic,
                         const std::string& name);

}  // namespace weir
