#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firmware-bridge/inbox.hpp"
#include "firmware-bridge/log.hpp"
#include "firmware-bridge/mqtt_options.hpp"
#include "firmware-bridge/source.hpp"

namespace weir {

/// Messages of an MQTT broker, each acknowledged only when `acknowledge` says so.
///
/// Paho, as a client behind MqttConnection's loopback port, connects with a persistent session,
/// subscribes to every filter on every connect and keeps the connection alive; this class decides
/// when to try again. A filter that the broker refuses is counted, named in the state, and tried
/// again with the next connection; the others work. A filter that is no longer configured stays
/// subscribed for as long as the broker keeps the session.
///
/// A message that was delivered but not acknowledged before its connection ended comes again, with
/// `duplicate` set.
class MqttSource final : public Source {
 public:
  /// `inbox` must outlive it. `wall_clock` stamps arrivals; it and `log` are called on threads of
  /// this class.
  MqttSource(MqttOptions options, std::vector<std::string> filters, Inbox& inbox,
             const std::function<Timestamp()>& wall_clock, Log log);
  ~MqttSource() override;

  void start() override;
  void acknowledge(std::span<const AckToken> tokens) override;
  void stop(std::chrono::milliseconds timeout) override;
  Status status() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
