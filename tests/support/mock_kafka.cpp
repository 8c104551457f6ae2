#include "tests/support/mock_kafka.hpp"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "tests/support/tsan_c11_threads.hpp"

namespace weir {

struct MockKafka::State {
  rd_kafka_t* client = nullptr;
  rd_kafka_mock_cluster_t* cluster = nullptr;
};

MockKafka::MockKafka(int brokers) : state_(std::make_unique<State>()) {
  know_c11_threads();
  std::array<char, 256> text{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "client.id", "mock", nullptr, 0);
  rd_kafka_conf_set(conf, "log_level", "2", nullptr, 0);
  state_->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text.data(), text.size());
  if (state_->client == nullptr) throw std::runtime_error(text.data());
  state_->cluster = rd_kafka_mock_cluster_new(state_->client, brokers);
  if (state_->cluster == nullptr) throw std::runtime_error("the mock cluster can't be made");
  // A newer librdkafka makes no topic for somebody who only wants to read it.
  create_topic("weir.positions");
}

MockKafka::~MockKafka() {
  rd_kafka_mock_cluster_destroy(state_->cluster);
  rd_kafka_destroy(state_->client);
}

std::string MockKafka::brokers() const {
  return rd_kafka_mock_cluster_bootstraps(state_->cluster);
}

void MockKafka::create_topic(const std::string& name, int partitions) {
  rd_kafka_mock_topic_create(state_->cluster, name.c_str(), partitions, 1);
}

void MockKafka::go_down() {
  rd_kafka_mock_broker_set_down(state_->cluster, -1);
}

void MockKafka::go_up() {
  rd_kafka_mock_broker_set_up(state_->cluster, -1);
}

void MockKafka::set_round_trip(int milliseconds) {
  rd_kafka_mock_broker_set_rtt(state_->cluster, -1, milliseconds);
}

void MockKafka::fail_next(KafkaRequest request, std::initializer_list<KafkaFault> faults) {
  std::vector<rd_kafka_resp_err_t> errors;
  for (const KafkaFault fault : faults) errors.push_back(static_cast<rd_kafka_resp_err_t>(fault));
  rd_kafka_mock_push_request_errors_array(state_->cluster, static_cast<std::int16_t>(request),
                                          errors.size(), errors.data());
}

void MockKafka::forget_faults(KafkaRequest request) {
  rd_kafka_mock_clear_request_errors(state_->cluster, static_cast<std::int16_t>(request));
}

void MockKafka::withdraw(KafkaRequest request) {
  rd_kafka_mock_set_apiversion(state_->cluster, static_cast<std::int16_t>(request), -1, -1);
}

}  // namespace weir
