#include "firmware-bridge/mqtt_source.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "firmware-bridge/mqtt_connection.hpp"
#include "firmware-bridge/mqtt_paho.hpp"

namespace weir {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

/// The gateway's side of the loopback connection gives up before Paho does, and knows why.
constexpr auto paho_patience = 5s;

PahoClient::Settings loopback_settings(const MqttConnection& connection) {
  const MqttOptions& options = connection.options();
  PahoClient::Settings settings;
  settings.url = {false, "127.0.0.1", connection.port()};
  settings.client_id = options.client_id + "#" + connection.nonce();
  settings.username = options.username;
  settings.password = options.password;
  settings.version = options.version;
  settings.keep_alive = options.keep_alive;
  settings.session_expiry = options.session_expiry;
  settings.connect_timeout = options.connect_timeout + paho_patience;
  settings.receive_maximum = options.receive_maximum;
  settings.max_packet_size = options.max_packet_size;
  return settings;
}

milliseconds until(SteadyClock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - SteadyClock::now());
  return std::max(left, milliseconds(0));
}

}  // namespace

struct MqttSource::Impl {
  MqttConnection connection;
  const MqttOptions& options;
  std::vector<std::string> filters;
  std::function<Timestamp()> wall_clock;
  Log log;

  mutable std::mutex mutex;
  std::condition_variable stop_asked;
  std::unique_ptr<PahoClient> paho;  ///< made once, by the thread, under `mutex`
  std::string state = "not started";
  bool connected = false, stopping = false, opened = false;
  std::uint64_t refused_filters = 0;
  SteadyClock::time_point stop_by;

  std::string logged;  ///< the last problem that was logged
  std::minstd_rand jitter;
  std::thread thread;

  Impl(MqttOptions given, std::vector<std::string> all_filters, Inbox& inbox,
       const std::function<Timestamp()>& clock, Log to)
      : connection(std::move(given), inbox, clock),
        options(connection.options()),
        filters(std::move(all_filters)),
        wall_clock(clock),
        log(std::move(to)),
        jitter(static_cast<unsigned>(std::hash<std::string>{}(connection.nonce()))) {}

  void set_state(bool is_connected, std::string text) {
    const std::lock_guard lock(mutex);
    connected = is_connected;
    state = std::move(text);
  }

  bool asked_to_stop() const {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  void run() {
    Duration pause{0};
    while (!asked_to_stop()) {
      set_state(false, "connecting to " + options.url.text());
      const auto began = SteadyClock::now();
      const auto renewed = connection.stats().renewed;
      auto connection_ended = serve();
      if (asked_to_stop()) break;
      if (connection.stats().renewed > renewed) continue;
      // A connection that did not outlive the pause before it does not shorten the next one.
      const bool lasted = SteadyClock::now() - began > pause && connection_ended.served;
      pause = lasted ? options.reconnect_min
                     : std::clamp(pause * 2, options.reconnect_min, options.reconnect_max);
      rest(pause, connection_ended.problem);
    }
    say_goodbye();
  }

  struct Ended {
    bool served = false;  ///< it was connected and subscribed
    std::string problem;
  };

  /// One connection, from the first step to its end.
  Ended serve() {
    if (auto ready = open(); !ready) return {false, ready.error().message};
    connection.expect_client();
    auto done = paho->connect();
    if (done) done = subscribe();
    if (!done) {
      paho->disconnect(100ms);
      return {false, ended(done.error().message)};
    }
    while (!paho->wait_lost(1h) && !asked_to_stop()) continue;
    return {true, asked_to_stop() ? "" : ended("the connection was lost")};
  }

  Result<void> open() {
    if (opened) return {};
    if (auto ready = connection.open(); !ready) return ready;
    const std::lock_guard lock(mutex);
    paho = std::make_unique<PahoClient>(loopback_settings(connection));
    opened = true;
    if (stopping) paho->interrupt();
    return {};
  }

  /// Why the connection ended: its own side knows better than Paho.
  std::string ended(const std::string& otherwise) {
    connection.drop(otherwise);
    connection.wait_closed(1s);
    const auto problem = connection.stats().problem;
    return problem.empty() ? otherwise : problem;
  }

  Result<void> subscribe() {
    const auto limit = std::chrono::duration_cast<milliseconds>(options.connect_timeout);
    const auto codes = paho->subscribe(filters, options.qos, limit);
    if (!codes) return fail(codes.error());
    std::string refused, weaker;
    std::uint64_t refusals = 0;
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const int code = (*codes)[i];
      std::string& list = code >= 0x80 ? refused : weaker;
      if (code >= 0x80) ++refusals;
      if (code != options.qos) list += (list.empty() ? "" : ", ") + filters[i];
    }
    std::string text = "connected since " + format_time(wall_clock());
    if (!refused.empty()) text += ", but the broker refuses to subscribe " + refused;
    if (!weaker.empty()) text += ", but with a lower QoS for " + weaker;
    log(refused.empty() && weaker.empty() ? LogLevel::info : LogLevel::warning,
        options.url.text() + ": " + text);
    logged.clear();
    set_state(true, std::move(text));
    const std::lock_guard lock(mutex);
    refused_filters += refusals;
    return {};
  }

