#include "runtime/engine.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "store/sqlite.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_sink.hpp"
#include "tests/support/fault_vfs.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;

namespace {

constexpr auto config_text = R"(
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
  }
  void stop(std::chrono::milliseconds) override {}
  Status status() const override { return {}; }
  std::vector<std::uint16_t> acknowledged;
};

/// A whole gateway without its network; destroyed and made again, it is a restart.
struct Rig {
  /// With a `vfs` commits are not synced by themselves, but every second.
  Rig(const std::string& directory, const ManualClock& manual_clock, FaultVfs* vfs = nullptr)
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

constexpr std::int64_t minute0 = 1'699'999'980;  // the start of a minute

/// One round that takes what waits, and one behind the commit interval.
void settle(Rig& rig, ManualClock& clock) {
  REQUIRE(rig.engine->step(Duration(0)));
  clock.pass(std::chrono::milliseconds(60));
  REQUIRE(rig.engine->step(Duration(0)));
}

}  // namespace

TEST_CASE("a message is acknowledged with the commit that holds it, not before") {
  TempDir directory;
  ManualClock clock;
  Rig rig(directory.path(), clock);
  rig.send(7, minute0, 1);
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK(rig.source.acknowledged.empty());
  CHECK(rig.store->last_journal_seq() == 0);
  clock.pass(std::chrono::milliseconds(60));
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{7});
  CHECK(rig.store->last_journal_seq() == 1);
  rig.balanced();
}

TEST_CASE("open windows survive the end of the process through the journal alone") {
  TempDir directory;
  ManualClock clock;
  {
    Rig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    rig.send(2, minute0 + 2, 20);
    settle(rig, clock);
  }  // no orderly stop
  Rig rig(directory.path(), clock);
  rig.send(1, minute0 + 3, 30);
  rig.send(2, minute0 + 60, 1);
  settle(rig, clock);
  CHECK(rig.engine->ledger().total(Counter::messages_received) == 4);
  REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
  const auto records = rig.sink.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].value.find("\"count\":3") != std::string::npos);
  CHECK(records[0].value.find("\"sum\":60") != std::string::npos);
  rig.balanced();
}

TEST_CASE("an orderly stop leaves a checkpoint, and the next start needs no journal") {
  TempDir directory;
  ManualClock clock;
  {
    Rig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    REQUIRE(rig.engine->step(Duration(0)));
    REQUIRE(rig.engine->stop());
    CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{1});
  }
  Rig rig(directory.path(), clock);
  CHECK(rig.engine->ledger().total(Counter::messages_received) == 1);
  rig.send(2, minute0 + 60, 1);
  settle(rig, clock);
  REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
  CHECK(rig.sink.records().size() == 1);
  rig.balanced();
}

TEST_CASE("a redelivered message is acknowledged again and counted once, after a kill, too") {
  TempDir directory;
  ManualClock clock;
  {
    Rig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    rig.send_again(1, minute0 + 1, 10);  // before the commit
    settle(rig, clock);
    rig.send_again(1, minute0 + 1, 10);  // after it
    settle(rig, clock);
    CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{1, 1, 1});
    rig.send(2, minute0 + 2, 20);
    settle(rig, clock);
    rig.balanced();
  }  // killed; the acknowledgement of 2 was lost
  for (int i = 0; i < 2; ++i) {
    Rig rig(directory.path(), clock);
    rig.send_again(2, minute0 + 2, 20);
    settle(rig, clock);
    CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{2});
    rig.balanced();
    if (i == 0) REQUIRE(rig.engine->stop());  // the second start finds it in the checkpoint
  }
  Rig rig(directory.path(), clock);
  CHECK(rig.engine->ledger().of(Counter::messages_refused, "redelivered") == 4);
  CHECK(rig.engine->ledger().total(Counter::readings_journaled) == 2);
}

TEST_CASE("what comes with a known packet id in a new session of the broker counts") {
  TempDir directory;
  ManualClock clock;
  Rig rig(directory.path(), clock);
  rig.send(1, minute0 + 1, 10);
  settle(rig, clock);
  rig.session = 1;
  rig.send_again(1, minute0 + 1, 10);
  settle(rig, clock);
  CHECK(rig.engine->ledger().total(Counter::readings_journaled) == 2);
}

