#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_sink.hpp"
#include "tests/support/fault_vfs.hpp"

namespace weir {

inline constexpr auto config_text = R"(
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["v"]
time = { field = "t", unit = "ms" }
lateness = "10s"
idle = "30s"
[[rollup]]
name = "minute"
from = "s"
window = { tumbling = "1m" }
aggregates = ["count", "sum"]
[[source]]
name = "cleaned"
topics = ["cleaned/{device}"]
time = { field = "t" }
quarantine_topic = "ahead"
deduplicate = {}
derive.twice = "2 * v"
[[rollup]]
name = "derived"
from = "cleaned"
metrics = ["twice"]
window = { tumbling = "1m" }
[[source]]
name = "numbered"
topics = ["numbered/{device}"]
deduplicate = { by = "n" }
[[rollup]]
name = "numbered"
from = "numbered"
window = { tumbling = "1m" }
)";

/// A clock that stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  Moment now() const override { return moment; }
  void pass(Duration time) {
    moment.wall += time;
    moment.elapsed += time;
  }
  Moment moment{timestamp_us(1'700'000'000'000'000), Duration(0), true};
};

class FakeSource final : public Source {
 public:
  void start() override {}
  void acknowledge(std::span<const AckToken> tokens) override {
    for (const AckToken& token : tokens) acknowledged.push_back(token.packet_id);
    if (answer) answer();
  }
  void stop(std::chrono::milliseconds) override {}
  Status status() const override { return {}; }
  std::vector<std::uint16_t> acknowledged;
  std::function<void()> answer;  ///< what the broker does when it is acknowledged
};

/// A whole gateway without its network; destroyed and made again, it is a restart.
struct EngineRig {
  /// With a `vfs` commits are not synced by themselves, but every second.
  EngineRig(const std::string& directory, const ManualClock& manual_clock, FaultVfs* vfs = nullptr)
      : clock(manual_clock) {
    Params root = config.root();
    auto sources = SourceConfig::read_all(root);
    for (const auto& one : sources) source_options.push_back(one.options);
    const auto pipeline_options = read_pipeline_options(root, source_options);
    INFO(config.problems().text());
    REQUIRE(config.problems().empty());
    StoreOptions store_options;
    store_options.directory = directory;
    if (vfs != nullptr) {
      store_options.vfs = vfs->name();
      store_options.durability = Durability::process;
    }
    store = Store::open(store_options).value();
    reader = OutboxReader::open(store_options).value();
    pipeline = make_pipeline(*pipeline_options, source_options, table);
    ingest.emplace(std::move(sources), table);
    UplinkOptions uplink_options;
    uplink_options.gateway = "g";
    uplink_options.epoch = store->uuid();
    uplink_options.issued = store->seq_runs();
    uplink.emplace(uplink_options, *reader, sink, [] {});
    EngineOptions options;
    options.commit_interval = std::chrono::milliseconds(50);
    options.sample_payload = Bytes{100};
    if (vfs != nullptr) options.sync_interval = std::chrono::seconds(1);
    engine.emplace(options, EngineParts{clock, inbox, *ingest, table, *pipeline, *store, source,
                                        *uplink, sink, board});
    REQUIRE(engine->recover());
  }

  void send(std::uint16_t packet_id, std::int64_t seconds, double value,
            const std::string& device = "d") {
    payload("{\"t\":" + std::to_string(seconds * 1000) + ",\"v\":" + std::to_string(value) + "}",
            packet_id, "s/" + device);
  }
  /// The same message once more, as the broker sends it on a later connection.
  void send_again(std::uint16_t packet_id, std::int64_t seconds, double value) {
    duplicate = true;
    send(packet_id, seconds, value);
    duplicate = false;
  }
  void payload(const std::string& text, std::uint16_t packet_id, const std::string& topic) {
    Batch batch;
    Batch::Message message;
    message.topic = topic;
    message.payload = text;
    message.arrival = clock.now().wall;
    message.ack = {1, packet_id, 1};
    message.duplicate = duplicate;
    message.session = session;
    batch.add(message);
    inbox.push(std::move(batch));
  }

  void balanced() {
    std::uint64_t waiting = 0;
    for (const auto n : store->stats().waiting) waiting += n;
    CHECK(engine->ledger().imbalance(waiting).empty());
  }

  bool duplicate = false;
  std::uint32_t session = 0;
  const ManualClock& clock;
  ConfigFile config = ConfigFile::parse(config_text, "test");
  std::vector<SourceOptions> source_options;
  SeriesTable table{{}};
  std::unique_ptr<Store> store;
  std::unique_ptr<OutboxReader> reader;
  std::unique_ptr<Pipeline> pipeline;
  std::optional<Ingest> ingest;
  Inbox inbox{Bytes{1 << 20}};
  FakeSource source;
  FakeSink sink;
  std::optional<Uplink> uplink;
  SnapshotBoard board;
  std::optional<Engine> engine;
};

inline constexpr std::int64_t minute0 = 1'699'999'980;  // the start of a minute

/// One round that takes what waits, and one behind the commit interval.
inline void settle(EngineRig& rig, ManualClock& clock) {
  REQUIRE(rig.engine->step(Duration(0)));
  clock.pass(std::chrono::milliseconds(60));
  REQUIRE(rig.engine->step(Duration(0)));
}

}  // namespace weir
