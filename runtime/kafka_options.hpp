#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/params.hpp"
#include "config/result.hpp"
#include "config/units.hpp"

namespace weir {

/// `[kafka]` of the configuration.
struct KafkaOptions {
  enum class Delivery { exactly_once, at_least_once };

  std::vector<std::string> brokers;  ///< "host:port"
  Delivery delivery = Delivery::exactly_once;
  std::string compression = "zstd";
  std::string position_topic = "weir.positions";
  Duration transaction_timeout = std::chrono::seconds(15);
  std::size_t batch = 1000;
  Duration linger = std::chrono::milliseconds(100);
  std::string security = "plaintext";
  std::string sasl_mechanism, username, password;
  std::string ca_file, cert_file, key_file;
  /// A session that was silent for longer is made anew: a cluster forgets producers (after a day by
  /// default), and a new one is cheaper than an error. Not in the file.
  Duration renew_after = std::chrono::hours(1);
  /// A session without transactions is left after this long, to ask the cluster for them again.
  /// Not in the file.
  Duration ask_again_after = std::chrono::minutes(5);
  /// Where results go, each topic once. Of other tables of the file.
  std::vector<std::string> topics;
  /// `[kafka.properties]`: librdkafka's names, checked.
  std::vector<std::pair<std::string, std::string>> properties;

  /// Reads `[kafka]`. Asks librdkafka about every property, without a connection.
  static KafkaOptions read(Params root);

  std::string broker_list() const;  ///< "kafka1:9092,kafka2:9092"
  /// What any client of this cluster is configured with, by librdkafka's names: peers, security,
  /// reconnecting, and the pass-through properties. Holds the password.
  std::vector<std::pair<std::string, std::string>> client_settings() const;
};

/// Whether librdkafka knows this property and takes this value.
/// # Errors
/// `unsupported`, with librdkafka's own words.
Result<void> check_kafka_property(const std::string& name, const std::string& value);

}  // namespace weir
