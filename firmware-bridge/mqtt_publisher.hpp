#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "config/result.hpp"
#include "firmware-bridge/mqtt_options.hpp"

namespace weir {

/// Publishes messages, for simulated devices and for tests. One thread.
class MqttPublisher {
 public:
  /// Uses url, client_id, username, password, version, keep_alive, connect_timeout and the TLS
  /// options; the session is a clean one.
  /// # Errors
  /// `unavailable`, `timeout`: the broker is away or refuses.
  static Result<MqttPublisher> connect(const MqttOptions& options);

  MqttPublisher(MqttPublisher&&) noexcept;
  MqttPublisher& operator=(MqttPublisher&&) noexcept;
  ~MqttPublisher();

  /// Hands the message over; blocks while a thousand are on their way.
  /// # Errors
  /// `unavailable`: the connection is gone; what was on its way may or may not have arrived.
  /// `timeout`: no room within 10 s.
  Result<void> publish(std::string_view topic, std::string_view payload, int qos, bool retained);

  /// Waits until the broker has taken everything that was published.
  Result<void> flush(std::chrono::milliseconds timeout);

  /// Flushes and disconnects.
  Result<void> close(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  explicit MqttPublisher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
