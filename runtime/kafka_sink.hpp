#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/kafka_options.hpp"
#include "runtime/kafka_producer.hpp"
#include "runtime/sink.hpp"

namespace weir {

/// Results into Kafka, exactly once where the cluster has transactions (DESIGN.md section 12).
///
/// A transaction carries the records and the position behind them. Whatever goes wrong, the session
/// is given up and the next `open` reads the position that the cluster really has. Where
/// transactions are refused it goes on without them, says so in `status().delivery`, and asks for
/// them again at each `open`, which it demands from time to time.
class KafkaSink : public Sink {
 public:
  /// `gateway` makes the transactional id, and with `epoch` (the store's uuid) the position's key.
  KafkaSink(KafkaOptions options, const std::string& gateway, const std::string& epoch, Log log);
  ~KafkaSink() override;

  Result<std::optional<Position>> open(Duration timeout) override;
  Result<void> publish(std::span<const SinkRecord> records, const Position& behind,
                       Duration timeout) override;
  std::size_t rejected() const override { return rejected_; }
  void cancel() override { cancelled_ = true; }
  Status status() const override;

 private:
  using Mode = KafkaProducer::Mode;

  Result<std::optional<Position>> connect(const Patience& patience);
  Result<bool> begin_transactional(const Patience& patience);
  Result<void> begin_without_transactions(const Patience& patience);
  Result<void> make_producer(Mode mode);
  Result<std::optional<Position>> read_position(const Patience& patience);
  Result<void> renew(const Patience& patience);
  Result<void> conclude(const KafkaOutcome& outcome, std::span<const SinkRecord> records,
                        const Position& behind);
  Result<void> know_topics(std::span<const SinkRecord> records, const Patience& patience);
  void warn_of_brief_topics(const Patience& patience);
  bool should_ask_again() const;
  enum class Say { yes, no };
  void set_state(bool connected, const std::string& state, Say say = Say::yes);
  void note(LogLevel level, const std::string& message);

  const KafkaOptions options_;
  const std::string transactional_id_;
  const std::string position_key_;
  const Log log_;
  std::atomic<bool> cancelled_{false};

  // Uplink thread.
  std::unique_ptr<KafkaProducer> producer_;
  Mode mode_ = Mode::transactional;  ///< of producer_
  bool in_session_ = false;          ///< producer_ may publish
  bool needs_plain_ = false;
  bool topics_seen_ = false;          ///< how long they keep records was asked
  std::string refusal_;               ///< why the cluster grants no transactions
  std::string notice_;                ///< what was last said about the position topic
  std::string session_state_;         ///< the sentence of a session that works
  std::string trouble_;               ///< why the last publish failed; empty: it was delivered
  std::optional<Position> position_;  ///< what the cluster has
  std::size_t rejected_ = 0;
  Timestamp latest_accepted_ = timestamp_us(0);
  std::chrono::steady_clock::time_point opened_{}, last_used_{};

  mutable std::mutex status_mutex_;
  Status status_;
};

}  // namespace weir