TEST_CASE("what replay emits again is not sent again") {
  TempDir directory;
  ManualClock clock;
  Position delivered;
  {
    Rig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    rig.send(2, minute0 + 60, 10);
    settle(rig, clock);
    REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
    CHECK(rig.sink.records().size() == 1);
    delivered = rig.sink.position();
  }  // killed between the confirmation and the deletion from the outbox
  Rig rig(directory.path(), clock);
  rig.sink.set_position(delivered);
  rig.uplink->step(std::chrono::seconds(1));
  CHECK(rig.sink.records().empty());
  clock.pass(std::chrono::seconds(1));
  settle(rig, clock);
  clock.pass(std::chrono::seconds(2));
  settle(rig, clock);
  CHECK(rig.engine->ledger().total(Counter::results_delivered) == 1);
  rig.balanced();
}

TEST_CASE(
    "what was committed without a sync is synced after its interval, also if nothing follows") {
  TempDir directory;
  ManualClock clock;
  FaultVfs vfs;
  Rig rig(directory.path(), clock, &vfs);
  rig.send(1, minute0 + 1, 10);
  settle(rig, clock);
  const auto committed = vfs.syncs();
  clock.pass(std::chrono::milliseconds(900));
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK(vfs.syncs() == committed);
  clock.pass(std::chrono::milliseconds(200));
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK(vfs.syncs() == committed + 1);
  clock.pass(std::chrono::seconds(5));
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK(vfs.syncs() == committed + 1);
}

