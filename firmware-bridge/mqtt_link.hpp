#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "firmware-bridge/inbox.hpp"
#include "firmware-bridge/mqtt_connection.hpp"
#include "firmware-bridge/mqtt_gate.hpp"
#include "firmware-bridge/mqtt_pace.hpp"
#include "firmware-bridge/mqtt_stream.hpp"

namespace weir {

class MqttLink;

/// What the links of one MqttConnection share; outlives them all. Its io thread only, save where a
/// mutex is.
struct MqttRelay {
  std::shared_ptr<asio::io_context> io;
  const MqttOptions& options;
  std::string nonce;
  Inbox& inbox;
  std::function<Timestamp()> wall_clock;
  MqttSession session;

  std::function<void(MqttLink&)> admitted;  ///< the client has shown the nonce
  std::function<void(MqttLink&)> closed;

  std::mutex mutex;
  MqttConnection::Stats stats;  ///< guarded by `mutex`
};

/// One client connection on the loopback port and, once it is admitted, the broker connection
/// behind it: moves bytes between the two sockets and the gate. Held by its own pending operations;
/// ends with `close`, which anything may call. The io thread of its relay only.
class MqttLink : public std::enable_shared_from_this<MqttLink> {
 public:
  MqttLink(MqttRelay& relay, tcp::socket client, std::uint32_t connection);

  void start();
  void acknowledge(std::span<const AckToken> tokens);
  void stop_reading();
  void close(MqttClose why);
  bool admitted() const { return gate_.admitted(); }

 private:
  using Clock = std::chrono::steady_clock;

  void read_client();
  void client_gone();
  void dial();
  void read_broker();
  void read_waiting();
  void broker_read(const ErrorCode& error, std::size_t n);
  void next_read(bool dense);
  void wait_for_room();
  void room();
  void settle();
  void deliver();
  void flush();
  void flush_client();
  void leave(std::chrono::milliseconds time);
  void discard();
  void drain();
  void renewed();
  void limit(std::chrono::milliseconds time, std::string what);
  bool backlogged();

  MqttRelay& relay_;
  MqttGate gate_;
  MqttPace pace_;
  tcp::socket client_;
  MqttStream broker_;
  asio::steady_timer deadline_, pace_timer_;
  std::array<char, 4096> client_buffer_;
  std::array<char, 1U << 16> broker_buffer_;
  std::string writing_broker_, writing_client_;  ///< on their way
  Clock::time_point read_at_{};
  bool dialed_ = false, open_ = false, accepted_ = false;  ///< how far the broker side is
  bool reading_ = false;  ///< a read is under way, or will be started by a timer or the inbox
  bool waiting_for_room_ = false;
  bool draining_ = false;  ///< takes no more; the last acknowledgements are awaited
  bool stopped_ = false, leaving_ = false, closed_ = false;
};

}  // namespace weir
