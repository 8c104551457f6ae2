#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "config/units.hpp"
#include "runtime/snapshot.hpp"

namespace weir {

/// Speaks the sd_notify protocol: datagrams of NAME=value lines to the socket that the service
/// manager names. Without one, and on any error, it does nothing: a service manager that is not
/// there must not stop the gateway. Any thread.
class ServiceNotifier {
 public:
  /// `socket`: a path, or a name in the abstract name space if it begins with '@'; empty for none.
  explicit ServiceNotifier(std::string socket) : socket_(std::move(socket)) {}
  /// `NOTIFY_SOCKET` of the environment.
  static ServiceNotifier from_environment();

  void ready() const { send("READY=1"); }
  void stopping() const { send("STOPPING=1"); }
  void watchdog() const { send("WATCHDOG=1"); }
  /// One line for `systemctl status`.
  void status(std::string_view text) const;

 private:
  void send(std::string_view message) const;

  std::string socket_;
};

/// How long the service manager waits for a sign of life (`WATCHDOG_USEC`); nothing if it does not
/// watch this process.
std::optional<Duration> watchdog_interval();

/// Feeds the watchdog at half its interval, and only while the engine makes progress: a process
/// whose engine hangs is restarted, however well its other threads are. Owns its thread.
class Watchdog {
 public:
  /// Both must outlive it.
  Watchdog(const ServiceNotifier& notifier, const SnapshotBoard& board, Duration interval);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void run();

  const ServiceNotifier& notifier_;
  const SnapshotBoard& board_;
  const Duration pause_;
  std::mutex mutex_;
  std::condition_variable stop_requested_;
  bool stopping_ = false;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace weir
