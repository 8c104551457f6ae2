#include <csignal>

#include <atomic>
#include <iostream>
#include <thread>

#include "runtime/commands.hpp"
#include "runtime/gateway.hpp"
#include "runtime/log.hpp"

namespace weir {

namespace {

/// SIGTERM and SIGINT are blocked in every thread and waited for in this one, so that no code of
/// ours runs in a signal handler.
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, wake_signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    // A peer that went away is an error of the call that writes, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
  }

  void watch(Gateway& gateway) {
    thread_ = std::thread([this, &gateway] {
      int received = 0;
      sigwait(&set_, &received);
      if (received == wake_signal) return;
      log_info("asked to stop");
      requested_ = true;
      gateway.wake();
    });
  }

  /// After this the gateway is not touched any more.
  void unwatch() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), wake_signal);
    thread_.join();
  }

  const std::atomic<bool>& requested() const { return requested_; }

 private:
  static constexpr int wake_signal = SIGUSR1;
  sigset_t set_{};
  std::atomic<bool> requested_ = false;
  std::thread thread_;
};

int exit_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::unavailable:
    case ErrorKind::unsupported:
    case ErrorKind::full:
      return exit_cant_create;
    case ErrorKind::invalid:
      return exit_config;
    default:
      return exit_software;
  }
}

}  // namespace

int run_command(const RunOptions& options) {
  StopSignal stop;  // before any thread is made, so that all inherit the mask
  for (;;) {
    auto settings = load_settings(options.config);
    if (!settings) return exit_config;
    configure_log(settings->log);
    auto gateway = Gateway::make(std::move(*settings));
    if (!gateway) {
      log_error("can't start: " + gateway.error().message);
      flush_log();
      return exit_code(gateway.error());
    }
    stop.watch(**gateway);
    const auto end = (*gateway)->run(stop.requested());
    stop.unwatch();
    flush_log();
    if (!end) return exit_code(end.error());
    if (*end == Gateway::End::stopped) return exit_ok;
  }
}

}  // namespace weir
