#include "tests/proof/simulator.hpp"

#include <rapidjson/document.h>

#include <filesystem>
#include <optional>
#include <utility>

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr auto config_text = R"(
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["v"]
time = { field = "t", unit = "ms" }
lateness = "30d"
max_skew = "365d"
idle = "30s"
[[rollup]]
name = "r"
from = "s"
window = { tumbling = "10s" }
aggregates = ["count", "sum", "last"]
[[detector]]
name = "d"
from = "s"
method = "range"
high = 900
)";

constexpr std::uint64_t devices = 5;

/// One life of the process: from its start to its death.
class Life {
 public:
  Life(const StoreOptions& store_options, const SimulatedClock& clock, SimulatedBroker& broker,
       Sink& sink) {
    if (auto started = start(store_options, clock, broker, sink); !started) died(started.error());
  }

  bool alive() const { return death_.empty(); }
  const std::string& death() const { return death_; }
  void step() {
    if (!alive()) return;
    if (auto done = engine_->step(Duration(0)); !done) died(done.error());
  }
  void deliver() {
    if (alive()) uplink_->step(1s);
  }
  bool restart_wanted() const { return alive() && engine_->restart_wanted(); }
  Inbox& inbox() { return inbox_; }
  Store& store() { return *store_; }
  const Ledger& ledger() const { return engine_->ledger(); }
  std::uint64_t waiting() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : store_->stats().waiting) sum += n;
    return sum;
  }

 private:
  Result<void> start(const StoreOptions& store_options, const SimulatedClock& clock,
                     SimulatedBroker& broker, Sink& sink) {
    Params root = config_.root();
    auto sources = SourceConfig::read_all(root);
    for (const auto& one : sources) source_options_.push_back(one.options);
    const auto pipeline_options = read_pipeline_options(root, source_options_);
    auto store = Store::open(store_options);
    if (!store) return fail(store.error());
    store_ = std::move(*store);
    auto reader = OutboxReader::open(store_options);
    if (!reader) return fail(reader.error());
    reader_ = std::move(*reader);
    pipeline_ = make_pipeline(*pipeline_options, source_options_, table_);
    ingest_.emplace(std::move(sources), table_);
    UplinkOptions uplink_options;
    uplink_options.gateway = "g";
    uplink_options.epoch = store_->uuid();
    uplink_options.issued = store_->issued_before();
    uplink_.emplace(uplink_options, *reader_, sink, [] {});
    EngineOptions options;
    options.commit_interval = 50ms;
    engine_.emplace(options, EngineParts{clock, inbox_, *ingest_, table_, *pipeline_, *store_,
                                         broker, *uplink_, sink, board_});
    return engine_->recover();
  }

  void died(const Error& error) { death_ = error.message.empty() ? "died" : error.message; }

  ConfigFile config_ = ConfigFile::parse(config_text, "simulation");
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
};

