#include "firmware-bridge/mqtt_paho.hpp"

#include <mqtt/async_client.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace weir {
namespace {

namespace paho = ::mqtt;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

int version_number(MqttVersion version) {
  return version == MqttVersion::v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
}

std::string paho_uri(const MqttUrl& url) {
  std::string text = url.text();
  return (url.tls ? "ssl://" : "tcp://") + text.substr(text.find("//") + 2);
}

std::int32_t whole_seconds(Duration duration) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
  return static_cast<std::int32_t>(
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, 0xffff'ffff)));
}

paho::properties connect_properties(const PahoClient::Settings& settings) {
  paho::properties properties;
  if (!settings.clean)
    properties.add(
        {paho::property::SESSION_EXPIRY_INTERVAL, whole_seconds(settings.session_expiry)});
  if (settings.receive_maximum > 0)
    properties.add({paho::property::RECEIVE_MAXIMUM, settings.receive_maximum});
  if (count(settings.max_packet_size) > 0)
    properties.add({paho::property::MAXIMUM_PACKET_SIZE,
                    static_cast<std::int32_t>(count(settings.max_packet_size))});
  return properties;
}

paho::ssl_options tls_options(const PahoClient::Settings& settings) {
  paho::ssl_options tls;
  if (!settings.ca_file.empty()) tls.set_trust_store(settings.ca_file);
  if (!settings.cert_file.empty()) {
    tls.set_key_store(settings.cert_file);
    tls.set_private_key(settings.key_file);
  }
  tls.set_enable_server_cert_auth(settings.verify);
  tls.set_verify(settings.verify);
  return tls;
}

paho::connect_options connect_options(const PahoClient::Settings& settings) {
  paho::connect_options options;
  options.set_mqtt_version(version_number(settings.version));
  if (settings.version == MqttVersion::v5) {
    options.set_clean_start(settings.clean);
    options.set_properties(connect_properties(settings));
  } else {
    options.set_clean_session(settings.clean);
  }
  options.set_keep_alive_interval(whole_seconds(settings.keep_alive));
  options.set_connect_timeout(whole_seconds(settings.connect_timeout));
  options.set_automatic_reconnect(false);
  options.set_max_inflight(PahoClient::max_in_flight);
  if (!settings.username.empty()) options.set_user_name(settings.username);
  if (!settings.password.empty()) options.set_password(settings.password);
  if (settings.url.tls) options.set_ssl(tls_options(settings));
  return options;
}

tl::unexpected<Error> failed(const paho::exception& error) {
  return fail(ErrorKind::unavailable,
              error.get_message().empty() ? error.what() : error.get_message());
}

}  // namespace

struct PahoClient::Impl {
  Settings settings;
  std::mutex mutex;
  std::condition_variable changed;
  bool connected = false, interrupted = false;  ///< guarded by mutex
  std::deque<paho::delivery_token_ptr> in_flight;
  std::unique_ptr<paho::async_client> client;  ///< last: its threads use the others

  explicit Impl(Settings given) : settings(std::move(given)) {}

  void make_client() {
    client.reset();
    paho::create_options options(version_number(settings.version));
    options.set_max_buffered_messages(2 * max_in_flight);  // its default would refuse the 101st
    client =
        std::make_unique<paho::async_client>(paho_uri(settings.url), settings.client_id, options);
    client->set_connection_lost_handler([this](const std::string&) { set_connected(false); });
  }

  void set_connected(bool value) {
    {
      const std::lock_guard lock(mutex);
      connected = value;
    }
    changed.notify_all();
  }

  /// Waits for an operation in short steps, because Paho does not end those of a lost connection.
  Result<void> wait(paho::token& token, milliseconds timeout, bool needs_connection) {
    const auto deadline = SteadyClock::now() + timeout;
    for (;;) {
      if (token.wait_for(milliseconds(20))) return {};
      const std::lock_guard lock(mutex);
      if (interrupted) return fail(ErrorKind::unavailable, "interrupted");
      if (needs_connection && !connected)
        return fail(ErrorKind::unavailable, "the connection was lost");
      if (SteadyClock::now() > deadline) return fail(ErrorKind::timeout, "no answer in time");
    }
  }

