#include <malloc.h>

#include <csignal>

#include <atomic>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "runtime/commands.hpp"
#include "runtime/gateway.hpp"
#include "runtime/log.hpp"
#include "store/directory.hpp"

namespace weir {

namespace {

/// SIGTERM, SIGINT and SIGHUP are blocked in every thread and waited for in this one, so that no
/// code of ours runs in a signal handler. SIGHUP has the configuration read again: one without a
/// problem is what the next gateway is made of, one with problems changes nothing.
class StopSignal {
 public:
  explicit StopSignal(std::string config) : config_(std::move(config)) {
    sigemptyset(&set_);
    sigaddset(&set_, SIGHUP);
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
      while (sigwait(&set_, &received) == 0 && received != wake_signal) {
        if (received == SIGHUP ? reload() : stop()) gateway.wake();
      }
    });
  }

  /// After this the gateway is not touched any more.
  void unwatch() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), wake_signal);
    thread_.join();
  }

  const std::atomic<bool>& requested() const { return requested_; }
  const std::atomic<bool>& reload_requested() const { return reload_; }

  /// What SIGHUP read; nothing if there was none since the last call. Requires: unwatched.
  std::optional<Settings> take_settings() {
    reload_ = false;
    return std::exchange(settings_, std::nullopt);
  }

 private:
  bool stop() {
    log_info("asked to stop");
    return requested_ = true;
  }

  bool reload() {
    auto settings = load_settings(config_);
    if (!settings) {
      log_error("asked to reload " + config_ + ": it has problems, so nothing changes");
      return false;
    }
    log_info("asked to reload " + config_);
    settings_ = std::move(settings);
    return reload_ = true;
  }

  static constexpr int wake_signal = SIGUSR1;
  sigset_t set_{};
  std::atomic<bool> requested_ = false, reload_ = false;
  std::string config_;
  std::optional<Settings> settings_;
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

/// One heap for all threads, which gives back what a burst took of it: by default glibc has several
/// heaps a core, and keeps what was freed.
void keep_the_heap_small() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 64 << 10);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

}  // namespace

int run_command(const RunOptions& options) {
  keep_the_heap_small();
  StopSignal stop(options.config);  // before any thread is made, so that all inherit the mask
  bool again = false;
  for (auto settings = load_settings(options.config);;) {
    if (!settings) return exit_config;
    configure_log(settings->log);
    const std::string directory = settings->store.directory;
    auto gateway = Gateway::make(std::move(*settings));
    // What met damage on its way begins once more, and looks at every page: a database that is
    // beyond repair is set aside.
    if (!gateway && !again && gateway.error().kind == ErrorKind::fatal && check_wanted(directory)) {
      log_error("can't start: " + gateway.error().message + "; looking at the whole database");
      settings = load_settings(options.config);
      again = true;
      continue;
    }
    if (!gateway) {
      log_error("can't start: " + gateway.error().message);
      flush_log();
      return exit_code(gateway.error());
    }
    again = false;
    stop.watch(**gateway);
    const auto end = (*gateway)->run(stop.requested(), stop.reload_requested());
    stop.unwatch();
    flush_log();
    if (!end) return exit_code(end.error());
    if (*end == Gateway::End::stopped) return exit_ok;
    settings = stop.take_settings();
    if (!settings) settings = load_settings(options.config);
  }
}

}  // namespace weir
