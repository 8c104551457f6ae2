#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>

#include "firmware-bridge/mqtt_publisher.hpp"
#include "runtime/clock.hpp"
#include "runtime/commands.hpp"
#include "runtime/recorded_feed.hpp"
#include "runtime/simulate.hpp"

namespace weir {
namespace {

/// Waits with sigtimedwait, so that a signal ends a pause at once. Made before any thread is, since
/// threads inherit which signals are blocked.
class ProcessPacer : public Pacer {
 public:
  ProcessPacer() {
    sigemptyset(&ends_);
    sigaddset(&ends_, SIGINT);
    sigaddset(&ends_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends_, nullptr);
  }

  Timestamp wall() const override { return clock_.now().wall; }

  Duration elapsed() const override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<Duration>(now);
  }

  bool wait_until(Duration until) override {
    while (true) {
      // Hour by hour: what is waited for may be further away than 32 bits of seconds.
      const Duration left =
          std::clamp(until - elapsed(), Duration(0), Duration(std::chrono::hours(1)));
      const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
      timespec limit{};
      limit.tv_sec = static_cast<std::time_t>(whole.count());
      limit.tv_nsec = static_cast<long>((left - whole).count() * 1'000);
      if (sigtimedwait(&ends_, nullptr, &limit) > 0) return false;
      if (left == Duration(0)) return true;
    }
  }

 private:
  sigset_t ends_{};
  SystemClock clock_;
};

class MqttOutlet : public Outlet {
 public:
  MqttOutlet(MqttPublisher publisher, int qos, bool retain)
      : publisher_(std::move(publisher)), qos_(qos), retain_(retain) {}

  Result<void> publish(std::string_view topic, std::string_view payload) override {
    return publisher_.publish(topic, payload, qos_, retain_);
  }
  Result<void> flush() override { return publisher_.close(std::chrono::seconds(30)); }

 private:
  MqttPublisher publisher_;
  int qos_;
  bool retain_;
};

Result<MqttOptions> mqtt_options(const SimulateOptions& options) {
  MqttOptions mqtt;
  auto url = MqttUrl::parse(options.url);
  if (!url) return fail(url.error());
  mqtt.url = *std::move(url);
  mqtt.client_id = options.client_id;
  if (mqtt.client_id.empty()) mqtt.client_id = "weir-simulate-" + std::to_string(getpid());
  mqtt.username = options.username;
  mqtt.password = options.password;
  mqtt.ca_file = options.ca_file;
  mqtt.qos = options.qos;
  if (!options.password_file.empty()) {
    std::ifstream file(options.password_file);
    if (!std::getline(file, mqtt.password)) {
      return fail(ErrorKind::invalid, "can't read a password from " + options.password_file);
    }
  }
  return mqtt;
}

RecordedOptions recorded_options(const SimulateOptions& options) {
  RecordedOptions recorded;
  if (!options.time_unit.empty()) {
    recorded.time_format = time_format(options.time_unit).value_or(TimeFormat::rfc3339);
  }
  if (!options.time_column.empty()) recorded.time_column = options.time_column;
  if (options.device_column.starts_with('=')) {
    recorded.device = options.device_column.substr(1);
  } else {
    recorded.device_column = options.device_column;
  }
  recorded.metric_column = options.metric_column;
  if (options.metric_column.empty()) {
    recorded.value_columns = options.value_columns;
  } else if (!options.value_columns.empty()) {
    recorded.value_column = options.value_columns.front();
  }
  return recorded;
}

/// A line that overwrites itself, on a terminal only.
std::function<void(const SimulateSummary&)> progress_line(bool quiet) {
  if (quiet || isatty(STDERR_FILENO) == 0) return [](const SimulateSummary&) {};
  return [](const SimulateSummary& summary) {
    std::cerr << "\r\033[K" << std::fixed << std::setprecision(0) << as_seconds(summary.elapsed)
              << " s  " << summary.messages << " messages  " << summary.per_second() << " a second"
              << std::flush;
  };
}

int failed(const std::string& message, int code) {
  std::cerr << "weir simulate: " << message << '\n';
  return code;
}

}  // namespace

int simulate_command(const SimulateOptions& options) {
  ProcessPacer pacer;
  const auto mqtt = mqtt_options(options);
  if (!mqtt) return failed(mqtt.error().message, exit_usage);
  auto publisher = MqttPublisher::connect(*mqtt);
  if (!publisher) return failed(publisher.error().message, exit_unavailable);
  MqttOutlet outlet(*std::move(publisher), options.qos, options.retain);

  FleetOptions fleet_options = options.fleet;
  if (options.rate > 0) fleet_options.interval = interval_of(options.rate, fleet_options.devices);
  fleet_options.start = pacer.wall();
  const bool recorded = !options.files.empty();
  const auto fleet = recorded ? nullptr : std::make_unique<Fleet>(fleet_options);
  const bool own_payload = fleet_options.payload != FleetOptions().payload;
  RecordedFeed files(options.files, recorded_options(options), fleet_options.topic,
                     own_payload ? fleet_options.payload : RecordedFeed::default_payload);
  const MessageFeed feed = [&](FleetMessage& out) {
    return fleet ? fleet->next(out) : files.next(out);
  };

  const auto progress = progress_line(options.quiet);
  const auto summary = play(feed, recorded ? options.speed : 1, pacer, outlet, progress);
  if (!options.quiet && isatty(STDERR_FILENO) != 0) std::cerr << "\r\033[K";
  if (!summary) return failed(summary.error().message, exit_unavailable);
  const FleetSummary* const faults = fleet ? &fleet->summary() : nullptr;
  std::cout << (options.json ? summary_json(*summary, faults) : summary_text(*summary, faults));
  if (!files.complaint().empty()) return failed(files.complaint(), exit_failed);
  return exit_ok;
}

}  // namespace weir
