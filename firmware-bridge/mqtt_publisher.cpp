#include "firmware-bridge/mqtt_publisher.hpp"

#include <utility>

#include "firmware-bridge/mqtt_paho.hpp"

namespace weir {
namespace {

constexpr std::chrono::seconds publish_timeout(10);

PahoClient::Settings settings_of(const MqttOptions& options) {
  PahoClient::Settings settings;
  settings.url = options.url;
  settings.client_id = options.client_id;
  settings.username = options.username;
  settings.password = options.password;
  settings.version = options.version;
  settings.clean = true;
  settings.keep_alive = options.keep_alive;
  settings.connect_timeout = options.connect_timeout;
  settings.ca_file = options.ca_file;
  settings.cert_file = options.cert_file;
  settings.key_file = options.key_file;
  settings.verify = options.verify;
  return settings;
}

}  // namespace

struct MqttPublisher::Impl {
  explicit Impl(PahoClient::Settings settings) : client(std::move(settings)) {}
  PahoClient client;
};

MqttPublisher::MqttPublisher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MqttPublisher::MqttPublisher(MqttPublisher&&) noexcept = default;
MqttPublisher& MqttPublisher::operator=(MqttPublisher&&) noexcept = default;
MqttPublisher::~MqttPublisher() = default;

Result<MqttPublisher> MqttPublisher::connect(const MqttOptions& options) {
  auto impl = std::make_unique<Impl>(settings_of(options));
  if (auto connected = impl->client.connect(); !connected) return fail(connected.error());
  return MqttPublisher(std::move(impl));
}

Result<void> MqttPublisher::publish(std::string_view topic, std::string_view payload, int qos,
                                    bool retained) {
  return impl_->client.publish(topic, payload, qos, retained, publish_timeout);
}

Result<void> MqttPublisher::flush(std::chrono::milliseconds timeout) {
  return impl_->client.flush(timeout);
}

Result<void> MqttPublisher::close(std::chrono::milliseconds timeout) {
  auto flushed = impl_->client.flush(timeout);
  impl_->client.disconnect(timeout);
  return flushed;
}

}  // namespace weir
