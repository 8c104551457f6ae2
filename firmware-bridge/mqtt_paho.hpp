#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"
#include "firmware-bridge/mqtt_options.hpp"

namespace weir {

/// An MQTT client: Eclipse Paho C++ behind the few calls that weir needs, errors as Result, no
/// persistence, no reconnecting of its own. The wrapper around Paho's header. One thread, save
/// `interrupt`; `lost` is called on a thread of Paho.
class PahoClient {
 public:
  struct Settings {
    MqttUrl url;
    std::string client_id, username, password;
    MqttVersion version = MqttVersion::v3_1_1;
    bool clean = false;  ///< forget the session of this id, before and after
    Duration keep_alive{}, session_expiry{}, connect_timeout{};
    std::uint16_t receive_maximum = 0;  ///< 0: do not say
    Bytes max_packet_size{0};           ///< 0: do not say
    std::string ca_file, cert_file, key_file;
    bool verify = true;
  };

  explicit PahoClient(Settings settings);
  ~PahoClient();

  /// # Errors
  /// `unavailable`: refused, or nobody there. `timeout`: no answer within the connect timeout.
  Result<void> connect();

  /// Subscribes to each filter and waits for the answers. Returns a code for each: 0, 1, 2: granted
  /// with this QoS; 128 and above: refused.
  /// # Errors
  /// `unavailable`: the connection was lost before all answers came. `timeout`.
  Result<std::vector<int>> subscribe(const std::vector<std::string>& filters, int qos,
                                     std::chrono::milliseconds timeout);

  /// Hands a message to Paho; waits while `max_in_flight` are unfinished. Topic and payload are
  /// copied.
  /// # Errors
  /// `unavailable`: not connected; the fate of messages in flight is unknown. `timeout`.
  Result<void> publish(std::string_view topic, std::string_view payload, int qos, bool retained,
                       std::chrono::milliseconds timeout);
  /// Waits until all published messages are finished.
  Result<void> flush(std::chrono::milliseconds timeout);

  /// Waits until the connection is lost or `interrupt` was called, at most for `timeout`; true if
  /// there is no connection any more.
  bool wait_lost(std::chrono::milliseconds timeout);
  /// Any thread: all waiting ends early, now and later.
  void interrupt();

  /// Sends DISCONNECT, if connected.
  void disconnect(std::chrono::milliseconds timeout);

  static constexpr std::size_t max_in_flight = 1000;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
