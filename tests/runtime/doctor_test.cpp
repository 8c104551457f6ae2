// `weir doctor`, as it is called: a directory as a gateway leaves it, damage, what it says.

#include "runtime/doctor.hpp"

#include <fstream>
#include <iostream>
#include <sstream>

#include "firmware-bridge/router.hpp"
#include "runtime/cli.hpp"
#include "runtime/engine_state.hpp"
#include "runtime/kafka_sink.hpp"
#include "store/sqlite.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_outbox.hpp"
#include "tests/support/mock_kafka.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

constexpr auto pipeline_text = R"(
[[source]]
name = "s"
topics = ["s/{device}"]
[[rollup]]
name = "r"
from = "s"
window = { tumbling = "1m" }
)";

/// A gateway's database, with as much of an engine as writes its checkpoints.
struct Patient {
  TempDir directory;
  std::unique_ptr<Store> store;
  Ledger ledger;

  explicit Patient(int commits = 40) {
    open();
    for (int i = 1; i <= commits; ++i) {
      commit(i);
      if (i == commits / 4 || i == commits / 2) checkpoint();
    }
  }

  void commit(int i, std::uint64_t messages_lost = 0, std::uint64_t delivered = 0) {
    Store::Commit next;
    next.record.seq = store->last_journal_seq() + 1;
    next.record.dictionary = std::string(200, 'd');
    next.record.delta.add(Counter::messages_received, 2 + messages_lost);
    next.record.delta.add(Counter::messages_journaled, 1);
    next.record.delta.add(Counter::messages_refused, "undecodable", 1);
    next.outputs = {sample_output("m" + std::to_string(i))};
    next.delivered.delivered[index(Lane::live)] = delivered;
    if (i % 5 == 0) {
      next.outputs.front().kind = OutputKind::alert;
      next.dead_letters.emplace_back().reason = "undecodable";
    }
    const auto receipt = store->commit(next);
    REQUIRE(receipt);
    ledger.add(receipt->delta);
  }

  void checkpoint() {
    ConfigFile config = ConfigFile::parse(pipeline_text, "test");
    Params root = config.root();
    const std::vector<SourceOptions> sources = {SourceConfig::read_all(root).front().options};
    const auto options = read_pipeline_options(root, sources);
    SeriesTable table{{}};
    const auto pipeline = make_pipeline(*options, sources, table);
    Redeliveries redeliveries;
    Moment moment;
    std::uint64_t doubt = 0;
    const EngineState state{moment, table, ledger, *pipeline, redeliveries, doubt};
    REQUIRE(store->write_checkpoint(encode_state(state)));
  }

  void open() {
    StoreOptions options;
    options.directory = directory.path();
    store = std::move(Store::open(options).value());
  }
  void stop() { store.reset(); }
  void change(const std::string& sql) {
    stop();
    auto database = Database::open(directory.path() + "/weir.db", Database::Mode::read_write);
    REQUIRE((*database)->execute(sql));
  }

  std::string config(const std::string& brokers, const std::string& more = {}) const {
    const std::string path = directory.path() + "/weir.toml";
    std::ofstream(path) << "[gateway]\nid = \"gw\"\ndata_dir = \"" << directory.path()
                        << "\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n"
                        << pipeline_text << "[kafka]\nbrokers = [\"" << brokers
                        << "\"]\ntransaction_timeout = \"1s\"\n"
                        << more;
    return path;
  }
};

struct Said {
  int code = -1;
  std::string out, error;
  bool has(const std::string& text) const { return out.find(text) != std::string::npos; }
  /// The checks with this verdict, in their order.
  std::vector<std::string> checks(const std::string& verdict) const {
    std::vector<std::string> found;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(verdict + " ", 0) != 0) continue;
      const std::string check = line.substr(9, 16);
      found.push_back(check.substr(0, check.find_last_not_of(' ') + 1));
    }
    return found;
  }
};

using Names = std::vector<std::string>;

