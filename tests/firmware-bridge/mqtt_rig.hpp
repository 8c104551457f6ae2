#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "firmware-bridge/mqtt_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scripted_broker.hpp"

namespace weir::test {

/// Short pauses, so that tests that lose their broker are quick.
inline MqttOptions options_for(std::uint16_t port, MqttVersion version = MqttVersion::v3_1_1,
                               int qos = 1) {
  MqttOptions options;
  options.url = {false, "127.0.0.1", port};
  options.client_id = "weir-test";
  options.version = version;
  options.qos = qos;
  options.reconnect_min = std::chrono::milliseconds(10);
  options.reconnect_max = std::chrono::milliseconds(100);
  return options;
}

inline Timestamp system_time() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

/// A source with what an engine would be to it.
class Rig {
 public:
  explicit Rig(MqttOptions options, std::vector<std::string> filters = {"t/#"},
               Bytes inbox_limit = Bytes{1U << 20})
      : inbox_(inbox_limit),
        source_(std::move(options), std::move(filters), inbox_, system_time,
                [this](LogLevel, std::string_view text) {
                  const std::lock_guard lock(mutex_);
                  log_.append(text).append("\n");
                }) {
    source_.start();
  }

  /// Takes messages until there are `n` in all; false if they do not come.
  bool receive(std::size_t n, Milliseconds limit = std::chrono::seconds(20)) {
    return eventually(
        [&] {
          std::vector<Batch> batches;
          inbox_.pop(batches, Milliseconds(5));
          for (const auto& batch : batches) take(batch);
          return messages_.size() >= n;
        },
        limit);
  }
  void acknowledge() { source_.acknowledge(std::exchange(acks_, {})); }

  bool connected() {
    return eventually([this] { return source_.status().connected; });
  }
  bool state_has(const std::string& words) {
    return eventually([&] { return source_.status().state.find(words) != std::string::npos; });
  }
  std::string log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  MqttSource& source() { return source_; }
  Source::Status status() const { return source_.status(); }
  /// "topic=payload", with " retained" and " duplicate" behind it.
  const std::vector<std::string>& messages() const { return messages_; }
  const std::vector<AckToken>& acks() const { return acks_; }
  Inbox& inbox() { return inbox_; }

 private:
  void take(const Batch& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto message = batch[i];
      messages_.push_back(std::string(message.topic) + "=" + std::string(message.payload) +
                          (message.retained ? " retained" : "") +
                          (message.duplicate ? " duplicate" : ""));
      acks_.push_back(message.ack);
    }
  }

  mutable std::mutex mutex_;
  std::string log_;
  Inbox inbox_;
  std::vector<std::string> messages_;
  std::vector<AckToken> acks_;
  MqttSource source_;
};

}  // namespace weir::test
