#pragma once

#include <functional>
#include <span>
#include <string>

#include "firmware-bridge/batch.hpp"

namespace weir {

/// Something that receives messages and may have to acknowledge them.
class Source {
 public:
  /// What a source tells about itself, for the status page and the metrics. All counts are since
  /// the start of the process.
  struct Status {
    std::string name;  ///< "mqtt"
    std::string peer;  ///< "mqtts://broker.local:8883", never with a password
    bool connected = false;
    std::string
        state;  ///< a sentence: "connected since …", "refused: not authorised, next try in 4 s"
    std::uint64_t connects = 0, disconnects = 0;
    std::uint64_t messages = 0, bytes = 0;
    std::uint64_t oversized = 0, malformed = 0;  ///< packets that closed the connection
    std::uint64_t refused_filters = 0;           ///< subscriptions that the peer turned down
    std::uint64_t unacknowledged = 0;            ///< received, not yet acknowledged
    bool paused = false;                         ///< not reading because the inbox is full
  };

  virtual ~Source() = default;

  /// Starts threads and keeps connecting until `stop`; returns at once. A peer that is away is
  /// normal and not an error.
  virtual void start() = 0;

  /// Engine thread, after the commit that covers these messages and only then. In the order in
  /// which they were received. Tokens of a connection that is gone are ignored.
  virtual void acknowledge(std::span<const AckToken> tokens) = 0;

  /// Stops reading; acknowledgements handed over before are still written, for at most `timeout`.
  virtual void stop(std::chrono::milliseconds timeout) = 0;

  /// Any thread.
  virtual Status status() const = 0;
};

}  // namespace weir