TEST_CASE("an older copy of the database becomes a new one, and nothing new passes for delivered") {
  TempDir directory, copy;
  ManualClock clock;
  const auto minute = [&](Rig& rig, int n) {  // emits the result of the minute before
    rig.send(static_cast<std::uint16_t>(n + 1), minute0 + 60 * n, 1);
    settle(rig, clock);
  };
  {
    Rig rig(directory.path(), clock);
    minute(rig, 0);
    minute(rig, 1);
  }
  std::filesystem::copy(
      directory.path(), copy.path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  Position position;
  {
    Rig rig(directory.path(), clock);
    minute(rig, 2);
    minute(rig, 3);
    REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
    position = rig.sink.position();
  }
  std::string uuid;
  {
    Rig rig(copy.path(), clock);
    uuid = rig.store->uuid();
    minute(rig, 2);  // the link is still away
    rig.sink.set_position(position);
    CHECK_FALSE(rig.uplink->step(std::chrono::seconds(1)));
    CHECK_FALSE(rig.engine->restart_wanted());
    clock.pass(std::chrono::seconds(2));
    REQUIRE(rig.engine->step(Duration(0)));
    clock.pass(std::chrono::seconds(2));
    REQUIRE(rig.engine->step(Duration(0)));
    CHECK(rig.engine->restart_wanted());
    CHECK(rig.sink.records().empty());
    rig.balanced();
  }
  Rig rig(copy.path(), clock);
  CHECK(rig.store->uuid() != uuid);
  rig.sink.set_position(position);  // of the database that was
  rig.sink.serve(rig.store->uuid());
  REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
  auto records = rig.sink.records();
  REQUIRE(records.size() == 1);
  CHECK(records.front().topic == "weir.gaps");
  CHECK(records.front().value.find(R"("group":{"reason":"history_lost"})") != std::string::npos);
  const Ledger& ledger = rig.engine->ledger();
  CHECK(ledger.total(Counter::history_lost) == 1);
  // The second minute's result was made again, and the centre has it.
  CHECK(ledger.of(Counter::results_evicted, "history_lost") == 1);
  rig.balanced();

  // What the centre knows of is late now; what it does not know of goes on.
  minute(rig, 2);
  minute(rig, 3);
  CHECK(ledger.total(Counter::readings_late) == 1);
  minute(rig, 4);
  REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
  records = rig.sink.records();
  REQUIRE(records.size() == 3);
  CHECK(records[1].value.find(R"("window":{"start":"2023-11-14T22:16:00Z")") != std::string::npos);
  CHECK(records[2].topic == "weir.late");
  rig.balanced();
}

TEST_CASE("a database that follows a damaged one tells no window again") {
  TempDir directory;
  ManualClock clock;
  const auto minute = [&](Rig& rig, int n) {  // emits the result of the minute before
    rig.send(static_cast<std::uint16_t>(n + 1), minute0 + 60 * n, 1);
    settle(rig, clock);
  };
  Position of_gateway;
  {
    Rig rig(directory.path(), clock);
    for (int n = 0; n < 3; ++n) minute(rig, n);
    REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
    of_gateway.newest = rig.sink.position().newest;
  }
  std::ofstream(directory.path() + "/weir.db") << std::string(8192, 'x');
  // Also if the process that set it aside does not live to see the cluster.
  const bool at_once = GENERATE(true, false);
  if (!at_once) REQUIRE(Rig(directory.path(), clock).store->set_aside());
  {
    Rig rig(directory.path(), clock);
    CHECK(rig.store->set_aside().has_value() == at_once);
    rig.sink.set_position(of_gateway);
    minute(rig, 1);  // late for the centre, and this database can't know
    minute(rig, 2);
    CHECK_FALSE(rig.uplink->step(std::chrono::seconds(1)));
    for (int i = 0; i < 2; ++i) {
      clock.pass(std::chrono::seconds(2));
      REQUIRE(rig.engine->step(Duration(0)));
    }
    CHECK(rig.engine->restart_wanted());
    CHECK(rig.engine->ledger().of(Counter::results_evicted, "history_lost") == 1);
    rig.balanced();
  }
  Rig rig(directory.path(), clock);
  rig.sink.set_position(of_gateway);
  minute(rig, 1);
  minute(rig, 2);
  CHECK(rig.engine->ledger().total(Counter::readings_late) == 1);
  minute(rig, 3);
  while (rig.uplink->step(std::chrono::seconds(1))) {
  }
  std::size_t rollups = 0;
  for (const SinkRecord& record : rig.sink.records()) {
    if (record.topic == "weir.gaps" || record.topic == "weir.late") continue;
    CHECK(record.value.find(R"("window":{"start":"2023-11-14T22:15:00Z")") != std::string::npos);
    ++rollups;
  }
  CHECK(rollups == 1);
  CHECK_FALSE(rig.engine->restart_wanted());
  rig.balanced();
}

TEST_CASE(
    "a damaged journal costs the records it touches; the loss is announced, the rest counts") {
  TempDir directory;
  ManualClock clock;
  {
    Rig rig(directory.path(), clock);
    for (int i = 0; i < 200; ++i) {
      rig.send(static_cast<std::uint16_t>(i + 1), minute0 + i, 1);
      settle(rig, clock);
    }
    REQUIRE(rig.store->stats().checkpoints == 0);
  }
  const bool newest = GENERATE(false, true);
  {
    auto database = Database::open(directory.path() + "/weir.db", Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE((*database)->execute("UPDATE journal SET body = zeroblob(length(body)) WHERE slot = " +
                                 std::string(newest ? "(SELECT max(slot) FROM journal)" : "5")));
  }
  Rig rig(directory.path(), clock);
  const Ledger& ledger = rig.engine->ledger();
  const std::uint64_t known = ledger.total(Counter::readings_journaled);
  CHECK(known > 170);
  CHECK(known < 200);
  rig.balanced();

  // Life goes on, and a later start begins from the state as it is.
  rig.send(300, minute0 + 300, 1);
  settle(rig, clock);
  CHECK(ledger.total(Counter::journal_damaged) == 1);
  rig.balanced();
  while (rig.uplink->step(std::chrono::seconds(1))) {
  }
  std::map<std::int64_t, std::uint64_t> readings;
  std::size_t gaps = 0;
  for (const SinkRecord& record : rig.sink.records()) {
    if (record.topic == "weir.gaps") {
      ++gaps;
      CHECK(record.value.find(R"({"reason":"journal_damaged"})") != std::string::npos);
      continue;
    }
    const auto at = record.value.find(R"("readings":{"count":)") + 20;
    readings[count_us(record.timestamp)] = std::stoull(record.value.substr(at));
  }
  CHECK(gaps == 1);
  std::uint64_t counted = 0;
  for (const auto& [end, count] : readings) {
    CHECK(count <= 60);
    counted += count;
  }
  // All but the reading that closed the last window, and at most what the block held.
  CHECK(counted >= known);
  CHECK(counted <= 200);
}

TEST_CASE("results that a damaged journal forgot are counted, so that the ledger balances") {
  const TempDir directory;
  ManualClock clock;
  // A block of the journal each; the one in the middle makes a result.
  for (const int minute : {0, 1, 1}) {
    Rig rig(directory.path(), clock);
    rig.send(static_cast<std::uint16_t>(minute + 1), minute0 + 60 * minute + 1, 1);
    settle(rig, clock);
  }
  const auto damage = [&](const std::string& sql) {
    const auto database =
        Database::open(directory.path() + "/weir.db", Database::Mode::read_write, "").value();
    REQUIRE(database->execute(sql));
  };
  SECTION("what stands behind the damage tells that there are results") {
    damage("UPDATE journal SET body = zeroblob(length(body)) WHERE slot = 1");
    Rig rig(directory.path(), clock);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::results_produced, "damaged") == 1);
  }
  SECTION("without anything behind it they are taken back") {
    damage("DELETE FROM journal WHERE slot > 0");
    Rig rig(directory.path(), clock);
    CHECK(rig.store->stats().waiting[index(Lane::live)] == 0);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::results_produced, "damaged") == 0);
  }
}