/// What a window must hold.
struct Expected {
  std::int64_t count = 0, sum = 0;
};
using Slot = std::pair<std::string, std::int64_t>;  ///< device and start, in us

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options), random_(options.seed), disk_(options.seed ^ 0x5eed) {
    vfs_.watch(&disk_, options.seed);
    disk_.lie_once_in(options.lies);
    store_options_.directory = options.directory;
    store_options_.vfs = vfs_.name();
    store_options_.checkpoint_after = Bytes{4096};
  }

  SimulationReport run() {
    std::uint32_t tries = 0;
    while (report_.cuts < options_.cuts && report_.failures.size() < 5) {
      live(1 + random_.below(random_.one_in(4) ? 2000 : 150));
      if (++tries > 20 * options_.cuts + 100) {
        failed("the power does not fail any more");
        break;
      }
    }
    drain();
    judge();
    report_.acknowledged = broker_.acknowledged();
    report_.sent_again = broker_.sent_again();
    report_.lost_sectors = disk_.lost_sectors();
    report_.simulated_seconds = std::chrono::duration<double>(clock_.passed()).count();
    return std::move(report_);
  }

 private:
  void failed(std::string sentence) {
    report_.failures.push_back("seed " + std::to_string(options_.seed) + ", cut " +
                               std::to_string(report_.cuts) + ": " + std::move(sentence));
  }

  /// One life, which ends with a power cut at the `steps`-th changing call, or by itself.
  void live(std::uint64_t steps) {
    disk_.arm(steps);
    {
      Life life(store_options_, clock_, broker_, sink_);
      begun(life);
      broker_.connect();
      for (int i = 0; life.alive() && !disk_.dead() && !life.restart_wanted() && i < 400; ++i)
        round(life);
      if (life.restart_wanted()) {
        sink_.forget_position();  // it was another database's
        if (options_.lies == 0) failed("the cluster knew more than the database");
      }
      if (!disk_.dead() && !life.alive()) failed("it died by itself: " + life.death());
      observe(life);
    }
    if (!disk_.dead()) return;
    ++report_.cuts;
    disk_.reboot();
    clock_.boot();
    if (options_.wall_clock_jumps && random_.one_in(10))
      clock_.jump(
          Duration(static_cast<std::int64_t>(random_.below(20)) * 3'600'000'000 - 36'000'000'000));
  }

  void begun(Life& life) {
    if (!life.alive()) return;
    if (life.store().set_aside()) {
      ++report_.set_aside;
      if (options_.lies == 0) failed("the database was set aside");
    }
    observe(life);
  }

  void observe(Life& life) {
    if (!life.alive() || disk_.dead()) return;
    const std::string wrong = life.ledger().imbalance(life.waiting());
    if (!wrong.empty()) failed("the ledger: " + wrong);
  }

  void round(Life& life) {
    for (std::uint64_t n = random_.below(12); n > 0; --n) publish();
    broker_.pump(life.inbox());
    life.step();
    clock_.pass(Duration(static_cast<std::int64_t>(random_.below(120'000))));
    life.step();
    if (random_.one_in(3)) deliver(life);
    if (random_.one_in(40)) broker_.connect();
    if (random_.one_in(60)) clock_.pass(40s);
    observe(life);
  }

  void deliver(Life& life) {
    if (random_.one_in(6)) sink_.fail_next_publish({ErrorKind::timeout, random_.one_in(2)});
    if (random_.one_in(12)) sink_.fail_next_opens(1);
    life.deliver();
  }

  void publish() {
    const std::string device = std::to_string(random_.below(devices));
    // Its own clock: it goes on whatever the gateway's does.
    event_ms_ += static_cast<std::int64_t>(random_.below(200));
    const auto value = static_cast<std::int64_t>(random_.below(1000));
    broker_.publish("s/" + device, "{\"t\":" + std::to_string(event_ms_) +
                                       ",\"v\":" + std::to_string(value) + "}");
    Expected& window = expected_[{device, event_ms_ / 10'000 * 10'000'000}];
    ++window.count;
    window.sum += value;
    ++report_.messages;
  }

  /// The faults are over: everything must arrive, within two minutes of simulated time.
  void drain() {
    disk_.arm(0);
    disk_.lie_once_in(0);
    Life life(store_options_, clock_, broker_, sink_);
    begun(life);
    if (!life.alive()) return failed("it does not start: " + life.death());
    broker_.connect();
    for (int i = 0; i < 1200 && life.alive(); ++i) {
      broker_.pump(life.inbox());
      life.step();
      clock_.pass(100ms);
      life.step();
      life.deliver();
    }
    if (!life.alive()) return failed("it died by itself: " + life.death());
    observe(life);
    if (!broker_.drained()) failed("messages wait at the broker");
    if (life.waiting() > 0) failed("results wait in the outbox");
    report_.redelivered = life.ledger().of(Counter::messages_refused, "redelivered");
  }

  void judge();
  void take(const SinkRecord& record);

  const SimulationOptions options_;
  SeededRandom random_;
  DiskModel disk_;
  FaultVfs vfs_;
  SimulatedClock clock_;
  SimulatedBroker broker_;
  FakeSink sink_;
  StoreOptions store_options_;
  std::int64_t event_ms_ = 1'700'000'000'000;
  std::map<Slot, Expected> expected_;
  std::map<Slot, std::pair<std::uint64_t, Expected>> arrived_;  ///< revision, and what it says
  std::set<std::string> seen_;
  SimulationReport report_;
};

std::string header(const SinkRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers)
    if (key == name) return value;
  return "";
}

void Simulation::take(const SinkRecord& record) {
  rapidjson::Document value;
  value.Parse(record.value.data(), record.value.size());
  if (value.HasParseError()) return failed("a record that is no JSON: " + record.value);
  const std::string kind = value["kind"].GetString();
  const std::string start = value["window"]["start"].GetString();
  const std::uint64_t revision = value["revision"].GetUint64();
  const std::string identity =
      record.key + " " + kind + " " + start + " " + std::to_string(revision);
  const std::string seq = header(record, "weir-epoch") + " " + header(record, "weir-seq");
  const bool fresh = seen_.insert(seq).second;
  if (!seen_.insert(identity).second || !fresh) {
    ++report_.twice;
    if (report_.twice < 4) failed("twice: " + identity);
  }
  if (kind != "rollup") return;
  const auto time = parse_time(start);
  if (!time) return failed("no time: " + start);
  const Slot slot{value["group"]["device"].GetString(), count_us(*time)};
  const auto& values = value["values"];
  const Expected says{values["count"].GetInt64(),
                      static_cast<std::int64_t>(values["sum"].GetDouble())};
  auto& newest = arrived_[slot];
  if (newest.second.count == 0 || newest.first < revision) newest = {revision, says};
}

void Simulation::judge() {
  const auto records = sink_.records();
  report_.records = records.size();
  report_.windows = expected_.size();
  for (const SinkRecord& record : records) take(record);
  for (const auto& [slot, want] : expected_) {
    const Expected got = arrived_[slot].second;
    if (got.count < want.count) report_.lost += static_cast<std::uint64_t>(want.count - got.count);
    if (got.count > want.count) report_.twice += static_cast<std::uint64_t>(got.count - want.count);
    if (got.count == want.count && got.sum == want.sum) continue;
    if (++report_.wrong < 4)
      failed("device " + slot.first + ", window at " + std::to_string(slot.second) + ": " +
             std::to_string(got.count) + " readings instead of " + std::to_string(want.count));
  }
}

}  // namespace

SimulationReport simulate_gateway(const SimulationOptions& options) {
  return Simulation(options).run();
}

}  // namespace weir
