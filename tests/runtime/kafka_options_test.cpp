#include "runtime/kafka_options.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

struct Read {
  KafkaOptions options;
  std::string problems;
};

Read read(const std::string& text) {
  ConfigFile file = ConfigFile::parse(
      text, "weir.toml", [](const std::string&) { return std::optional<std::string>(); });
  Read result;
  Params root = file.root();
  result.options = KafkaOptions::read(root);
  root.finish();
  result.problems = file.problems().text();
  return result;
}

std::string setting(const KafkaOptions& options, const std::string& name) {
  std::string found;
  for (const auto& [key, value] : options.client_settings()) {
    if (key == name) found = value;
  }
  return found;
}

const std::string brokers = "[kafka]\nbrokers = [\"a:9092\", \"b:9092\"]\n";

}  // namespace

TEST_CASE("brokers alone are enough, the rest has defaults") {
  const Read result = read(brokers);
  CHECK(result.problems == "");
  CHECK(result.options.broker_list() == "a:9092,b:9092");
  CHECK(result.options.delivery == KafkaOptions::Delivery::exactly_once);
  CHECK(result.options.compression == "zstd");
  CHECK(result.options.position_topic == "weir.positions");
  CHECK(result.options.transaction_timeout == std::chrono::seconds(15));
  CHECK(result.options.batch == 1000);
  CHECK(result.options.linger == std::chrono::milliseconds(100));
  CHECK(setting(result.options, "security.protocol") == "plaintext");
}

TEST_CASE("every option is read") {
  const Read result = read(brokers + R"(
delivery = "at-least-once"
compression = "lz4"
position_topic = "p"
transaction_timeout = "30s"
batch = 5
linger = "0"
security = "sasl_ssl"
sasl_mechanism = "SCRAM-SHA-512"
username = "weir"
password = "secret"
ca_file = "/ca"
cert_file = "/cert"
key_file = "/key"
[kafka.properties]
"socket.keepalive.enable" = "false"
"message.max.bytes" = 2000000
)");
  CHECK(result.problems == "");
  CHECK(result.options.delivery == KafkaOptions::Delivery::at_least_once);
  CHECK(result.options.batch == 5);
  CHECK(setting(result.options, "sasl.mechanisms") == "SCRAM-SHA-512");
  CHECK(setting(result.options, "sasl.password") == "secret");
  CHECK(setting(result.options, "ssl.key.location") == "/key");
  CHECK(setting(result.options, "socket.keepalive.enable") == "false");
  CHECK(setting(result.options, "message.max.bytes") == "2000000");
}

TEST_CASE("what is wrong is reported at its place") {
  const auto problem = [](const std::string& lines) { return read(brokers + lines).problems; };
  CHECK(read("[kafka]\n").problems.find("kafka.brokers") != std::string::npos);
  CHECK(read("[kafka]\nbrokers = [\"a:1,b:2\"]\n").problems.find("a:1,b:2") != std::string::npos);
  CHECK(problem("compression = \"zip\"").find("weir.toml:3:") == 0);
  CHECK(problem("compression = \"zip\"").find("zstd") != std::string::npos);
  CHECK(problem("delivery = \"maybe\"").find("kafka.delivery") != std::string::npos);
  CHECK(problem("position_topic = \"a/b\"").find("kafka.position_topic") != std::string::npos);
  CHECK(problem("transaction_timeout = \"1h\"").find("transaction_timeout") != std::string::npos);
  CHECK(problem("batch = 0").find("kafka.batch") != std::string::npos);
  CHECK(problem("brokres = 1").find("brokers") != std::string::npos);
}

TEST_CASE("security options that do not fit together are reported") {
  const auto problem = [](const std::string& lines) { return read(brokers + lines).problems; };
  CHECK(problem("security = \"sasl_ssl\"\nusername = \"u\"").find("sasl_mechanism") !=
        std::string::npos);
  CHECK(problem("security = \"sasl_ssl\"\nsasl_mechanism = \"PLAIN\"").find("username") !=
        std::string::npos);
  CHECK(problem("sasl_mechanism = \"PLAIN\"").find("no effect") != std::string::npos);
  CHECK(problem("security = \"ssl\"\ncert_file = \"/c\"").find("key_file") != std::string::npos);
  CHECK(problem("ca_file = \"/ca\"").find("no effect") != std::string::npos);
}

TEST_CASE("librdkafka is asked about every property that is passed through") {
  const auto problem = [](const std::string& lines) {
    return read(brokers + "[kafka.properties]\n" + lines).problems;
  };
  const std::string unknown = problem("\"linger.mss\" = 5");
  CHECK(unknown.find("weir.toml:4:") == 0);
  CHECK(unknown.find("linger.mss") != std::string::npos);
  CHECK(problem("\"linger.ms\" = \"soon\"").find("weir.toml:4:") == 0);
  CHECK(problem("\"linger.ms\" = 5") == "");
}

TEST_CASE("a property that weir sets itself can't be passed through") {
  for (const std::string name : {"transactional.id", "enable.idempotence", "bootstrap.servers",
                                 "acks", "compression.type", "message.timeout.ms"}) {
    const Read result = read(brokers + "[kafka.properties]\n\"" + name + "\" = \"1\"\n");
    INFO(name);
    CHECK(result.problems.find("is set by weir") != std::string::npos);
    CHECK(result.options.properties.empty());
  }
}

TEST_CASE("no problem shows the password") {
  const Read result = read(brokers + "security = \"sasl_ssl\"\npassword = \"hunter2\"\n");
  CHECK(result.problems != "");
  CHECK(result.problems.find("hunter2") == std::string::npos);
}
