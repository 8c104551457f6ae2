#include "runtime/status.hpp"

#include <algorithm>
#include <sstream>

#include "runtime/ledger_view.hpp"
#include "tests/runtime/snapshot_samples.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

std::string json_of(const Snapshot& snapshot) {
  return status_json(snapshot, usual_usage());
}
std::string text_of(const Snapshot& snapshot) {
  return status_text(snapshot, usual_usage());
}

/// White space outside of texts taken away again.
std::string compact(const std::string& json) {
  std::string out;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') in_text = !in_text;
    if (in_text && json[i] == '\\') out += json[i++];
    if (in_text || (json[i] != ' ' && json[i] != '\n')) out += json[i];
  }
  return out;
}

bool holds(const std::string& text, const std::string& part) {
  UNSCOPED_INFO("looking for " << part << " in\n" << text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the status is JSON with the documented keys") {
  const std::string json = compact(json_of(busy_snapshot()));
  CHECK(holds(json, R"({"gateway":{"id":"line7-gw2","version":"0.1.0",)"
                    R"("config":"/etc/weir/weir.toml","state":"running",)"
                    R"("started":"2026-03-01T12:00:00Z","now":"2026-03-03T15:00:00Z",)"
                    R"("uptime_seconds":183600,"clock_synchronised":true})"));
  CHECK(holds(json, R"({"lane":"alerts","waiting":1,"oldest_age_seconds":2.5})"));
  CHECK(holds(json, R"("watermarks":{"devices":12,"idle":3,"lowest":"2026-03-03T14:58:30Z",)"
                    R"("highest":"2026-03-03T14:59:59Z","lag_seconds":90})"));
  CHECK(holds(json, R"("sources":[{"name":"mqtt","peer":"mqtts://broker.local:8883",)"
                    R"("connected":true,"state":"connected since 12:00","paused":false,)"));
  CHECK(holds(json, R"("sink":{"name":"kafka","peer":"kafka1.example:9092","connected":false,)"));
  CHECK(holds(json, R"("set_aside":null,"error":null,"over_limit":false,)"));
  CHECK(holds(json, R"("limits":{"devices":{"used":12,"limit":10000},)"
                    R"("series":{"used":36,"limit":20000},)"
                    R"("inbox_bytes":{"used":2048,"limit":8388608}})"));
  CHECK(holds(json, R"("process":{"resident_bytes":20971520,"cpu_seconds":12.5,)"
                    R"("written_bytes":5242880,"open_files":24,"pipeline_bytes":70000,)"
                    R"("operators":[{"name":"rollup press_1m","bytes":60000},)"
                    R"({"name":"detector overheat","bytes":9000}]}})"));
}

TEST_CASE("the status shows both sides of each equation of the ledger") {
  const std::string json = compact(json_of(busy_snapshot()));
  CHECK(holds(json, R"("ledger":{"balanced":true,"sentence":"the ledger balances",)"));
  CHECK(holds(json, R"({"subject":"messages","left":{"received":1234567},)"
                    R"("right":{"journaled":1234500,"refused":67},"balanced":true})"));
  CHECK(holds(json, R"("right":{"delivered":89,"waiting":7,"evicted":4},"balanced":true})"));
  CHECK(holds(json, R"("messages_refused":{"retained":7,"undecodable":60},)"));
  CHECK(holds(json, R"("fields_skipped":{},"clock_jumps":2)"));
}

TEST_CASE("a ledger that does not balance is shown with the equation that fails") {
  Snapshot snapshot = busy_snapshot();
  snapshot.ledger.add(Counter::messages_received, 1);
  const std::string json = compact(json_of(snapshot));
  CHECK(holds(json, R"("ledger":{"balanced":false,"sentence":")" +
                        snapshot.ledger.imbalance(snapshot.waiting)));
  CHECK(holds(json, R"("right":{"journaled":1234500,"refused":67},"balanced":false})"));
  CHECK(holds(text_of(snapshot),
              "Ledger: NOT BALANCED, " + snapshot.ledger.imbalance(snapshot.waiting)));
}

TEST_CASE("the equations that are shown are those the ledger is judged by") {
  const auto balanced = [](const Ledger& ledger, std::uint64_t waiting) {
    const auto equations = ledger_equations(ledger, waiting);
    return std::all_of(equations.begin(), equations.end(),
                       [](const LedgerEquation& e) { return e.balanced(); });
  };
  const Snapshot snapshot = busy_snapshot();
  REQUIRE(snapshot.ledger.imbalance(snapshot.waiting).empty());
  CHECK(balanced(snapshot.ledger, snapshot.waiting));
  for (const CounterFamily& family : counter_families()) {
    INFO(counter_name(family.counter));
    Ledger changed = snapshot.ledger;
    changed.add(family.counter, 1);
    CHECK(balanced(changed, snapshot.waiting) == changed.imbalance(snapshot.waiting).empty());
  }
}

