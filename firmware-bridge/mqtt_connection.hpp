#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "config/result.hpp"
#include "firmware-bridge/inbox.hpp"
#include "firmware-bridge/mqtt_gate.hpp"
#include "firmware-bridge/mqtt_options.hpp"

namespace weir {

/// weir's own connection to the broker, with an MQTT client on a private loopback port in front of
/// it. For each connection of that client it dials the broker (TCP, TLS) and relays through a gate,
/// which takes the messages out of the stream into the inbox. Does not connect by itself: the
/// client decides when.
///
/// Owns one thread, on which all of it happens. Reads at most 64 KiB at a time, and stops reading
/// while the inbox is full.
class MqttConnection {
 public:
  struct Stats {
    std::uint64_t accepted = 0, lost = 0;  ///< connections the broker accepted; of these, ended
    std::uint64_t renewed = 0;             ///< of these, by our own wish; see MqttGate::exhausted
    std::uint64_t messages = 0, bytes = 0;
    std::uint64_t oversized = 0, malformed = 0;
    std::uint64_t strangers = 0;  ///< turned away on the loopback port
    std::size_t unacknowledged = 0;
    bool paused = false;
    unsigned links = 0;   ///< client connections that are open
    std::string problem;  ///< why the last connection failed or ended
  };

  /// `inbox` must outlive it.
  MqttConnection(MqttOptions options, Inbox& inbox, std::function<Timestamp()> wall_clock);
  ~MqttConnection();

  /// Opens the loopback port and starts the thread.
  /// # Errors
  /// `unavailable`: no port or no thread to be had.
  Result<void> open();

  std::uint16_t port() const;        ///< after `open`
  const std::string& nonce() const;  ///< the client's id must end in "#" and this
  const MqttOptions& options() const;

  /// Any thread: the client will connect now. Before, and after it is there, every connection to
  /// the port is closed at once. An earlier connection of the client ends.
  void expect_client();
  /// Any thread.
  void acknowledge(std::span<const AckToken> tokens);
  /// Any thread: takes no more messages; all else goes on.
  void stop_reading();
  /// Any thread: ends the client's connection, if there is one.
  void drop(std::string why);
  /// Waits until no connection is open.
  bool wait_closed(std::chrono::milliseconds timeout);
  /// Ends everything and joins the thread.
  void close();

  Stats stats() const;  ///< any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
