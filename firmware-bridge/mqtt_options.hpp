#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/params.hpp"
#include "firmware-bridge/mqtt_packet.hpp"

namespace weir {

/// "mqtt://host:1883", "mqtts://[::1]:8883".
struct MqttUrl {
  bool tls = false;
  std::string host;  ///< a name or an address, without brackets
  std::uint16_t port = 0;

  /// # Errors
  /// `invalid`: another scheme, no host, a port that is none, a user or a path (the message never
  /// repeats the text, which may hold a password).
  static Result<MqttUrl> parse(std::string_view text);
  std::string text() const;
};

/// `[mqtt]` of the configuration.
struct MqttOptions {
  MqttUrl url;
  std::string client_id;
  std::string username, password;  ///< empty: none
  MqttVersion version = MqttVersion::v3_1_1;
  int qos = 1;
  Duration keep_alive = std::chrono::seconds(30);
  Duration session_expiry = std::chrono::hours(7 * 24);
  Duration reconnect_min = std::chrono::seconds(1), reconnect_max = std::chrono::minutes(1);
  Bytes max_packet_size{1U << 20};
  std::uint16_t receive_maximum = 1000;
  std::string ca_file, cert_file, key_file;
  bool verify = true;
  /// From the start of a connection to the broker's CONNACK.
  Duration connect_timeout = std::chrono::seconds(10);

  /// Reads and checks `[mqtt]`; problems are recorded there, all in one go.
  static MqttOptions read(Params root);
};

}  // namespace weir
