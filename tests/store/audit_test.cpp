#include "store/audit.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include "store/sqlite.hpp"
#include "tests/store/samples.hpp"

namespace weir {

namespace fs = std::filesystem;

namespace {

/// A database with a past: three lanes, dead letters, two checkpoints and a journal behind them.
std::unique_ptr<Store> fill(const StoreOptions& options) {
  auto store = open_store(options);
  for (std::uint64_t i = 1; i <= 30; ++i) {
    auto next = next_commit(*store, {sample_rollup(i), sample_output(OutputKind::alert, i)});
    if (i % 3 == 0) next.outputs.push_back(sample_output(OutputKind::late, i));
    if (i % 5 == 0) next.dead_letters.push_back(sample_letter(i));
    // The first two, an alert and a rollup of the first commit.
    if (i == 30) next.drops = {{Lane::live, 1, "refused_by_peer"}, {Lane::alerts, 2, "damaged"}};
    REQUIRE(store->commit(next));
    if (i % 10 == 0 && i < 30) REQUIRE(store->write_checkpoint(std::string(300'000 + i, 's')));
  }
  return store;
}

void change(const std::string& directory, const std::string& sql) {
  REQUIRE((*Database::open(directory + "/weir.db", Database::Mode::read_write))->execute(sql));
}

std::vector<std::int64_t> ids_of(Database& database, const std::string& table) {
  auto select = database.prepare("SELECT rowid FROM " + table);
  REQUIRE(select);
  std::vector<std::int64_t> ids;
  Rows rows = select->query();
  while (*rows.next()) ids.push_back(rows.integer(0));
  return ids;
}

/// One bit in the body of a row is another.
void flip_bit(Database& database, const std::string& table, std::int64_t id, SeededRandom& random) {
  std::string body =
      *database.text("SELECT body FROM " + table + " WHERE rowid = " + std::to_string(id));
  const std::size_t at = random.below(body.size());
  body[at] = static_cast<char>(body[at] ^ (1 << random.below(8)));
  auto update = database.prepare("UPDATE " + table + " SET body = ?1 WHERE rowid = ?2");
  REQUIRE(update);
  REQUIRE(update->run(std::string_view(body), id));
}

const StoreAudit::Table& table_of(const StoreAudit& audit, const std::string& name) {
  if (name == "journal") return audit.journal;
  if (name == "checkpoint") return audit.checkpoints;
  if (name == "dead_letters") return audit.dead_letters;
  if (name == "gaps") return audit.gaps;
  return audit.outbox[static_cast<std::size_t>(name.back() - '0')];
}

const std::vector<std::string> tables = {"journal",  "checkpoint", "dead_letters", "outbox_0",
                                         "outbox_1", "outbox_2",   "gaps"};

std::set<std::string> files_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("an audit tells what a whole database holds") {
  const TempDir dir;
  const auto store = fill(options_in(dir.path()));
  Position delivered;
  delivered.delivered[index(Lane::alerts)] = 6;
  const StoreAudit audit = audit_of(dir.path(), delivered);
  check_whole(audit);
  CHECK(audit.uuid == store->uuid());
  CHECK(audit.last_record == 30);
  CHECK(audit.issued == 70);
  CHECK(audit.outbox[index(Lane::live)].rows == 29);
  CHECK(audit.outbox[index(Lane::alerts)].rows == 29);
  CHECK(audit.outbox[index(Lane::alerts)].delivered == 2);
  CHECK(audit.outbox[index(Lane::late)].rows == 10);
  CHECK(audit.dead_letters.rows == 6);
  REQUIRE(audit.newest);
  CHECK(audit.newest->journal_seq == 20);
  CHECK(audit.newest->size == 300'020);
  CHECK(audit.newest->whole);
  CHECK(audit.newest->behind == 10);
  REQUIRE(audit.before);
  CHECK(audit.before->journal_seq == 10);
  CHECK(audit.before->whole);
  CHECK(audit.before->behind == 20);
  CHECK(audit.before->error == "");
  CHECK(audit.state == std::string(300'020, 's'));
  CHECK(audit.delta.total(Counter::readings_journaled) == 60);
  CHECK(audit.delta.total(Counter::results_produced) == 24);
  CHECK(count(audit.database) + count(audit.wal) > 0);
  CHECK(audit.free);
  CHECK_FALSE(audit.check_wanted);
  CHECK(audit.set_aside.empty());
}

TEST_CASE("a new database is whole, too") {
  const TempDir dir;
  open_store(options_in(dir.path()));
  const StoreAudit audit = audit_of(dir.path());
  check_whole(audit);
  CHECK_FALSE(audit.newest);
  CHECK(audit.last_record == 0);
  CHECK(audit.issued == 0);
}

TEST_CASE("one bit in any row of any table is found, and found there") {
  const TempDir dir;
  fill(options_in(dir.path()));
  SeededRandom random(5);
  for (const std::string& table : tables) {
    std::vector<std::int64_t> ids;
    ids = ids_of(**Database::open(dir.path() + "/weir.db", Database::Mode::read_only), table);
    REQUIRE_FALSE(ids.empty());
    for (const std::int64_t id : ids) {
      INFO(table << " row " << id);
      const TempDir copy;
      fs::copy_file(dir.path() + "/weir.db", copy.path() + "/weir.db");
      flip_bit(**Database::open(copy.path() + "/weir.db", Database::Mode::read_write), table, id,
               random);
      const StoreAudit audit = audit_of(copy.path());
      for (const std::string& each : tables)
        CHECK(table_of(audit, each).damaged == (each == table ? 1 : 0));
      CHECK(table_of(audit, table).first_damage.find("is damaged") != std::string::npos);
      if (table == "journal") CHECK(audit.replay_error != "");
      if (table == "checkpoint")
        CHECK((!audit.before || !audit.newest->whole || !audit.before->whole));
    }
  }
}

TEST_CASE("a row whose CRC holds, but not what it covers, counts as damaged") {
  const TempDir dir;
  fill(options_in(dir.path()));
  // A body that was sealed for another lane's row of the same number would not pass; this one was
  // written by nobody.
  change(dir.path(), "INSERT INTO outbox_3 VALUES(5, x'00000000')");
  const StoreAudit audit = audit_of(dir.path());
  CHECK(audit.outbox[index(Lane::backlog)].damaged == 1);
  CHECK(audit.outbox[index(Lane::live)].whole());
}

TEST_CASE("rows that are missing are missed") {
  const TempDir dir;
  fill(options_in(dir.path()));
  SECTION("a block of the journal") {
    auto store = open_store(options_in(dir.path()));
    for (int i = 0; i < 30; ++i) REQUIRE(store->commit(next_commit(*store)));
    store = nullptr;
    change(dir.path(), "DELETE FROM journal WHERE slot = (SELECT max(slot) - 1 FROM journal)");
    CHECK(audit_of(dir.path()).replay_error.find("is damaged or missing") != std::string::npos);
  }
  SECTION("the last block of the journal: the outbox has what it does not know of") {
    change(dir.path(), "DELETE FROM journal WHERE slot = (SELECT max(slot) FROM journal)");
    const StoreAudit audit = audit_of(dir.path());
    CHECK(audit.last_record < 30);
    CHECK(audit.outbox[index(Lane::live)].last_seq > audit.issued);
  }
  SECTION("a result") {
    change(dir.path(), "DELETE FROM outbox_0 WHERE seq = 4");
    const StoreAudit audit = audit_of(dir.path());
    CHECK(audit.outbox[index(Lane::alerts)].rows == 28);
    CHECK(audit.outbox[index(Lane::alerts)].counted == 29);
  }
  SECTION("a part of the newest checkpoint: the one before is read") {
    change(dir.path(), "DELETE FROM checkpoint WHERE id = (SELECT max(id) FROM checkpoint)");
    const StoreAudit audit = audit_of(dir.path());
    CHECK_FALSE(audit.newest->whole);
    CHECK(audit.before->whole);
    CHECK(audit.state.size() == 300'010);
    CHECK(audit.delta.total(Counter::readings_journaled) == 120);
  }
  SECTION("dead letters") {
    change(dir.path(), "DELETE FROM dead_letters WHERE id IN (2, 3)");
    CHECK(audit_of(dir.path()).letters_missing == 2);
  }
  SECTION("a whole table") {
    change(dir.path(), "DROP TABLE outbox_1");
    CHECK(audit_of(dir.path()).outbox[index(Lane::live)].error != "");
  }
}

TEST_CASE(
    "a page that is lost is found by SQLite's check, and the rest is looked at all the same") {
  const TempDir dir;
  fill(options_in(dir.path()));
  auto database = std::move(*Database::open(dir.path() + "/weir.db", Database::Mode::read_write));
  const auto root = database->number("SELECT rootpage FROM sqlite_schema WHERE name = 'outbox_1'");
  database = nullptr;
  std::fstream file(dir.path() + "/weir.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((*root - 1) * 1024);
  file << std::string(1024, '\0');
  file.close();
  const StoreAudit audit = audit_of(dir.path());
  CHECK(audit.pages != "ok");
  CHECK(audit.outbox[index(Lane::live)].error != "");
  CHECK(audit.outbox[index(Lane::alerts)].rows == 29);
}

TEST_CASE("beside a store that goes on committing, an audit sees one moment") {
  const TempDir dir;
  const auto store = fill(options_in(dir.path()));
  std::set<std::string> seen;
  std::uint64_t record = 30;
  for (int round = 0; round < 3; ++round) {
    const StoreAudit audit = audit_of(dir.path(), {}, [&](std::string_view table, std::uint64_t) {
      if (!seen.insert(std::string(table) + std::to_string(round)).second) return;
      auto next = next_commit(*store, {sample_rollup(), sample_output(OutputKind::alert)});
      next.delivered.delivered[index(Lane::live)] = 3 * seen.size();
      REQUIRE(store->commit(next));
    });
    check_whole(audit);
    CHECK(audit.last_record == record);
    record = store->last_journal_seq();
  }
  CHECK(record > 40);
}

TEST_CASE(
    "a log without its index is read where nobody has the database open, and nothing is made") {
  const TempDir dir;
  const TempDir copy;
  const auto store = fill(options_in(dir.path()));
  for (const char* name : {"/weir.db", "/weir.db-wal"})
    fs::copy_file(dir.path() + name, copy.path() + name);
  const auto before = files_in(copy.path());
  const auto written = fs::last_write_time(copy.path() + "/weir.db");
  fs::permissions(copy.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const StoreAudit audit = audit_of(copy.path());
  check_whole(audit);
  CHECK(audit.last_record == 30);
  CHECK(files_in(copy.path()) == before);
  CHECK(fs::last_write_time(copy.path() + "/weir.db") == written);
  fs::permissions(copy.path(), fs::perms::owner_all);
}

TEST_CASE("a weir that is started while its files are read without locks spoils the audit") {
  const TempDir dir;
  fill(options_in(dir.path()));
  const auto inspector = StoreInspector::open(dir.path());
  REQUIRE(inspector);
  std::unique_ptr<Store> started;
  const auto audit = (*inspector)->audit({}, [&](auto, auto) {
    if (!started) started = open_store(options_in(dir.path()));
  });
  REQUIRE_FALSE(audit);
  CHECK(audit.error().kind == ErrorKind::unavailable);
}

TEST_CASE("what lies about in the directory is named") {
  const TempDir dir;
  fill(options_in(dir.path()));
  for (const char* name : {"/weir.check", "/weir.db.damaged-3", "/weir.db.damaged-12"})
    std::ofstream(dir.path() + name) << "x";
  const StoreAudit audit = audit_of(dir.path());
  CHECK(audit.check_wanted);
  CHECK(audit.set_aside == std::vector<std::string>{"weir.db.damaged-3", "weir.db.damaged-12"});
}

}  // namespace weir
