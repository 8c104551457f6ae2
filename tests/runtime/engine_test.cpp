#include <algorithm>
#include <string>

#include "tests/runtime/engine_rig.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;

TEST_CASE("a message is acknowledged with the commit that holds it, not before") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
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

TEST_CASE("a flood is committed in portions, also at the end") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
  constexpr std::uint16_t flood = 60'000;
  for (std::uint16_t id = 1; id <= flood; ++id) rig.send(id, minute0, 1);
  std::size_t most = 0;
  for (std::uint64_t commits = 1; commits <= 4; ++commits) {
    const std::size_t before = rig.source.acknowledged.size();
    REQUIRE(rig.engine->step(Duration(0)));
    CHECK(rig.store->last_journal_seq() == commits);
    most = std::max(most, rig.source.acknowledged.size() - before);
    clock.pass(std::chrono::milliseconds(1));  // at once, not after the commit interval
  }
  CHECK(most >= 8'192);
  CHECK(most < 20'000);
  REQUIRE(rig.engine->stop());
  CHECK(rig.source.acknowledged.size() == flood);
  CHECK(rig.engine->ledger().total(Counter::readings_journaled) == flood);
  rig.balanced();
}

TEST_CASE("a flood of which each message ends a window is committed in smaller portions") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
  constexpr std::uint16_t flood = 40'000;
  for (std::uint16_t id = 1; id <= flood; ++id) rig.send(id, minute0 - (flood - id) * 60, 1);
  std::size_t most = 0;
  while (rig.source.acknowledged.size() < flood) {
    const std::size_t before = rig.source.acknowledged.size();
    REQUIRE(rig.engine->step(Duration(0)));
    most = std::max(most, rig.source.acknowledged.size() - before);
    clock.pass(std::chrono::seconds(1));
  }
  CHECK(most < 10'000);
  CHECK(rig.engine->ledger().total(Counter::results_produced) >= flood - 1);
  rig.balanced();
}

TEST_CASE("a broker that sends on and on does not keep weir from stopping") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
  rig.send(1, minute0, 1);
  int answers = 0;
  rig.source.answer = [&] {
    if (++answers < 50) rig.send(static_cast<std::uint16_t>(answers + 1), minute0, 1);
  };
  REQUIRE(rig.engine->stop());
  CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{1});
}

TEST_CASE("open windows survive the end of the process through the journal alone") {
  TempDir directory;
  ManualClock clock;
  {
    EngineRig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    rig.send(2, minute0 + 2, 20);
    settle(rig, clock);
  }  // no orderly stop
  EngineRig rig(directory.path(), clock);
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

TEST_CASE("what cleaning remembers and what is derived survive a kill, and the ledger balances") {
  TempDir directory;
  ManualClock clock;
  for (const bool killed : {true, false}) {
    EngineRig rig(directory.path(), clock);
    rig.payload(R"({"v": 5, "t": 1699999981000})", killed ? 1 : 2, "cleaned/d");
    settle(rig, clock);
    rig.balanced();
    CHECK(rig.engine->ledger().of(Counter::readings_filtered, "duplicate") == (killed ? 0 : 1));
    CHECK(rig.engine->ledger().of(Counter::readings_derived, "aggregated") == 1);
  }
}

TEST_CASE("the numbers of messages survive a kill and an orderly stop") {
  TempDir directory;
  ManualClock clock;
  std::uint16_t packet_id = 0;
  for (const bool killed : {true, false, true}) {
    EngineRig rig(directory.path(), clock);
    rig.payload(R"({"v": 5, "n": 12})", ++packet_id, "numbered/d");
    settle(rig, clock);
    rig.payload(R"({"v": 6})", ++packet_id, "numbered/d");
    settle(rig, clock);
    rig.balanced();
    const std::uint64_t starts = packet_id / 2;
    CHECK(rig.engine->ledger().of(Counter::readings_filtered, "duplicate") == starts - 1);
    CHECK(rig.engine->ledger().of(Counter::readings_filtered, "unused") == 2 * starts);
    CHECK(rig.engine->ledger().total(Counter::readings_journaled) == 4 * starts);
    if (!killed) REQUIRE(rig.engine->stop());
  }
}

TEST_CASE("an orderly stop leaves a checkpoint, and the next start needs no journal") {
  TempDir directory;
  ManualClock clock;
  {
    EngineRig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    REQUIRE(rig.engine->step(Duration(0)));
    REQUIRE(rig.engine->stop());
    CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{1});
  }
  EngineRig rig(directory.path(), clock);
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
    EngineRig rig(directory.path(), clock);
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
    EngineRig rig(directory.path(), clock);
    rig.send_again(2, minute0 + 2, 20);
    settle(rig, clock);
    CHECK(rig.source.acknowledged == std::vector<std::uint16_t>{2});
    rig.balanced();
    if (i == 0) REQUIRE(rig.engine->stop());  // the second start finds it in the checkpoint
  }
  EngineRig rig(directory.path(), clock);
  CHECK(rig.engine->ledger().of(Counter::messages_refused, "redelivered") == 4);
  CHECK(rig.engine->ledger().total(Counter::readings_journaled) == 2);
}