  /// Drops the messages at the front that are finished, and waits until fewer than `most` are left.
  Result<void> finish(std::size_t most, milliseconds timeout) {
    while (!in_flight.empty() && (in_flight.size() >= most || in_flight.front()->is_complete())) {
      auto waited = wait(*in_flight.front(), timeout, true);
      if (!waited) return waited;
      in_flight.pop_front();
    }
    return {};
  }
};

PahoClient::PahoClient(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}

PahoClient::~PahoClient() = default;

Result<void> PahoClient::connect() {
  Result<void> connected = fail(ErrorKind::unavailable, "no client");
  paho::token_ptr token;
  try {
    if (!impl_->client) impl_->make_client();
    impl_->in_flight.clear();
    impl_->set_connected(true);  // before it is true, so that a loss right after is not missed
    token = impl_->client->connect(connect_options(impl_->settings));
    const auto limit = std::chrono::duration_cast<milliseconds>(impl_->settings.connect_timeout);
    connected = impl_->wait(*token, limit, false);
  } catch (const paho::exception& error) {
    connected = failed(error);
  } catch (const std::exception& error) {
    connected = fail(ErrorKind::unavailable, error.what());
  }
  if (connected) return connected;
  impl_->set_connected(false);
  // A client that is still busy with an attempt can't be used for another.
  if (!token || !token->is_complete()) impl_->client.reset();
  return connected;
}

Result<std::vector<int>> PahoClient::subscribe(const std::vector<std::string>& filters, int qos,
                                               milliseconds timeout) {
  std::vector<paho::token_ptr> tokens;
  std::vector<int> codes;
  try {
    // With MQTT 5 retained messages come when a subscription is new, not on every connect.
    paho::subscribe_options options;
    if (impl_->settings.version == MqttVersion::v5)
      options.set_retain_handling(paho::subscribe_options::SEND_RETAINED_ON_NEW);
    for (const auto& filter : filters)
      tokens.push_back(impl_->client->subscribe(filter, qos, options));
  } catch (const std::exception& error) {
    return fail(ErrorKind::unavailable, error.what());
  }
  for (const auto& token : tokens) {
    try {
      if (auto answered = impl_->wait(*token, timeout, true); !answered)
        return fail(answered.error());
      const auto response = token->get_subscribe_response();
      const auto& granted = response.get_reason_codes();
      codes.push_back(granted.empty() ? 0x80 : static_cast<int>(granted.front()));
    } catch (const std::exception&) {
      codes.push_back(0x80);
    }
  }
  return codes;
}

Result<void> PahoClient::publish(std::string_view topic, std::string_view payload, int qos,
                                 bool retained, milliseconds timeout) {
  try {
    if (auto room = impl_->finish(max_in_flight, timeout); !room) return room;
    impl_->in_flight.push_back(
        impl_->client->publish(std::string(topic), payload.data(), payload.size(), qos, retained));
    return {};
  } catch (const paho::exception& error) {
    return failed(error);
  } catch (const std::exception& error) {
    return fail(ErrorKind::unavailable, error.what());
  }
}

Result<void> PahoClient::flush(milliseconds timeout) {
  try {
    return impl_->finish(1, timeout);
  } catch (const std::exception& error) {
    return fail(ErrorKind::unavailable, error.what());
  }
}

bool PahoClient::wait_lost(milliseconds timeout) {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait_for(lock, timeout,
                          [this] { return !impl_->connected || impl_->interrupted; });
  return !impl_->connected;
}

void PahoClient::interrupt() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->interrupted = true;
  }
  impl_->changed.notify_all();
}

void PahoClient::disconnect(milliseconds timeout) {
  if (!impl_->client || !impl_->client->is_connected()) return;
  try {
    impl_->client->disconnect(0)->wait_for(timeout);
  } catch (const std::exception&) {
    // Lost in this moment: just as well.
  }
  impl_->set_connected(false);
}

}  // namespace weir