/// Calls the command with what it writes caught.
Said doctor(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"weir", "doctor"});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  std::ostringstream out, error;
  auto* const out_before = std::cout.rdbuf(out.rdbuf());
  auto* const error_before = std::cerr.rdbuf(error.rdbuf());
  Said said;
  said.code = command_line(static_cast<int>(argv.size()), argv.data());
  std::cout.rdbuf(out_before);
  std::cerr.rdbuf(error_before);
  said.out = out.str();
  said.error = error.str();
  UNSCOPED_INFO(said.out << said.error);
  return said;
}

constexpr auto flip_first_byte =
    " SET body = (CASE WHEN hex(substr(body, 1, 1)) = '00' THEN x'01' ELSE x'00' END) || "
    "substr(body, 2)";

}  // namespace

TEST_CASE("a healthy gateway has no problems, stopped or running") {
  Patient patient;
  if (GENERATE(true, false)) patient.stop();
  const Said said = doctor({patient.directory.path()});
  CHECK(said.code == 0);
  CHECK(said.checks("ok") == Names{"files", "pages", "identity", "checkpoints", "journal",
                                   "outbox alerts", "outbox live", "outbox late", "outbox backlog",
                                   "dead letters", "gaps", "ledger"});
  CHECK(said.has("no problems\n"));
  CHECK(said.has("it goes to record 40 without a gap, 20 records behind the checkpoint"));
  CHECK(said.has("it balances: 80 messages received, 40 results produced"));
  CHECK(said.has("32 results waiting"));
}

TEST_CASE("a gateway that has stored nothing yet is healthy") {
  CHECK(doctor({Patient(0).directory.path()}).code == 0);
}

TEST_CASE("each kind of damage is found, named, and has a remedy") {
  struct Damage {
    std::string sql;
    Names problems;
  };
  const std::string newest = " WHERE id >> 20 = (SELECT max(id) >> 20 FROM checkpoint)";
  const auto damage = GENERATE_COPY(values<Damage>({
      {std::string("UPDATE journal") + flip_first_byte + " WHERE slot = 3", {"journal", "ledger"}},
      {"DELETE FROM journal WHERE slot = (SELECT max(slot) - 2 FROM journal)",
       {"journal", "ledger"}},
      {std::string("UPDATE checkpoint") + flip_first_byte + newest + " AND id & 1048575 = 0",
       {"checkpoints"}},
      {std::string("UPDATE checkpoint") + flip_first_byte + newest + " AND id & 1048575 = 1",
       {"checkpoints"}},
      {"DELETE FROM checkpoint" + newest + " AND id & 1048575 = 1", {"checkpoints"}},
      {std::string("UPDATE checkpoint") + flip_first_byte, {"checkpoints", "journal", "ledger"}},
      {std::string("UPDATE outbox_0") + flip_first_byte + " WHERE seq = 5", {"outbox alerts"}},
      {std::string("UPDATE outbox_1") + flip_first_byte + " WHERE seq = 7", {"outbox live"}},
      {"INSERT INTO outbox_2 VALUES(3, x'0102030405')", {"outbox late", "ledger"}},
      {"INSERT INTO outbox_3 VALUES(3, x'0102030405')", {"outbox backlog", "ledger"}},
      {"DELETE FROM outbox_1 WHERE seq = 7", {"outbox live", "ledger"}},
      {"UPDATE outbox_1 SET seq = 900 WHERE seq = 39", {"outbox live"}},
      {std::string("UPDATE dead_letters") + flip_first_byte + " WHERE id = 2", {"dead letters"}},
      {"DELETE FROM dead_letters WHERE id = 3", {"dead letters"}},
      {"DELETE FROM meta", {"identity"}},
      {"DROP TABLE dead_letters", {"dead letters"}},
  }));
  INFO(damage.sql);
  Patient patient;
  patient.change(damage.sql);
  const Said said = doctor({patient.directory.path()});
  CHECK(said.code == 1);
  CHECK(said.checks("problem") == damage.problems);
  CHECK(said.has("→ "));
}