TEST_CASE("what comes with a known packet id in a new session of the broker counts") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
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
    EngineRig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    rig.send(2, minute0 + 60, 10);
    settle(rig, clock);
    REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
    CHECK(rig.sink.records().size() == 1);
    delivered = rig.sink.position();
  }  // killed between the confirmation and the deletion from the outbox
  EngineRig rig(directory.path(), clock);
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
  EngineRig rig(directory.path(), clock, &vfs);
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

TEST_CASE("rubbish is acknowledged, counted, and kept as a sample") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
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

TEST_CASE(
    "readings from the future are kept as lines of a recording, and go where they have a topic") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
  const std::int64_t ahead = std::chrono::ceil<std::chrono::seconds>(
                                 clock.now().wall.time_since_epoch() + std::chrono::hours(1))
                                 .count();
  rig.send(1, ahead, 1.5, "a \"d\"");
  rig.payload("{\"t\":" + std::to_string(ahead * 1000) + ",\"v\":7}", 2, "cleaned/d");
  settle(rig, clock);
  const auto letters = [&] {
    return StoreInspector::open(directory.path()).value()->dead_letters("quarantined", 99).value();
  };
  REQUIRE(letters().size() == 2);
  CHECK(letters()[1].source == "s");
  CHECK(letters()[1].payload ==
        R"({"time":"2023-11-14T23:13:20Z","device":"a \"d\"","metric":"v","value":1.5})");
  CHECK(letters()[0].payload ==
        R"({"time":"2023-11-14T23:13:20Z","device":"d","metric":"v","value":7})");

  // Kafka must not take the time that is doubted for the record's.
  REQUIRE(rig.uplink->step(std::chrono::seconds(1)));
  const auto records = rig.sink.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].topic == "ahead");
  CHECK(records[0].timestamp <= clock.now().wall);
  CHECK(records[0].value.find(R"("kind":"quarantined","gateway":"g","name":"cleaned")") !=
        std::string::npos);

  for (std::uint16_t id = 3; id < 23; ++id) rig.send(id, ahead, 1);
  settle(rig, clock);
  CHECK(letters().size() == 2 + 16);
  CHECK(rig.engine->ledger().total(Counter::dead_letters_dropped) == 4);
  CHECK(rig.engine->ledger().total(Counter::readings_quarantined) == 22);
  rig.balanced();
}

TEST_CASE("a device that falls silent has its open window emitted by a tick") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
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
    EngineRig rig(directory.path(), clock);
    rig.send(1, minute0 + 1, 10);
    settle(rig, clock);
  }
  clock.pass(std::chrono::hours(5));
  EngineRig rig(directory.path(), clock);
  REQUIRE(rig.engine->step(Duration(0)));
  CHECK_FALSE(rig.uplink->step(Duration(0)));
}

TEST_CASE("a jump of the wall clock is counted, slewing is not") {
  TempDir directory;
  ManualClock clock;
  EngineRig rig(directory.path(), clock);
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
