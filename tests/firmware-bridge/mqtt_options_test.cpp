#include "firmware-bridge/mqtt_options.hpp"

#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

struct Read {
  MqttOptions options;
  std::string problems;
};

Read read(const std::string& mqtt) {
  auto file = ConfigFile::parse("[gateway]\nid = \"gw7\"\n[mqtt]\n" + mqtt, "test.toml");
  Read out{MqttOptions::read(file.root()), {}};
  out.problems = file.problems().text();
  return out;
}

bool refused(const std::string& mqtt, const std::string& words) {
  const auto problems = read(mqtt).problems;
  INFO(mqtt << "\n" << problems);
  CHECK(problems.find(words) != std::string::npos);
  return problems.find(words) != std::string::npos;
}

const std::string url = "url = \"mqtt://broker\"\n";
const std::string tls_url = "url = \"mqtts://broker\"\n";

}  // namespace

TEST_CASE("a URL names scheme, host and port") {
  const auto parsed = [](const char* text) {
    const auto parsed_url = MqttUrl::parse(text);
    return parsed_url ? parsed_url->text() : "refused";
  };
  CHECK(parsed("mqtt://broker.local") == "mqtt://broker.local:1883");
  CHECK(parsed("mqtts://broker.local") == "mqtts://broker.local:8883");
  CHECK(parsed("mqtt://10.0.0.1:2883/") == "mqtt://10.0.0.1:2883");
  CHECK(parsed("mqtts://[fe80::1]:1") == "mqtts://[fe80::1]:1");
  CHECK(parsed("mqtt://[::1]") == "mqtt://[::1]:1883");
  for (const auto* bad : {"", "mqtt://", "mqtt:/x", "tcp://broker", "mqtt://:1883", "mqtt://b:0",
                          "mqtt://b:65536", "mqtt://b:x", "mqtt://b:", "mqtt://[::1", "mqtt://[b]",
                          "mqtt://[::1]x", "mqtt://b/path", "mqtt://b c", "mqtt://user:word@b"})
    CHECK(parsed(bad) == "refused");
  CHECK(MqttUrl::parse("mqtt://user:word@b").error().message.find("word@") == std::string::npos);
}

TEST_CASE("without more than a URL the defaults are those of the sample configuration") {
  const auto [options, problems] = read(url);
  CHECK(problems.empty());
  CHECK(options.client_id == "weir-gw7");
  CHECK(options.version == MqttVersion::v3_1_1);
  CHECK(options.qos == 1);
  CHECK(options.keep_alive == 30s);
  CHECK(options.session_expiry == 7 * 24h);
  CHECK(options.reconnect_min == 1s);
  CHECK(options.reconnect_max == 1min);
  CHECK(options.max_packet_size == Bytes{1U << 20});
  CHECK(options.receive_maximum == 1000);
  CHECK(options.verify);
  CHECK(options.username.empty());
}

TEST_CASE("every option is read") {
  const auto [options, problems] =
      read(tls_url +
           "client_id = \"c\"\nusername = \"u\"\npassword = \"p\"\nversion = \"5\"\nqos = 2\n"
           "keep_alive = \"5s\"\nsession_expiry = \"1h\"\nreconnect_min = \"2s\"\n"
           "reconnect_max = \"3s\"\nmax_packet_size = \"64KiB\"\nreceive_maximum = 7\n"
           "ca_file = \"ca\"\ncert_file = \"cert\"\nkey_file = \"key\"\nverify = false\n");
  CHECK(problems.empty());
  CHECK(options.url.text() == "mqtts://broker:8883");
  CHECK(options.client_id == "c");
  CHECK(options.username == "u");
  CHECK(options.password == "p");
  CHECK(options.version == MqttVersion::v5);
  CHECK(options.qos == 2);
  CHECK(options.keep_alive == 5s);
  CHECK(options.session_expiry == 1h);
  CHECK(options.reconnect_min == 2s);
  CHECK(options.reconnect_max == 3s);
  CHECK(options.max_packet_size == Bytes{65'536});
  CHECK(options.receive_maximum == 7);
  CHECK(options.ca_file == "ca");
  CHECK(options.cert_file == "cert");
  CHECK(options.key_file == "key");
  CHECK_FALSE(options.verify);
}

TEST_CASE("what does not go together is a problem at its key") {
  CHECK(refused("", "mqtt.url"));
  CHECK(refused("url = \"tcp://broker\"\n", "expected mqtt://host or mqtts://host"));
  CHECK(refused(url + "qos = 3\n", "mqtt.qos"));
  CHECK(refused(url + "version = \"3.1\"\n", "mqtt.version"));
  CHECK(refused(url + "reconnect_max = \"500ms\"\n", "must not be shorter than reconnect_min"));
  CHECK(refused(url + "password = \"secret\"\n", "set username"));
  CHECK(refused(url + "ca_file = \"ca\"\n", "need a url with mqtts://"));
  CHECK(refused(url + "verify = false\n", "need a url with mqtts://"));
  CHECK(refused(tls_url + "cert_file = \"cert\"\n", "belong together"));
  CHECK(refused(tls_url + "key_file = \"key\"\n", "belong together"));
  CHECK(refused(url + "keep_alive = \"0s\"\n", "mqtt.keep_alive"));
  CHECK(refused(url + "max_packet_size = \"1GiB\"\n", "mqtt.max_packet_size"));
  CHECK(read(url + "password = \"secret\"\n").problems.find("secret") == std::string::npos);
}