TEST_CASE("a message that vanished is seen in the ledger, wherever it stands") {
  Patient patient;
  patient.commit(41, 1);
  const bool folded = GENERATE(true, false);
  if (folded) patient.checkpoint();
  const Said said = doctor({patient.directory.path()});
  CHECK(said.code == 1);
  CHECK(said.checks("problem") == Names{"ledger"});
  CHECK(said.has("messages received is 83, but journaled + refused is 82"));
}

TEST_CASE("a ledger that lost counts with a damaged journal is a warning: nothing can be done") {
  Patient patient;
  patient.ledger.add(Counter::journal_damaged, 1);
  patient.ledger.add(Counter::results_produced, "rollup", 3);
  patient.checkpoint();
  const Said said = doctor({patient.directory.path()});
  CHECK(said.code == 0);
  CHECK(said.checks("warning") == Names{"ledger"});
}

TEST_CASE("a journal that ends before its checkpoint has lost records") {
  Patient patient;
  patient.stop();
  patient.open();  // begins a new block
  patient.commit(41);
  patient.checkpoint();
  const std::string number = "substr(body, 5, 1)";
  patient.change("DELETE FROM journal WHERE " + number + " = (SELECT max(" + number +
                 ") FROM journal)");
  const Said said = doctor({patient.directory.path()});
  CHECK(said.code == 1);
  CHECK(said.checks("problem") == Names{"journal"});
  CHECK(said.has("it ends at record 40, and the checkpoint is of record 41"));
}

TEST_CASE("what lies about, and a bound that is exceeded, are warnings") {
  Patient patient;
  patient.stop();
  for (const char* name : {"/weir.check", "/weir.db.damaged-1"})
    std::ofstream(patient.directory.path() + name) << "x";
  Said said = doctor({patient.directory.path()});
  CHECK(said.code == 0);
  CHECK(said.checks("warning") == Names{"weir.check", "set aside"});
  StoreAudit audit;
  audit.database = Bytes{3u << 20};
  audit.wal = Bytes{1u << 20};
  audit.free = Bytes{64u << 20};
  const auto verdict = [&](std::uint64_t max_size) {
    return examine(audit, Bytes{max_size}).front().verdict;
  };
  CHECK(verdict(4u << 20) == Finding::Verdict::ok);
  CHECK(verdict(3u << 20) == Finding::Verdict::warning);
  CHECK(verdict(68u << 20) == Finding::Verdict::ok);
  CHECK(verdict(69u << 20) == Finding::Verdict::warning);
  audit.free = Bytes{1u << 20};
  CHECK(verdict(4u << 20) == Finding::Verdict::problem);
}

TEST_CASE("what the cluster has is compared with what waits here") {
  const MockKafka kafka;
  Patient patient;
  KafkaOptions options;
  options.brokers = {kafka.brokers()};
  const auto deliver = [&](const Position& position) {
    KafkaSink sink(options, "gw", patient.store->uuid(), {});
    REQUIRE(sink.open(10s));
    SinkRecord record;
    record.topic = "rows";
    record.value = "x";
    REQUIRE(sink.publish(std::vector{record}, position, 10s));
  };
  const std::string config = patient.config(kafka.brokers());
  SECTION("nothing was delivered") {
    const Said said = doctor({"-c", config});
    CHECK(said.code == 0);
    CHECK(said.has("the cluster has none of this database, and nothing was delivered"));
  }
  SECTION("nothing is known of what was delivered") {
    patient.commit(41, 0, 7);
    const Said said = doctor({"-c", config});
    CHECK(said.code == 0);
    CHECK(said.checks("warning") == Names{"position"});
    CHECK(said.has("but 6 results were delivered"));
  }
  SECTION("delivered, not removed yet") {
    deliver({{5, 13, 0, 0}});
    const Said said = doctor({"-c", config});
    CHECK(said.code == 0);
    CHECK(said.has("results up to 13; 12 results of these still wait to be removed"));
    // A mock knows no topic configuration.
    CHECK(said.has("is compacted can't be verified"));
    CHECK(said.has("how long they keep results can't be seen"));
  }
  SECTION("more than was given out: an older copy") {
    deliver({{5, 41, 0, 0}});
    const Said said = doctor({"-c", config});
    CHECK(said.code == 1);
    CHECK(said.checks("problem") == Names{"position"});
    CHECK(said.has("the cluster has result 41, which this database never gave out"));
    CHECK(doctor({"-c", config, "--offline"}).code == 0);
  }
  SECTION("what an earlier start never gave out, though a later one went beyond it") {
    patient.stop();
    patient.open();
    patient.commit(41);
    deliver({{5, 41, 0, 0}});
    const Said said = doctor({"-c", config});
    CHECK(said.code == 1);
    CHECK(said.has("the cluster has result 41, which this database never gave out"));
  }
}

