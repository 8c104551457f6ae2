#pragma once

#include <charconv>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/kafka_sink.hpp"
#include "runtime/seeded_random.hpp"
#include "runtime/uplink.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_outbox.hpp"
#include "tests/support/kafka_consumer.hpp"
#include "tests/support/real_kafka.hpp"

namespace weir {

using namespace std::chrono_literals;

/// One gateway with topics of its own on the shared broker.
struct Scene {
  std::string brokers = real_kafka_brokers();
  std::string gateway = unique_name("gw");
  std::string topic = unique_name("rows");
  std::string position_topic = unique_name("positions");
  std::string epoch = "11111111-2222-4333-8444-555555555555";

  bool as_user_weir = false;  ///< whom ACLs can forbid something

  explicit operator bool() const { return !brokers.empty(); }

  KafkaOptions options() const {
    KafkaOptions result;
    result.brokers = {brokers};
    result.position_topic = position_topic;
    result.transaction_timeout = 10s;
    if (!as_user_weir) return result;
    result.brokers = {real_kafka_sasl()};
    result.security = "sasl_plaintext";
    result.sasl_mechanism = "PLAIN";
    result.username = "weir";
    result.password = "weir-secret";
    return result;
  }
  std::unique_ptr<KafkaSink> sink() const {
    return std::make_unique<KafkaSink>(options(), gateway, epoch, Log());
  }
  UplinkOptions uplink_options() const {
    UplinkOptions result;
    result.gateway = gateway;
    result.epoch = epoch;
    result.batch = 50;
    result.publish_timeout = 10s;
    result.retry_min = 10ms;
    result.retry_max = 200ms;
    return result;
  }
  SinkRecord record(const std::string& value) const {
    SinkRecord result;
    result.topic = topic;
    result.key = "key";
    result.value = value;
    result.timestamp = timestamp_us(1'700'000'000'000'000);
    return result;
  }
  std::vector<SinkRecord> records(int first, int last) const {
    std::vector<SinkRecord> result;
    for (int i = first; i <= last; ++i) result.push_back(record(std::to_string(i)));
    return result;
  }
};

template <class T>
std::string trouble(const Result<T>& result) {
  return result ? "" : result.error().message;
}

inline Position live(std::uint64_t seq) {
  return Position{{0, seq, 0, 0}};
}

inline std::vector<std::string> values(const KafkaConsumer::Records& found) {
  std::vector<std::string> result;
  for (const ConsumedRecord& item : found) result.push_back(item.value);
  return result;
}

/// Text that does not compress much.
inline std::string noise(std::size_t size) {
  SeededRandom random(1);
  std::string text;
  while (text.size() < size) text += static_cast<char>('!' + random.below(90));
  return text;
}

/// The committed rows of a topic, by their weir-seq.
inline std::multiset<std::uint64_t> committed_seqs(const Scene& scene) {
  KafkaConsumer consumer(scene.brokers, scene.topic);
  std::multiset<std::uint64_t> found;
  for (const ConsumedRecord& item : consumer.read_to_end()) {
    const std::string& text = item.headers.at("weir-seq");
    std::uint64_t seq = 0;
    std::from_chars(text.data(), text.data() + text.size(), seq);
    found.insert(seq);
  }
  return found;
}

inline std::multiset<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::multiset<std::uint64_t> result;
  for (std::uint64_t seq = first; seq <= last; ++seq) result.insert(seq);
  return result;
}

}  // namespace weir
