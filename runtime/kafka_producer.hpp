#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>

#include "runtime/kafka_handle.hpp"
#include "runtime/sink.hpp"

namespace weir {

/// What became of one publish.
struct KafkaOutcome {
  enum class Kind {
    delivered,
    refused_record,  ///< the record at `index` alone is refused for good
    refused_batch,   ///< several records were refused together; each alone may be taken
    refused_time,    ///< a timestamp is further in the future than the cluster allows
    failed,          ///< anything may have happened; the producer is of no further use
  };
  Kind kind = Kind::delivered;
  std::size_t index = 0;
  Error error;
  bool usable = true;  ///< the producer may go on; if not, make a new one
};

/// A Kafka producer that delivers batches: as transactions, or one by one with the guarantees that
/// are left. After `refused_…` nothing of a transaction was delivered.
///
/// One thread. Protocol: `init (know_topic | publish)*`.
class KafkaProducer {
 public:
  enum class Mode {
    transactional,
    idempotent,  ///< no repeats from the client's own retries
    plain,       ///< for clusters that refuse even that
  };
  /// `settings` name the cluster; what the mode needs is added here.
  /// # Errors
  /// `unsupported`: librdkafka refuses the settings.
  static Result<std::unique_ptr<KafkaProducer>> make(Mode mode, KafkaSettings settings,
                                                     Duration transaction_timeout,
                                                     const std::string& transactional_id, Log log);

  /// Ends what an earlier producer of the same transactional id left open, and fences it. Without
  /// transactions only looks whether the cluster answers. Once it has succeeded it does nothing.
  /// # Errors
  /// `unavailable`: call it again, on this producer. `unsupported`: the cluster grants this gateway
  /// no transactions. `fatal`: make a new producer.
  Result<void> init(const Patience& patience);

  /// Makes sure that the topic has partitions and a leader, so that no transaction waits for them.
  /// # Errors
  /// `unavailable`: not now, or not without somebody's help; the message says which.
  Result<void> know_topic(const std::string& topic, const Patience& patience);

  /// Delivers all records and, in the same transaction, `position` (null outside of transactions).
  /// No timestamp is later than `latest`.
  KafkaOutcome publish(std::span<const SinkRecord> records, const SinkRecord* position,
                       Timestamp latest, const Patience& patience);

  /// Whether the cluster refuses what `idempotent` needs. Known after a failed publish.
  bool needs_plain() const { return needs_plain_; }
  KafkaHandle& handle() { return handle_; }

 private:
  KafkaProducer(Mode mode, KafkaHandle handle, std::string transactional_id)
      : mode_(mode), handle_(std::move(handle)), transactional_id_(std::move(transactional_id)) {}

  rd_kafka_resp_err_t produce(const SinkRecord& record, std::size_t index, Timestamp latest,
                              const Patience& patience);
  KafkaOutcome commit(std::span<const SinkRecord> records, const SinkRecord* position,
                      const Patience& patience);
  KafkaOutcome abort(std::span<const SinkRecord> records, const std::string& why,
                     const Patience& patience);
  KafkaOutcome flush(std::span<const SinkRecord> records, const Patience& patience);
  KafkaOutcome judge(std::span<const SinkRecord> records, const std::string& why);
  KafkaOutcome failed(ErrorKind kind, std::string message);
  Result<void> reach_cluster(const Patience& patience);
  std::string because(std::string message) const;

  Mode mode_;
  KafkaHandle handle_;
  const std::string transactional_id_;
  std::set<std::string, std::less<>> known_topics_, missing_topics_;
  bool ready_ = false;
  bool needs_plain_ = false;
};

}  // namespace weir