TEST_CASE("what a start settled because results were missing stays settled") {
  const TempDir directory;
  ManualClock clock;
  {
    Rig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 1);
    rig.send(2, minute0 + 61, 1);
    settle(rig, clock);
    REQUIRE(rig.store->stats().waiting[1] == 1);
  }
  REQUIRE((*Database::open(directory.path() + "/weir.db", Database::Mode::read_write))
              ->execute("DELETE FROM outbox_1"));
  for (const int id : {3, 4, 5}) {
    Rig rig(directory.path(), clock);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::results_evicted, "damaged") == 1);
    rig.send(static_cast<std::uint16_t>(id), minute0 + 62, 1);
    settle(rig, clock);
    rig.balanced();
  }
}

TEST_CASE("rubbish is acknowledged, counted, and kept as a sample") {
  TempDir directory;
  ManualClock clock;
  Rig rig(directory.path(), clock);
  rig.payload("not json", 3, "s/d");
  rig.payload("{}", 4, "elsewhere");
  settle(rig, clock);
  CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{3, 4});
  CHECK(rig.engine->ledger().of(Counter::messages_refused, "undecodable") == 1);
  CHECK(rig.engine->ledger().of(Counter::messages_refused, "unrouted") == 1);
  rig.balanced();
  const auto letters =
      StoreInspector::open(directory.path()).value()->dead_letters(std::nullopt, 10).value();
  REQUIRE(letters.size() == 2);
  CHECK(letters[1].payload == "not json");
}

TEST_CASE("a device that falls silent has its open window emitted by a tick") {
  TempDir directory;
  ManualClock clock;
  Rig rig(directory.path(), clock);
  rig.send(1, minute0 + 1, 10);
  settle(rig, clock);
  CHECK_FALSE(rig.uplink->step(Duration(0)));
  clock.pass(std::chrono::seconds(31));
  REQUIRE(rig.engine->step(Duration(0)));
  REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
  CHECK(rig.sink.records().size() == 1);
  rig.balanced();
}

TEST_CASE("time in which weir did not run makes nobody silent") {
  TempDir directory;
  ManualClock clock;
  {
    Rig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    settle(rig, clock);
  }
  clock.pass(std::chrono::hours(5));
  Rig rig(directory.path(), clock);
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK_FALSE(rig.uplink->step(Duration(0)));
}

TEST_CASE("a jump of the wall clock is counted, slewing is not") {
  TempDir directory;
  ManualClock clock;
  Rig rig(directory.path(), clock);
  rig.send(1, minute0 + 1, 10);
  settle(rig, clock);
  clock.moment.wall += std::chrono::milliseconds(200);
  rig.send(2, minute0 + 2, 10);
  settle(rig, clock);
  CHECK(rig.engine->ledger().total(Counter::clock_jumps) == 0);
  clock.moment.wall -= std::chrono::hours(24 * 365);
  rig.send(3, minute0 + 3, 10);
  settle(rig, clock);
  CHECK(rig.engine->ledger().total(Counter::clock_jumps) == 1);
  rig.balanced();
}
