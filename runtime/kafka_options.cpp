#include "runtime/kafka_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace weir {
namespace {

using namespace std::chrono_literals;

/// What weir sets itself, from its own options or because its guarantees rest on it.
constexpr std::array owned_properties = {
    "bootstrap.servers",
    "metadata.broker.list",
    "client.id",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "compression.codec",
    "compression.type",
    "transactional.id",
    "transaction.timeout.ms",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "acks",
    "request.required.acks",
    "retries",
    "message.send.max.retries",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "queuing.strategy",
    "isolation.level",
    "enable.partition.eof",
    "statistics.interval.ms",
};

bool is_owned(std::string_view name) {
  return std::find(owned_properties.begin(), owned_properties.end(), name) !=
         owned_properties.end();
}

std::vector<std::string> read_brokers(Params& kafka) {
  std::vector<std::string> brokers = kafka.required_texts("brokers");
  for (const std::string& broker : brokers) {
    if (broker.empty() || broker.find_first_of(", \t") != std::string::npos)
      kafka.problem("brokers", "'" + broker + "' is not one address, \"host:port\"");
  }
  return brokers;
}

std::string read_word(Params& kafka, std::string_view key, std::string_view default_value,
                      std::initializer_list<std::string_view> words) {
  std::string word = kafka.text(key, default_value);
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  std::string known;
  for (const std::string_view option : words) {
    if (option.empty()) continue;
    known += known.empty() ? "" : ", ";
    known += option;
  }
  kafka.problem(key, "'" + word + "' is not one of " + known);
  return std::string(default_value);
}

void check_position_topic(Params& kafka, const std::string& name) {
  const bool legal = !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                     });
  if (!legal) kafka.problem("position_topic", "'" + name + "' can't be the name of a Kafka topic");
}

void read_security(Params& kafka, KafkaOptions& options) {
  options.security = read_word(kafka, "security", options.security,
                               {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"});
  options.sasl_mechanism =
      read_word(kafka, "sasl_mechanism", "", {"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"});
  options.username = kafka.text("username", "");
  options.password = kafka.secret("password").value_or("");
  options.ca_file = kafka.text("ca_file", "");
  options.cert_file = kafka.text("cert_file", "");
  options.key_file = kafka.text("key_file", "");

  const bool sasl = options.security.starts_with("sasl");
  const bool tls = options.security.ends_with("ssl");
  if (sasl && options.sasl_mechanism.empty())
    kafka.problem("security", "'" + options.security + "' needs a sasl_mechanism");
  if (!sasl && !options.sasl_mechanism.empty())
    kafka.problem("sasl_mechanism", "has no effect without security = \"sasl_ssl\"");
  if (sasl && options.username.empty())
    kafka.problem("security", "'" + options.security + "' needs a username");
  if (options.cert_file.empty() != options.key_file.empty())
    kafka.problem(options.cert_file.empty() ? "key_file" : "cert_file",
                  "cert_file and key_file belong together");
  if (!tls && !(options.ca_file.empty() && options.cert_file.empty()))
    kafka.problem("security", "certificates have no effect without ssl or sasl_ssl");
}

void read_properties(Params& kafka, KafkaOptions& options) {
  const auto entries = kafka.entries("properties");
  Params properties = kafka.table("properties");
  for (const auto& [name, value] : entries) {
    if (is_owned(name)) {
      properties.problem(name, "is set by weir; see the options of [kafka]");
      continue;
    }
    if (auto known = check_kafka_property(name, value); !known) {
      properties.problem(name, known.error().message);
      continue;
    }
    options.properties.emplace_back(name, value);
  }
}

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

KafkaOptions KafkaOptions::read(Params root) {
  Params kafka = root.table("kafka");
  KafkaOptions options;
  options.brokers = read_brokers(kafka);
  options.delivery = kafka.choice(
      "delivery", options.delivery,
      {{"exactly-once", Delivery::exactly_once}, {"at-least-once", Delivery::at_least_once}});
  options.compression = read_word(kafka, "compression", options.compression,
                                  {"none", "gzip", "snappy", "lz4", "zstd"});
  if (auto known = check_kafka_property("compression.codec", options.compression); !known)
    kafka.problem("compression", known.error().message);
  options.position_topic = kafka.text("position_topic", options.position_topic);
  check_position_topic(kafka, options.position_topic);
  options.transaction_timeout =
      kafka.duration("transaction_timeout", options.transaction_timeout, {1s, 15min});
  options.batch = static_cast<std::size_t>(
      kafka.integer("batch", static_cast<std::int64_t>(options.batch), {1, 100'000}));
  options.linger = kafka.duration("linger", options.linger, {0s, 1min});
  read_security(kafka, options);
  read_properties(kafka, options);
  return options;
}

std::string KafkaOptions::broker_list() const {
  std::string list;
  for (const std::string& broker : brokers) list += (list.empty() ? "" : ",") + broker;
  return list;
}

std::vector<std::pair<std::string, std::string>> KafkaOptions::client_settings() const {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"socket.timeout.ms", milliseconds(std::min<Duration>(transaction_timeout, 10s))},
      {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "10000"},
  };
  settings.insert(settings.end(), properties.begin(), properties.end());
  const auto set = [&](const char* name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(name, value);
  };
  set("bootstrap.servers", broker_list());
  set("security.protocol", security);
  set("sasl.mechanisms", sasl_mechanism);
  set("sasl.username", username);
  set("sasl.password", password);
  set("ssl.ca.location", ca_file);
  set("ssl.certificate.location", cert_file);
  set("ssl.key.location", key_file);
  return settings;
}

}  // namespace weir