  /// Waits before the next attempt, between half the pause and all of it, so that gateways which
  /// lost their broker together do not come back together.
  void rest(Duration pause, const std::string& problem) {
    const auto spread = static_cast<std::uint64_t>(pause.count() / 2 + 1);
    const auto wait = std::chrono::ceil<milliseconds>(
        pause / 2 + Duration(static_cast<std::int64_t>(jitter() % spread)));
    if (problem != logged) log(LogLevel::warning, options.url.text() + ": " + problem);
    logged = problem;
    set_state(false, problem + ", next try in " + format_duration(wait));
    std::unique_lock lock(mutex);
    stop_asked.wait_for(lock, wait, [this] { return stopping; });
  }

  void say_goodbye() {
    SteadyClock::time_point deadline;
    {
      const std::lock_guard lock(mutex);
      deadline = stop_by;
    }
    if (opened) {
      paho->disconnect(until(deadline));
      connection.wait_closed(until(deadline));
      connection.close();
    }
    set_state(false, "stopped");
    log(LogLevel::info, options.url.text() + ": disconnected");
  }
};

MqttSource::MqttSource(MqttOptions options, std::vector<std::string> filters, Inbox& inbox,
                       const std::function<Timestamp()>& wall_clock, Log log)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(filters), inbox, wall_clock,
                                   std::move(log))) {}

MqttSource::~MqttSource() {
  stop(0ms);
}

void MqttSource::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void MqttSource::acknowledge(std::span<const AckToken> tokens) {
  impl_->connection.acknowledge(tokens);
}

void MqttSource::stop(milliseconds timeout) {
  if (!impl_->thread.joinable()) return;
  // In the order of calls, behind the acknowledgements that were handed over before.
  impl_->connection.stop_reading();
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->stop_by = SteadyClock::now() + timeout;
    if (impl_->paho) impl_->paho->interrupt();
  }
  impl_->stop_asked.notify_all();
  impl_->thread.join();
}

Source::Status MqttSource::status() const {
  const auto stats = impl_->connection.stats();
  Status status;
  status.name = "mqtt";
  status.peer = impl_->options.url.text();
  status.connects = stats.accepted;
  status.disconnects = stats.lost;
  status.messages = stats.messages;
  status.bytes = stats.bytes;
  status.oversized = stats.oversized;
  status.malformed = stats.malformed;
  status.unacknowledged = stats.unacknowledged;
  status.paused = stats.paused;
  const std::lock_guard lock(impl_->mutex);
  status.connected = impl_->connected;
  status.state = impl_->state;
  status.refused_filters = impl_->refused_filters;
  return status;
}

}  // namespace weir
