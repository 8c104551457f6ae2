// What the engine does with a database that is damaged, older than it should be, or new.

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "store/sqlite.hpp"
#include "tests/runtime/engine_rig.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;

TEST_CASE("an older copy of the database becomes a new one, and nothing new passes for delivered") {
  TempDir directory, copy;
  ManualClock clock;
  const auto minute = [&](EngineRig& rig, int n) {  // emits the result of the minute before
    rig.send(static_cast<std::uint16_t>(n + 1), minute0 + 60 * n, 1);
    settle(rig, clock);
  };
  {
    EngineRig rig(directory.path(), clock);
    minute(rig, 0);
    minute(rig, 1);
  }
  std::filesystem::copy(
      directory.path(), copy.path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  Position position;
  {
    EngineRig rig(directory.path(), clock);
    minute(rig, 2);
    minute(rig, 3);
    REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
    position = rig.sink.position();
  }
  std::string uuid;
  {
    EngineRig rig(copy.path(), clock);
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
  EngineRig rig(copy.path(), clock);
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
  const auto minute = [&](EngineRig& rig, int n) {  // emits the result of the minute before
    rig.send(static_cast<std::uint16_t>(n + 1), minute0 + 60 * n, 1);
    settle(rig, clock);
  };
  Position of_gateway;
  {
    EngineRig rig(directory.path(), clock);
    for (int n = 0; n < 3; ++n) minute(rig, n);
    REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
    of_gateway.newest = rig.sink.position().newest;
  }
  std::ofstream(directory.path() + "/weir.db") << std::string(8192, 'x');
  // Also if the process that set it aside does not live to see the cluster.
  const bool at_once = GENERATE(true, false);
  if (!at_once) REQUIRE(EngineRig(directory.path(), clock).store->set_aside());
  {
    EngineRig rig(directory.path(), clock);
    CHECK(rig.store->set_aside());
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
  EngineRig rig(directory.path(), clock);
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

static void drain(EngineRig& rig) {
  while (rig.uplink->step(std::chrono::seconds(1))) {
  }
}

TEST_CASE("a damaged database is announced once, by the first start that writes a record") {
  TempDir directory;
  ManualClock clock;
  std::ofstream(directory.path() + "/weir.db") << std::string(8192, 'x');
  std::size_t announced = 0;
  Position position;
  const int killed = GENERATE(0, 2);  // starts that come to nothing
  for (int start = 0; start < killed + 3; ++start) {
    EngineRig rig(directory.path(), clock);
    if (start < killed) continue;
    rig.sink.set_position(position);
    rig.send(static_cast<std::uint16_t>(start + 1), minute0 + start, 1);
    settle(rig, clock);
    drain(rig);
    for (const SinkRecord& record : rig.sink.records())
      announced += record.value.find("database_set_aside") != std::string::npos;
    CHECK(announced == 1);
    position = rig.sink.position();
    rig.balanced();
  }
}

/// What is in doubt begins anew once the sink was heard, and only then.
static void live_anew(std::unique_ptr<EngineRig>& rig, const std::string& directory,
                      ManualClock& clock) {
  const std::string uuid = rig->store->uuid();
  const Position position = rig->sink.position();
  CHECK_FALSE(rig->uplink->step(std::chrono::seconds(1)));
  for (int i = 0; i < 2; ++i) {
    clock.pass(std::chrono::seconds(2));
    REQUIRE(rig->engine->step(Duration(0)));
  }
  REQUIRE(rig->engine->restart_wanted());
  CHECK(rig->sink.records().empty());
  rig->balanced();
  rig.reset();
  rig = std::make_unique<EngineRig>(directory, clock);
  CHECK(rig->store->uuid() != uuid);
  rig->sink.set_position({{}, position.newest});
}

TEST_CASE("what was told by records that were lost in the middle of the journal is told once") {
  const TempDir directory;
  ManualClock clock;
  const bool delivered = GENERATE(true, false), killed = GENERATE(true, false);
  CAPTURE(delivered, killed);
  std::size_t told = 0;
  Position position;
  // A block of the journal each; the one in the middle tells the first minute.
  for (const int seconds : {1, 75, 76}) {
    EngineRig rig(directory.path(), clock);
    rig.sink.set_position(position);
    rig.send(static_cast<std::uint16_t>(seconds), minute0 + seconds, 1);
    settle(rig, clock);
    if (delivered) drain(rig);
    position = rig.sink.position();
    told += rig.sink.records().size();
    settle(rig, clock);
  }
  REQUIRE(told == (delivered ? 1 : 0));
  {
    const auto database =
        Database::open(directory.path() + "/weir.db", Database::Mode::read_write, "").value();
    REQUIRE(database->execute("UPDATE journal SET body = zeroblob(length(body)) WHERE slot = 1"));
  }
  auto rig = std::make_unique<EngineRig>(directory.path(), clock);
  if (killed) rig = nullptr, rig = std::make_unique<EngineRig>(directory.path(), clock);
  rig->sink.set_position(position);
  rig->send(125, minute0 + 125, 1);
  settle(*rig, clock);
  live_anew(rig, directory.path(), clock);
  rig->send(185, minute0 + 185, 1);
  settle(*rig, clock);
  drain(*rig);
  for (const SinkRecord& record : rig->sink.records())
    told += record.value.find(R"("start":"2023-11-14T22:13:00Z")") != std::string::npos;
  CHECK(told == 1);
  CHECK_FALSE(rig->engine->restart_wanted());
  rig->balanced();
}

TEST_CASE(
    "a damaged journal costs the records it touches, the loss is announced, the rest counts") {
  TempDir directory;
  ManualClock clock;
  {
    EngineRig rig(directory.path(), clock);
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
  auto rig = std::make_unique<EngineRig>(directory.path(), clock);
  const std::uint64_t known = rig->engine->ledger().total(Counter::readings_journaled);
  CHECK(known > 170);
  CHECK(known < 200);
  rig->balanced();

  // Life goes on, and a later start begins from the state as it is.
  rig->send(300, minute0 + 300, 1);
  settle(*rig, clock);
  CHECK(rig->engine->ledger().total(Counter::journal_damaged) == 1);
  rig->balanced();
  if (!newest) live_anew(rig, directory.path(), clock);
  drain(*rig);
  std::map<std::int64_t, std::uint64_t> readings;
  std::vector<std::string> gaps;
  for (const SinkRecord& record : rig->sink.records()) {
    if (record.topic == "weir.gaps") {
      const auto at = record.value.find(R"({"reason":")") + 11;
      gaps.push_back(record.value.substr(at, record.value.find('"', at) - at));
      continue;
    }
    const auto at = record.value.find(R"("readings":{"count":)") + 20;
    readings[count_us(record.timestamp)] = std::stoull(record.value.substr(at));
  }
  CHECK(gaps == (newest ? std::vector<std::string>{"journal_damaged"}
                        : std::vector<std::string>{"journal_damaged", "history_lost"}));
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
    EngineRig rig(directory.path(), clock);
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
    EngineRig rig(directory.path(), clock);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::results_produced, "damaged") == 1);
  }
  SECTION("without anything behind it they are taken back") {
    damage("DELETE FROM journal WHERE slot > 0");
    EngineRig rig(directory.path(), clock);
    CHECK(rig.store->stats().waiting[index(Lane::live)] == 0);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::results_produced, "damaged") == 0);
  }
}

TEST_CASE("what a start settled because results were missing stays settled") {
  const TempDir directory;
  ManualClock clock;
  {
    EngineRig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 1);
    rig.send(2, minute0 + 61, 1);
    settle(rig, clock);
    REQUIRE(rig.store->stats().waiting[1] == 1);
  }
  REQUIRE((*Database::open(directory.path() + "/weir.db", Database::Mode::read_write))
              ->execute("DELETE FROM outbox_1"));
  for (const int id : {3, 4, 5}) {
    EngineRig rig(directory.path(), clock);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::results_evicted, "damaged") == 1);
    rig.send(static_cast<std::uint16_t>(id), minute0 + 62, 1);
    settle(rig, clock);
    rig.balanced();
  }
}