TEST_CASE("the status is indented for people, also around what is empty") {
  const std::string json = json_of(Snapshot{});
  CHECK(holds(json, "{\n  \"gateway\": {\n    \"id\": \"\",\n"));
  CHECK(holds(json, "\"sources\": [],\n"));
  CHECK(json.substr(json.size() - 7) == "\n  }\n}\n");
}

TEST_CASE("what peers say is quoted in the JSON") {
  Snapshot snapshot = busy_snapshot();
  snapshot.sources[0].state = "refused: \"{[,:\\\" and \x1b[2J";
  const std::string json = json_of(snapshot);
  CHECK(holds(json, "\"state\": \"refused: \\\"{[,:\\\\\\\" and \\u001"));
}

TEST_CASE("the state of the gateway is a word") {
  Snapshot snapshot = busy_snapshot();
  snapshot.replaying = true;
  CHECK(holds(json_of(snapshot), "\"state\": \"replaying\""));
  CHECK(holds(text_of(snapshot), "replaying its journal"));
  snapshot.stopping = true;
  CHECK(holds(json_of(snapshot), "\"state\": \"stopping\""));
}

TEST_CASE("the status for people has aligned columns and units") {
  CHECK(text_of(busy_snapshot()) == R"(weir 0.1.0  line7-gw2  running for 2d 3h, clock synchronised

Link
  mqtt   connected      mqtts://broker.local:8883
                        connected since 12:00
                        1,234,600 messages, 90.5 MiB, 5 unacknowledged, 8 subscriptions REFUSED
  kafka  not connected  kafka1.example:9092
                        no broker answers, next try in 4 s
                        89 records, 39.0 KiB, exactly-once

Ledger: balanced
  messages  1,234,567 received  = 1,234,500 journaled + 67 refused
  readings       3,000 decoded  = 2,990 journaled + 10 refused
  readings     2,990 journaled  = 2,900 aggregated + 40 late + 30 quarantined + 20 filtered
  results         100 produced  = 89 delivered + 7 waiting + 4 evicted
  messages refused:   retained 7, undecodable 60
  readings refused:   series_limit 10
  readings filtered:  unused 20
  results produced:   alert 10, rollup 90
  results delivered:  alerts 9, live 80
  results evicted:    max_size 4
  clock jumps:        2

Lanes
           waiting  oldest
  alerts         1      2s
  live           6  1m 15s
  late           0       -
  backlog        0       -

Watermarks
  devices  12, 3 of them idle
  lowest   2026-03-03T14:58:30Z, 1m 30s behind the clock
  highest  2026-03-03T14:59:59Z

Store
  size          3.0 MiB and 512.0 KiB of log, limit 256.0 MiB
  journal       11 records, 4.0 KiB behind the checkpoint
  commits       500, 3 checkpoints since the start
  dead letters  67

Limits
              used    limit
  devices       12   10,000
  series        36   20,000
  inbox    2.0 KiB  8.0 MiB

Process
  memory   20.0 MiB, 68.3 KiB of it state
  cpu      12s
  written  5.0 MiB

State
  rollup press_1m    58.5 KiB
  detector overheat   8.7 KiB
)");
}

TEST_CASE("trouble stands out in the status for people") {
  Snapshot snapshot = busy_snapshot();
  snapshot.store_error = "the disk is full";
  snapshot.store_over_limit = true;
  snapshot.set_aside = "/var/lib/weir/weir.db.damaged-1";
  snapshot.sources[0].paused = true;
  snapshot.now.synchronised = false;
  const std::string text = text_of(snapshot);
  CHECK(holds(text, "FAILING       the disk is full\n"));
  CHECK(holds(text, "limit 256.0 MiB, REACHED: results are evicted"));
  CHECK(holds(text, "A damaged database was set aside as /var/lib/weir/weir.db.damaged-1\n"));
  CHECK(holds(text, "paused: the inbox is full"));
  CHECK(holds(text, "clock not synchronised"));
}

TEST_CASE("no control character reaches the terminal") {
  Snapshot snapshot = busy_snapshot();
  for (std::string* text :
       {&snapshot.gateway, &snapshot.store_error, &snapshot.sources[0].peer,
        &snapshot.sources[0].state, &snapshot.sink.peer, &snapshot.sink.state}) {
    *text = "evil\x1b[2J\r\n\x07";
  }
  snapshot.set_aside = "a\x1b";
  snapshot.ledger.add(Counter::messages_refused, "r\x1b", 1);
  for (const char c : text_of(snapshot))
    REQUIRE((c == '\n' || static_cast<unsigned char>(c) >= 32));
}

TEST_CASE("an empty snapshot has a status, too") {
  const std::string text = status_text(Snapshot{}, ProcessUsage{});
  CHECK(holds(text, "Ledger: balanced"));
  CHECK(holds(text, "memory   unknown"));
  CHECK(holds(compact(status_json(Snapshot{}, ProcessUsage{})), R"("resident_bytes":null)"));
}
