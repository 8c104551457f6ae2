#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/kafka_handle.hpp"

namespace weir {

using KafkaMetadataPtr =
    std::unique_ptr<const rd_kafka_metadata_t, KafkaDeleter<rd_kafka_metadata_destroy>>;

/// Brokers, and the partitions of the topics that the client knows; null if nobody answers. A
/// consumer's question, so the cluster does not make a topic for it.
KafkaMetadataPtr look_up(KafkaHandle& client, rd_kafka_topic_t* topic, const Patience& patience);

/// What the cluster says about one topic.
struct TopicConfig {
  enum class Kind { known, missing, hidden, unavailable } kind = Kind::unavailable;
  std::string why;                            ///< it is hidden or unavailable
  std::map<std::string, std::string> values;  ///< by Kafka's names; never empty if it is known
  std::string value(const std::string& name) const;  ///< empty: the cluster does not name it
};

/// One for each of `topics`, in their order, in one request.
std::vector<TopicConfig> describe_topics(KafkaHandle& client,
                                         const std::vector<std::string>& topics,
                                         const Patience& patience);

using TopicSetting = std::array<const char*, 2>;  ///< name and value
/// `why` is set where the cluster has words of its own.
rd_kafka_resp_err_t create_topic(KafkaHandle& client, const std::string& topic,
                                 std::span<const TopicSetting> settings, const Patience& patience,
                                 std::string& why);

std::string alter_command(const std::string& topic, const std::string& setting);

/// How long a topic has to keep what its time says. What the buffer holds is bounded in bytes, and
/// in days by nothing; this is what Kafka keeps and a broker's session waits by default, and so the
/// least of which nobody who chose nothing is warned.
constexpr std::chrono::milliseconds retention_min = std::chrono::hours(7 * 24);

/// A topic that deletes its records sooner than that. Records carry the time of their window, so it
/// deletes what comes from a longer outage as soon as it is there.
struct BriefTopic {
  std::string name;
  std::chrono::milliseconds retention{};

  std::string text() const;
  std::string remedy() const;
};

/// Those of `topics` that do; one that is missing does not.
/// # Errors
/// `unavailable`: the cluster can't be asked now. `unsupported`: it does not show this.
Result<std::vector<BriefTopic>> brief_topics(KafkaHandle& client,
                                             const std::vector<std::string>& topics,
                                             const Patience& patience);
/// With a client of its own.
Result<std::vector<BriefTopic>> brief_topics(const KafkaSettings& cluster,
                                             const std::vector<std::string>& topics,
                                             const Patience& patience);

}  // namespace weir
