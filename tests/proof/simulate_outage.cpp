#include <rapidjson/document.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>

#include "runtime/seeded_random.hpp"
#include "tests/proof/simulator.hpp"

// Days without a link: 200 messages a second of 2,500 devices with four metrics each, minute
// windows, 256 MiB of buffer, a kill now and then. Then the link is back, and everything that the
// ledger does not call evicted must arrive, once, the present beside the past.

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr auto config_text = R"(
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["a", "b", "c", "d"]
time = { field = "t", unit = "s" }
idle = "60s"
[limits]
series = 20000
[[rollup]]
name = "r"
from = "s"
window = { tumbling = "1m" }
aggregates = ["count", "mean", "min", "max"]
)";

/// Each hour brings 100 MB. Where only a few hours are asked for, a tenth of it, into less room.
struct Scale {
  std::uint64_t devices, messages_a_second, max_size;
};
constexpr Scale whole{2'500, 200, 256u << 20}, small{250, 20, 6u << 20};
constexpr std::uint64_t few_hours = 6;

/// Takes every message as acknowledged when weir says so; sends again what a kill left open.
class Fleet final : public Source {
 public:
  explicit Fleet(const Scale& scale) : scale_(scale) {}
  void start() override {}
  void stop(std::chrono::milliseconds) override {}
  Status status() const override { return {}; }
  void acknowledge(std::span<const AckToken> tokens) override { open_ -= tokens.size(); }

  bool settled() const { return open_ == 0; }
  std::uint64_t readings() const { return 4 * sent_; }

  void send(std::int64_t second, Inbox& inbox) {
    Batch batch;
    for (std::uint64_t i = 0; i < scale_.messages_a_second; ++i, ++sent_) {
      const std::string topic = "s/" + std::to_string(sent_ % scale_.devices);
      const std::string v = std::to_string(sent_ % 1000);
      const std::string payload = "{\"t\":" + std::to_string(second) + ",\"a\":" + v + ",\"b\":1" +
                                  v + ",\"c\":" + v + ".5,\"d\":-" + v + "}";
      Batch::Message message;
      message.topic = topic;
      message.payload = payload;
      message.arrival = timestamp_us(second * 1'000'000);
      message.ack = {1, static_cast<std::uint16_t>(sent_ % 65'535 + 1), 1};
      batch.add(message);
    }
    open_ += scale_.messages_a_second;
    inbox.push(std::move(batch));
  }

 private:
  const Scale scale_;
  std::uint64_t sent_ = 0, open_ = 0;
};

/// A cluster that is away, and then counts what arrives.
class Centre final : public Sink {
 public:
  bool online = false;
  std::uint64_t records = 0, twice = 0, readings = 0, merged = 0, announced = 0, batches = 0;
  std::uint64_t gaps = 0, behind_past = 0;  ///< newest result was not in the first batch
  Timestamp newest{};

  Result<std::optional<Position>> open(Duration) override {
    if (!online) return fail(ErrorKind::unavailable, "the link is down");
    return position_;
  }
  Result<void> publish(std::span<const SinkRecord> batch, const Position& behind,
                       Duration) override {
    if (!online) return fail(ErrorKind::unavailable, "the link is down");
    for (const SinkRecord& record : batch) take(record);
    position_ = behind;
    ++batches;
    return {};
  }
  std::size_t rejected() const override { return 0; }
  void cancel() override {}
  Status status() const override { return {}; }

 private:
  void take(const SinkRecord& record) {
    ++records;
    std::uint64_t seq = 0;
    for (const auto& [name, value] : record.headers)
      if (name == "weir-seq") std::from_chars(value.data(), value.data() + value.size(), seq);
    if (seq >= seen_.size()) seen_.resize(seq + 1'000'000);
    if (seen_[seq]) ++twice;
    seen_[seq] = true;
    rapidjson::Document value;
    value.Parse(record.value.data(), record.value.size());
    if (record.topic == "weir.gaps") {
      ++gaps;
      announced += value["values"]["results"].GetUint64();
      return;
    }
    readings += value["readings"]["count"].GetUint64();
    if (value.HasMember("merged")) merged += value["merged"].GetUint64();
    newest = std::max(newest, record.timestamp);
  }

  std::optional<Position> position_;
  std::vector<bool> seen_;  ///< by seq
};

class Outage {
 public:
  explicit Outage(const SimulationOptions& options)
      : options_(options),
        scale_(options.count < few_hours ? small : whole),
        random_(options.seed),
        begin_(clock_.now().wall),
        fleet_(scale_) {
    store_.directory = options.directory;
    store_.max_size = Bytes{scale_.max_size};
  }

  SimulationReport run() {
    start();
    const auto seconds = static_cast<std::int64_t>(options_.count) * 3600;
    for (std::int64_t s = 0; s < seconds && healthy(); ++s) {
      second();
      life_->deliver();
      if (random_.below(7200) == 0) kill();
    }
    const double full = std::chrono::duration<double>(clock_.passed()).count();
    come_back();
    const auto begun = std::chrono::steady_clock::now();
    drain();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    report_.counts["drained_times_real_time"] =
        static_cast<std::uint64_t>(full / std::max(took.count(), 1e-3));
    judge();
    report_.counts["hours"] = options_.count;
    report_.simulated_seconds = std::chrono::duration<double>(clock_.passed()).count();
    return std::move(report_);
  }

 private:
  bool healthy() const { return report_.failures.empty(); }
  void failed(std::string sentence) {
    report_.failures.push_back("seed " + std::to_string(options_.seed) + ": " +
                               std::move(sentence));
  }

  void start() {
    life_.emplace(Life::Parts{config_text, store_, clock_, fleet_, centre_});
    if (!life_->alive()) failed("it does not start: " + life_->death());
  }

  void kill() {
    if (!fleet_.settled()) return;
    life_.reset();
    ++report_.counts["kills"];
    start();
  }

  /// A second of the fleet, and all that must hold at any time.
  void second() {
    fleet_.send(count_us(clock_.now().wall) / 1'000'000, life_->inbox());
    life_->step();
    clock_.pass(1s);
    life_->step();
    if (!life_->alive()) failed("it died: " + life_->death());
    watch();
  }

  void watch() {
    std::error_code absent;
    std::uint64_t bytes = 0;
    for (const char* name : {"/weir.db", "/weir.db-wal"}) {
      const auto size = std::filesystem::file_size(options_.directory + name, absent);
      if (!absent) bytes += size;
    }
    std::uint64_t& most = report_.counts["most_bytes_on_disk"];
    most = std::max(most, bytes);
    if (bytes > scale_.max_size) failed("the disk holds " + std::to_string(bytes) + " bytes");
    const std::string wrong = life_->ledger().imbalance(life_->waiting());
    if (!wrong.empty()) failed("the ledger: " + wrong);
  }

  /// The link is back: the newest results are in the first batches, whatever waits.
  void come_back() {
    report_.counts["waiting_at_the_end"] = life_->waiting();
    for (int s = 0; s < 120 && healthy(); ++s) second();
    centre_.online = true;
    for (int s = 0; s < 120 && healthy(); ++s) {
      for (int i = 0; i < 20; ++i) life_->deliver();
      second();
    }
    if (clock_.now().wall - centre_.newest > 3min) failed("the present waits behind the past");
  }

  void drain() {
    // Nobody speaks any more: the open windows are emitted as they stand.
    for (int s = 0; s < 180; ++s) {
      clock_.pass(1s);
      life_->step();
    }
    for (int round = 0; life_->waiting() > 0 && healthy(); ++round) {
      if (round > 1'000'000) failed("it does not drain");
      for (int i = 0; i < 5; ++i) life_->deliver();
      life_->step();
      clock_.pass(50ms);
      if (round == 50) kill();
    }
  }

  void judge() {
    const Ledger& ledger = life_->ledger();
    const std::uint64_t produced = ledger.total(Counter::results_produced);
    const std::uint64_t evicted = ledger.total(Counter::results_evicted);
    const std::uint64_t full = ledger.of(Counter::results_evicted, "store_full");
    report_.counts["produced"] = produced;
    report_.counts["delivered"] = centre_.records;
    report_.counts["merged"] = ledger.of(Counter::results_evicted, "merged");
    report_.counts["evicted"] = full;
    report_.counts["gap_records"] = centre_.gaps;
    report_.counts["twice"] = centre_.twice;
    report_.counts["readings"] = fleet_.readings();
    report_.counts["readings_delivered"] = centre_.readings;
    if (!healthy()) return;
    if (centre_.twice > 0) failed("results arrived twice");
    if (produced != centre_.records + evicted) failed("results are missing");
    if (ledger.total(Counter::readings_journaled) != fleet_.readings())
      failed("readings are missing");
    if (centre_.announced != evicted) failed("the gap records do not say what was given up");
    if (full == 0 && centre_.readings != fleet_.readings())
      failed("readings are missing from the results");
  }

  const SimulationOptions options_;
  const Scale scale_;
  SeededRandom random_;
  SimulatedClock clock_;
  const Timestamp begin_;
  StoreOptions store_;
  Fleet fleet_;
  Centre centre_;
  std::optional<Life> life_;
  SimulationReport report_;
};

}  // namespace

SimulationReport simulate_outage(const SimulationOptions& options) {
  return Outage(options).run();
}

}  // namespace weir
