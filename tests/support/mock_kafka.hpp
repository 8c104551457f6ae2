#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

namespace weir {

/// Requests of the Kafka protocol that a test may want to fail, with their numbers.
enum class KafkaRequest : std::int16_t {
  produce = 0,
  metadata = 3,
  find_coordinator = 10,
  init_producer_id = 22,
  add_partitions_to_txn = 24,
  end_txn = 26,
};

/// Errors of the Kafka protocol, with their numbers.
enum class KafkaFault : std::int16_t {
  disconnect = -195,
  leader_not_available = 5,
  request_timed_out = 7,
  message_too_large = 10,
  coordinator_not_available = 15,
  topic_authorization_failed = 29,
  invalid_producer_epoch = 47,
  concurrent_transactions = 51,
  transactional_id_authorization_failed = 53,
};

/// librdkafka's mock cluster in this process. It has weir.positions, makes every topic that is
/// written to, knows no topic configuration and no admin requests, and serves rows of aborted
/// transactions to everybody: what "exactly once" means can only be shown with a real broker.
class MockKafka {
 public:
  explicit MockKafka(int brokers = 1);
  ~MockKafka();
  MockKafka(const MockKafka&) = delete;
  MockKafka& operator=(const MockKafka&) = delete;

  std::string brokers() const;  ///< "127.0.0.1:40001,127.0.0.1:40002"
  void create_topic(const std::string& name, int partitions = 1);

  void go_down();  ///< breaks all connections and refuses new ones
  void go_up();
  void set_round_trip(int milliseconds);
  /// The next requests of this kind fail, one error each.
  void fail_next(KafkaRequest request, std::initializer_list<KafkaFault> faults);
  void forget_faults(KafkaRequest request);
  /// The cluster does not know this request at all, as an older one would not.
  void withdraw(KafkaRequest request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