TEST_CASE("a cluster that is away is a warning, and is not asked with --offline") {
  const Patient patient;
  const Said said = doctor({"-c", patient.config("127.0.0.1:1")});
  CHECK(said.code == 0);
  CHECK(said.checks("warning") == Names{"position"});
  CHECK(said.has("--offline"));
  CHECK(doctor({"--offline", "-c", patient.config("127.0.0.1:1")}).checks("warning").empty());
  const auto plain = patient.config("127.0.0.1:1", "delivery = \"at-least-once\"\n");
  CHECK(doctor({"-c", plain}).checks("warning") == Names{"topics"});
  CHECK(doctor({"--offline", "-c", plain}).checks("warning").empty());
}

TEST_CASE("a topic that deletes what comes late is a warning with the command that mends it") {
  const auto found = examine_topics(std::vector<BriefTopic>{{"rollups", 26h}, {"alerts", 10min}});
  REQUIRE(found.size() == 2);
  CHECK(found[0].verdict == Finding::Verdict::warning);
  CHECK(found[0].text.starts_with("topic rollups deletes what is older than 1d2h "));
  CHECK(
      found[1].remedy.starts_with("kafka-configs.sh --alter --entity-type topics --entity-name "
                                  "alerts --add-config retention.ms=604800000 "));
  const auto none = examine_topics(std::vector<BriefTopic>());
  REQUIRE(none.size() == 1);
  CHECK(none[0].verdict == Finding::Verdict::ok);
}

TEST_CASE("for scripts there is JSON with the same verdicts") {
  Patient patient;
  CHECK(doctor({"--json", patient.directory.path()}).has("\"problems\":0,\"warnings\":0,"));
  patient.change("DELETE FROM dead_letters WHERE id = 3");
  const Said said = doctor({"--json", patient.directory.path()});
  CHECK(said.code == 1);
  CHECK(said.out.rfind("{\"directory\":\"" + patient.directory.path() + "\",\"problems\":1,", 0) ==
        0);
  CHECK(
      said.has(R"({"check":"dead letters","verdict":"problem","text":"1 row missing","remedy":")"));
  CHECK(said.has(R"({"check":"pages","verdict":"ok",)"));
}

TEST_CASE("the exit code says why nothing was looked at") {
  const TempDir empty;
  const Said none = doctor({empty.path()});
  CHECK(none.code == 66);
  CHECK(none.error == "weir doctor: there is no database " + empty.path() + "/weir.db\n");
  CHECK(none.out == "");
  CHECK(doctor({"-c", empty.path() + "/weir.toml"}).code == 78);
  CHECK(doctor({"--nonsense"}).code == 64);
  CHECK(doctor({"-c", "weir.toml", empty.path()}).code == 64);

  std::ofstream(empty.path() + "/weir.db") << std::string(5000, 'x');
  const Said rubbish = doctor({empty.path()});
  CHECK(rubbish.code == 1);
  CHECK(rubbish.checks("problem") == Names{"database"});
}

TEST_CASE("the database of a newer weir is a problem that names itself") {
  Patient patient;
  patient.change("PRAGMA user_version = 99");
  const Said said = doctor({patient.directory.path()});
  CHECK(said.code == 1);
  CHECK(said.has("is of schema 99"));
}
