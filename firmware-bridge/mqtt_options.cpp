#include "firmware-bridge/mqtt_options.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace weir {
namespace {

using namespace std::chrono_literals;

/// The nonce for the loopback connection is appended to the client id (mqtt_source.cpp).
constexpr std::size_t max_client_id = 65'000;

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return fail(ErrorKind::invalid, "the port must be a number from 1 to 65535");
  return port;
}

bool plain_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 &&
         host.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
             std::string_view::npos;
}

void read_tls(Params& mqtt, MqttOptions& options) {
  options.ca_file = mqtt.text("ca_file", "");
  options.cert_file = mqtt.text("cert_file", "");
  options.key_file = mqtt.text("key_file", "");
  options.verify = mqtt.boolean("verify", true);
  if (options.cert_file.empty() != options.key_file.empty())
    mqtt.problem(options.cert_file.empty() ? "key_file" : "cert_file",
                 "cert_file and key_file belong together: give both or none");
  const bool wants_tls = !options.ca_file.empty() || !options.cert_file.empty() || !options.verify;
  if (wants_tls && !options.url.tls && !options.url.host.empty())
    mqtt.problem("url", "ca_file, cert_file, key_file and verify need a url with mqtts://");
}

void read_identity(Params& root, Params& mqtt, MqttOptions& options) {
  const auto gateway = root.table("gateway").optional_text("id");
  options.client_id = mqtt.text("client_id", "");
  if (options.client_id.empty()) options.client_id = "weir-" + gateway.value_or("");
  if (options.client_id.size() > max_client_id || !valid_mqtt_text(options.client_id))
    mqtt.problem("client_id", "expected UTF-8 of at most 65000 bytes without NUL");
  options.username = mqtt.text("username", "");
  options.password = mqtt.secret("password").value_or("");
  if (options.username.size() > 65'535 || !valid_mqtt_text(options.username))
    mqtt.problem("username", "expected UTF-8 of at most 65535 bytes without NUL");
  if (options.password.size() > 65'535) mqtt.problem("password", "expected at most 65535 bytes");
  if (!options.password.empty() && options.username.empty() &&
      options.version == MqttVersion::v3_1_1)
    mqtt.problem("password", "MQTT 3.1.1 has no password without a user name: set username");
}

}  // namespace

Result<MqttUrl> MqttUrl::parse(std::string_view text) {
  MqttUrl url;
  if (text.starts_with("mqtts://")) {
    url.tls = true;
  } else if (!text.starts_with("mqtt://")) {
    return fail(ErrorKind::invalid, "expected mqtt://host or mqtts://host, with :port if need be");
  }
  text.remove_prefix(url.tls ? 8 : 7);
  if (text.find('@') != std::string_view::npos)
    return fail(ErrorKind::invalid,
                "user and password do not belong in the url: use their own keys");
  if (text.ends_with('/')) text.remove_suffix(1);
  const bool bracketed = text.starts_with('[');
  const auto host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == std::string_view::npos)
    return fail(ErrorKind::invalid, "an IPv6 address ends with ]");
  url.host = text.substr(bracketed ? 1 : 0, bracketed ? host_end - 1 : host_end);
  const bool good_host =
      bracketed ? url.host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos &&
                      url.host.find(':') != std::string::npos
                : plain_host(url.host);
  if (!good_host) return fail(ErrorKind::invalid, "expected a host name or an address");
  text.remove_prefix(bracketed ? host_end + 1 : std::min(host_end, text.size()));
  url.port = url.tls ? 8883 : 1883;
  if (text.empty()) return url;
  if (text[0] != ':')
    return fail(ErrorKind::invalid, "expected nothing but a port behind the host");
  const auto port = parse_port(text.substr(1));
  if (!port) return fail(port.error());
  url.port = *port;
  return url;
}

std::string MqttUrl::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (tls ? "mqtts://" : "mqtt://") + (v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

MqttOptions MqttOptions::read(Params root) {
  MqttOptions options;
  Params mqtt = root.table("mqtt");
  const std::string url = mqtt.required_text("url");
  if (auto parsed = MqttUrl::parse(url))
    options.url = *std::move(parsed);
  else if (!url.empty())
    mqtt.problem("url", parsed.error().message);
  options.version = mqtt.choice("version", MqttVersion::v3_1_1,
                                {{"3.1.1", MqttVersion::v3_1_1}, {"5", MqttVersion::v5}});
  read_identity(root, mqtt, options);
  options.qos = static_cast<int>(mqtt.integer("qos", 1, {0, 2}));
  options.keep_alive = mqtt.duration("keep_alive", 30s, {1s, 65'535s});
  options.session_expiry = mqtt.duration("session_expiry", 7 * 24h, {0s, 100 * 365 * 24h});
  options.reconnect_min = mqtt.duration("reconnect_min", 1s, {1ms, 24h});
  options.reconnect_max = mqtt.duration("reconnect_max", 1min, {1ms, 24h});
  if (options.reconnect_max < options.reconnect_min)
    mqtt.problem("reconnect_max", "must not be shorter than reconnect_min");
  options.max_packet_size =
      mqtt.bytes("max_packet_size", Bytes{1U << 20}, {Bytes{1024}, Bytes{268'435'455}});
  options.receive_maximum =
      static_cast<std::uint16_t>(mqtt.integer("receive_maximum", 1000, {1, 65'535}));
  read_tls(mqtt, options);
  return options;
}

}  // namespace weir
