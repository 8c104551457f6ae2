#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/result.hpp"
#include "firmware-bridge/mqtt_asio.hpp"
#include "firmware-bridge/mqtt_options.hpp"

namespace weir {

/// One TCP or TLS connection to the broker. The thread that runs `io` only. Handlers are called on
/// it, never from within the call that takes them, and hold `owner`, whose part this stream is. One
/// read and one write at a time.
class MqttStream {
 public:
  using Done = std::function<void(Result<void>)>;
  using Read = std::function<void(ErrorCode, std::size_t)>;
  using Written = std::function<void(ErrorCode)>;

  MqttStream(std::shared_ptr<asio::io_context> io, const MqttOptions& options);

  /// Resolves, connects and shakes hands; certificates are read anew each time. No time limit: call
  /// `close` to give up.
  /// # Errors
  /// `unavailable`: a sentence that says at which step and why.
  void connect(std::shared_ptr<void> owner, Done done);

  /// Reads what is there, at least one byte, into `buffer`, which must live until the handler is
  /// called.
  void read(std::span<char> buffer, Read done);
  /// The same without waiting; 0: nothing there, or an error that the next `read` will tell.
  std::size_t read_now(std::span<char> buffer);
  /// Whether arriving bytes wake the thread at once, as they do at first, or only when there are
  /// many; for a caller that comes to look by itself.
  void wake_for_each_byte(bool each);
  /// Writes all; `bytes` must live until the handler is called.
  void write(const std::string& bytes, Written done);

  void shutdown_send();
  void close();

 private:
  void connect_to(const std::vector<tcp::endpoint>& endpoints);
  void shake_hands();
  Result<void> prepare_tls();
  void finish(Result<void> result);

  std::shared_ptr<asio::io_context>
      io_;  ///< shared with look-ups of names, which can't be cancelled
  const MqttOptions& options_;
  tcp::socket socket_;
  std::optional<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  std::shared_ptr<void> owner_;  ///< while connecting
  Done done_;
  bool writing_ = false, each_byte_ = true;
};

}  // namespace weir
