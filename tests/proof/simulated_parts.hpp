#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firmware-bridge/source.hpp"
#include "runtime/clock.hpp"
#include "runtime/engine.hpp"

namespace weir {

/// Time that passes when it is told to.
class SimulatedClock final : public Clock {
 public:
  Moment now() const override { return moment_; }
  void pass(Duration time) {
    moment_.wall += time;
    moment_.elapsed += time;
    passed_ += time;
  }
  void jump(Duration by) { moment_.wall += by; }
  /// What the wall shows from now on, and whether the system vouches for it.
  void set(Timestamp wall, bool synchronised) {
    moment_.wall = wall;
    moment_.synchronised = synchronised;
  }
  void boot() { moment_.elapsed = Duration(0); }
  Duration passed() const { return passed_; }
  Timestamp truth() const { return begin + passed_; }  ///< what a good clock shows

 private:
  static constexpr Timestamp begin = timestamp_us(1'790'000'000'000'000);
  Moment moment_{begin, Duration(0), true};
  Duration passed_{0};
};

/// An MQTT broker with a persistent session: a window of unacknowledged messages, what is not
/// acknowledged comes again, marked, on the next connection.
class SimulatedBroker final : public Source {
 public:
  void publish(std::string topic, std::string payload);
  /// A new connection: everything in flight again, in order. Of the acknowledgements that were on
  /// their way the first `arrived` still do.
  void connect(std::size_t arrived = 0);
  /// Takes acknowledgements, unless they are still on their way; sends what the window allows.
  void pump(Inbox& inbox, bool hears = true);
  bool drained() const { return queue_.empty() && in_flight_.empty(); }
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// What was acknowledged since the last call, even if that never arrives. Messages are numbered
  /// from 0 as they are published.
  std::vector<std::uint64_t> take_answered() { return std::exchange(answered_, {}); }
  std::uint64_t sent_again() const { return sent_again_; }

  void start() override {}
  void stop(std::chrono::milliseconds) override {}
  Status status() const override { return {}; }
  void acknowledge(std::span<const AckToken> tokens) override;

 private:
  struct Sent {
    std::string topic, payload;
    std::uint64_t number = 0;
    std::uint16_t packet_id = 0;
  };
  void take_acknowledgements();
  void send(const Sent& message, bool again, Timestamp arrival, Batch& batch) const;

  static constexpr std::size_t window = 20;
  std::deque<Sent> queue_;
  std::deque<Sent> in_flight_;          ///< in the order of sending
  std::deque<Sent> again_;              ///< to be sent again on this connection
  std::vector<AckToken> on_their_way_;  ///< acknowledgements that a connection may lose
  std::uint16_t next_id_ = 1;
  std::uint32_t connection_ = 1;
  std::vector<std::uint64_t> answered_;
  std::uint64_t published_ = 0, acknowledged_ = 0, sent_again_ = 0;
};

/// One life of the process: from its start to its death. The production engine, store and uplink,
/// one thread. The end of the object is a kill; `stop` before it makes it an orderly end.
class Life {
 public:
  struct Parts {
    std::string config;  ///< TOML
    StoreOptions store;
    const Clock& clock;
    Source& source;
    Sink& sink;
    std::function<void(const std::string& epoch)> opened = {};  ///< told the database's uuid
    /// By the journal's last record: a hash of what the operators and the ledger then held.
    std::map<std::uint64_t, std::size_t>* states = nullptr;
  };
  explicit Life(const Parts& parts);

  bool alive() const { return death_.empty(); }
  const std::string& death() const { return death_; }
  void step();
  void deliver();
  void stop();
  /// Whether the start came to the state that the process before it had at the same record;
  /// nothing: that one did not live to say.
  std::optional<bool> as_before() const { return as_before_; }
  bool restart_wanted() const { return alive() && engine_->restart_wanted(); }
  Inbox& inbox() { return inbox_; }
  Store& store() { return *store_; }
  const Ledger& ledger() const { return engine_->ledger(); }
  std::uint64_t waiting() const;  ///< results in the outbox

 private:
  Result<void> start(const Parts& parts);
  std::size_t state() const;
  void remember_state(std::uint64_t before);
  void died(const Error& error) { death_ = error.message.empty() ? "died" : error.message; }

  ConfigFile config_;
  std::vector<SourceOptions> source_options_;
  SeriesTable table_{{}};
  std::unique_ptr<Store> store_;
  std::unique_ptr<OutboxReader> reader_;
  std::unique_ptr<Pipeline> pipeline_;
  std::optional<Ingest> ingest_;
  Inbox inbox_{Bytes{1 << 20}};
  SnapshotBoard board_;
  std::optional<Uplink> uplink_;
  std::optional<Engine> engine_;
  std::string death_;
  std::map<std::uint64_t, std::size_t>* states_ = nullptr;
  std::optional<bool> as_before_;
};

}  // namespace weir
