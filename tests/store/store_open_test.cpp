#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/sqlite.hpp"
#include "tests/store/samples.hpp"

namespace weir {

namespace fs = std::filesystem;

namespace {

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A database with a past: commits, a checkpoint, results.
void live_a_while(const StoreOptions& options) {
  const auto store = open_store(options);
  for (std::uint64_t i = 0; i < 30; ++i) {
    REQUIRE(store->commit(next_commit(*store, {sample_rollup(i)})));
    if (i == 20) REQUIRE(store->write_checkpoint(std::string(5000, 's')));
  }
}

}  // namespace

TEST_CASE("a second weir on one directory is refused, and let in once the first has gone") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path() + "/deep/er");
  auto first = open_store(options);
  const auto second = Store::open(options);
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::unavailable);
  CHECK(second.error().message ==
        "another weir holds " + options.directory + ": stop it, or give this one its own data_dir");
  first = nullptr;
  CHECK(Store::open(options));
}

TEST_CASE("a database of a newer weir is left alone") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  live_a_while(options);
  REQUIRE((*Database::open(dir.path() + "/weir.db", Database::Mode::read_write))
              ->execute("PRAGMA user_version = 99"));
  const auto refused = Store::open(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK(refused.error().message.find(dir.path() + "/weir.db: a newer weir wrote it") == 0);
  CHECK(refused.error().message.find("install that weir again") != std::string::npos);
  CHECK_FALSE(fs::exists(dir.path() + "/weir.db.damaged-1"));
  CHECK(StoreInspector::open(dir.path()).error().kind == ErrorKind::unsupported);
}

TEST_CASE("a directory that can't be made or written to is named") {
  const TempDir dir;
  write_file(dir.path() + "/file", "");
  const auto below_file = Store::open(options_in(dir.path() + "/file/data"));
  REQUIRE_FALSE(below_file);
  CHECK(below_file.error().kind == ErrorKind::unavailable);
  CHECK(below_file.error().message.find(dir.path() + "/file/data can't be made") == 0);

  const auto not_a_disk = Store::open(options_in("/proc"));
  REQUIRE_FALSE(not_a_disk);
  CHECK(not_a_disk.error().kind == ErrorKind::unavailable);
  CHECK(not_a_disk.error().message.find("/proc can't be written to") == 0);
}

TEST_CASE("a database that can't be opened, though it may be whole, is left where it is") {
  const TempDir dir;
  fs::create_directory(dir.path() + "/weir.db");
  const auto refused = Store::open(options_in(dir.path()));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unavailable);
  CHECK(fs::exists(dir.path() + "/weir.db"));
}

TEST_CASE("what is no database of weir is set aside whole, and a new one made") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const std::string path = dir.path() + "/weir.db";
  std::string bytes;
  SECTION("text") {
    bytes = std::string(5000, 'x');
  }
  SECTION("zeros") {
    bytes = std::string(8192, '\0');
  }
  SECTION("a short header") {
    bytes = std::string("SQLite format 3\0", 16);
  }
  SECTION("a database of somebody else") {
    REQUIRE((*Database::open(path, Database::Mode::read_write))
                ->execute("CREATE TABLE theirs(x); PRAGMA user_version = 1"));
    bytes = read_file(path);
  }
  write_file(path, bytes);
  auto store = open_store(options);
  REQUIRE(store->set_aside());
  CHECK(*store->set_aside() == path + ".damaged-1");
  CHECK(store->last_journal_seq() == 0);
  if (bytes.find("CREATE") == std::string::npos) CHECK(read_file(path + ".damaged-1") == bytes);
  store = nullptr;
  store = open_store(options);
  CHECK(store->set_aside() == path + ".damaged-1");  // nobody could have announced it
  REQUIRE(store->commit(next_commit(*store)));
  store = nullptr;
  CHECK_FALSE(open_store(options)->set_aside());
}

TEST_CASE("databases set aside are numbered on, and the newest two are kept") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  for (int i = 1; i <= 4; ++i) {
    write_file(dir.path() + "/weir.db", "rubbish " + std::to_string(i));
    CHECK(*open_store(options)->set_aside() ==
          dir.path() + "/weir.db.damaged-" + std::to_string(i));
    fs::remove(dir.path() + "/weir.db");
  }
  CHECK_FALSE(fs::exists(dir.path() + "/weir.db.damaged-2"));
  CHECK(read_file(dir.path() + "/weir.db.damaged-3") == "rubbish 3");
  CHECK(read_file(dir.path() + "/weir.db.damaged-4") == "rubbish 4");
}

TEST_CASE("an empty file, as a start cut short leaves it, becomes a database") {
  const TempDir dir;
  write_file(dir.path() + "/weir.db", "");
  CHECK_FALSE(open_store(options_in(dir.path()))->set_aside());
}

TEST_CASE("a log without its database is set aside, not thrown away") {
  const TempDir dir;
  write_file(dir.path() + "/weir.db-wal", "all that is left");
  auto store = open_store(options_in(dir.path()));
  REQUIRE(store->set_aside());
  CHECK(read_file(*store->set_aside() + "-wal") == "all that is left");

  store = nullptr;
  write_file(dir.path() + "/weir.db", "rubbish");
  store = open_store(options_in(dir.path()));
  CHECK(store->set_aside() == dir.path() + "/weir.db.damaged-2");
  CHECK(read_file(dir.path() + "/weir.db.damaged-1-wal") == "all that is left");
}

TEST_CASE("whatever is damaged in the file, weir starts and hands out no wrong bytes") {
  const TempDir dir;
  const StoreOptions whole = options_in(dir.path() + "/whole");
  live_a_while(whole);
  const std::string bytes = read_file(whole.directory + "/weir.db");
  SeededRandom random(11);
  for (int round = 0; round < 150; ++round) {
    INFO("round " << round);
    StoreOptions options = options_in(dir.path() + "/round");
    options.durability = Durability::process;
    fs::remove_all(options.directory);
    fs::create_directory(options.directory);
    std::string damaged = bytes;
    const std::size_t at = random.below(damaged.size());
    switch (random.below(4)) {
      case 0:
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
        break;
      case 1:
        damaged.replace(at / 1024 * 1024, 1024, 1024, '\0');
        break;
      case 2:
        damaged.resize(at);
        break;
      default:
        for (std::size_t i = at; i < std::min(at + 512, damaged.size()); ++i)
          damaged[i] = static_cast<char>(random.next());
    }
    write_file(options.directory + "/weir.db", damaged);
    auto store = open_store(options);
    const auto check = [](JournalRecord&& record) {
      CHECK(same(record.readings, Fleet(record.seq).take(6)));
    };
    const auto checkpoint = store->checkpoint();
    if (checkpoint) (void)store->replay(checkpoint->journal_seq, check);
    if (checkpoint && !checkpoint->state.empty())
      CHECK(checkpoint->state == std::string(5000, 's'));
    if (auto reader = OutboxReader::open(options)) {
      std::vector<std::uint64_t> lost;
      const auto entries = (*reader)->read(Lane::live, 0, 100, Bytes{1u << 20}, lost);
      if (entries)
        for (const OutboxEntry& entry : *entries)
          CHECK(entry.output == sample_rollup(entry.seq - 1));
    }
    // It may find out only now; then the next start looks closer, and there must be one.
    for (int i = 0; i < 3; ++i) (void)store->commit(next_commit(*store, {sample_rollup(99)}));
    store = nullptr;
    store = open_store(options);
    if (store->set_aside()) CHECK(store->commit(next_commit(*store)));
  }
}

TEST_CASE("damage that a commit runs into stops weir, and the next start sets it aside") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const std::string path = dir.path() + "/weir.db";
  auto store = open_store(options);
  std::vector<Output> outputs;
  for (std::uint64_t i = 0; i < 2000; ++i) outputs.push_back(sample_rollup(i));
  REQUIRE(store->commit(next_commit(*store, outputs)));
  store = nullptr;
  std::string bytes = read_file(path);
  const std::size_t page = bytes.find("press-1000") / 1024 * 1024;
  bytes.replace(page, 1024, 1024, '\0');
  write_file(path, bytes);

  store = open_store(options);
  REQUIRE_FALSE(store->set_aside());
  auto next = next_commit(*store);
  next.delivered.delivered[index(Lane::live)] = 2000;
  auto refused = store->commit(next);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::fatal);
  store = nullptr;
  store = open_store(options);
  CHECK(store->set_aside());
  CHECK(store->commit(next_commit(*store)));
}

TEST_CASE("a smaller max_size shrinks the file at the next start") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.max_size = Bytes{64u << 20};
  options.durability = Durability::process;
  auto store = open_store(options);
  std::vector<Output> outputs(1000, sample_rollup());
  for (int i = 0; i < 80; ++i) REQUIRE(store->commit(next_commit(*store, outputs)));
  auto next = next_commit(*store);
  next.delivered.delivered[index(Lane::live)] = 79'000;
  std::uint64_t before = waiting(store->stats());
  do {
    before = waiting(store->stats());
    REQUIRE(store->commit(next));
    next.record.seq = store->last_journal_seq() + 1;
  } while (waiting(store->stats()) < before);
  store = nullptr;
  REQUIRE(fs::file_size(dir.path() + "/weir.db") > 8u << 20);
  options.max_size = Bytes{8u << 20};
  store = open_store(options);
  CHECK(fs::file_size(dir.path() + "/weir.db") < 2u << 20);
  CHECK(waiting(store->stats()) == 1000);
  CHECK(read_lane(*open_reader(options), Lane::live).size() == 1000);
}

TEST_CASE("results of records that are lost are taken back, and the loss shows once") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const auto sql = [&](const char* text) {
    REQUIRE((*Database::open(dir.path() + "/weir.db", Database::Mode::read_write))->execute(text));
  };
  auto store = open_store(options);
  REQUIRE(store->commit(next_commit(*store, {sample_rollup(0), sample_rollup(1)})));
  store = nullptr;
  sql("CREATE TABLE kept AS SELECT * FROM journal");
  store = open_store(options);
  REQUIRE(
      store->commit(next_commit(*store, {sample_rollup(2), sample_output(OutputKind::alert, 3)})));
  const std::uint64_t lost = read_lane(*open_reader(options), Lane::live).back().seq;
  store = nullptr;
  sql("DELETE FROM journal; INSERT INTO journal SELECT * FROM kept; DROP TABLE kept");

  store = open_store(options);
  CHECK(store->last_journal_seq() == 1);
  CHECK(waiting(store->stats()) == 2);
  CHECK(read_lane(*open_reader(options), Lane::live).back().seq == 2);
  CHECK(read_lane(*open_reader(options), Lane::alerts).empty());
  // A peer that has heard of it has heard more than the database knows of.
  CHECK(store->seq_runs().issued_up_to(lost) == 2);
  const auto nothing = [](JournalRecord&&) {};
  CHECK(store->replay(0, nothing).error().kind == ErrorKind::corrupt);
  REQUIRE(store->write_checkpoint("what is left"));
  store = nullptr;
  store = open_store(options);
  CHECK(store->replay(1, nothing));
  CHECK(waiting(store->stats()) == 2);
  REQUIRE(store->commit(next_commit(*store, {sample_rollup(2)})));
  CHECK(read_lane(*open_reader(options), Lane::live).back().seq > lost + 1);
}

TEST_CASE("a copied database can be inspected, also where nothing can be written") {
  const TempDir dir;
  live_a_while(options_in(dir.path() + "/live"));
  fs::create_directory(dir.path() + "/copy ?#%");
  fs::copy_file(dir.path() + "/live/weir.db", dir.path() + "/copy ?#%/weir.db");
  const auto inspector = StoreInspector::open(dir.path() + "/copy ?#%");
  REQUIRE(inspector);
  const auto checkpoint = (*inspector)->checkpoint();
  REQUIRE(checkpoint);
  CHECK(checkpoint->journal_seq == 21);
  std::uint64_t records = 0;
  CHECK((*inspector)->replay(21, [&](JournalRecord&&) { ++records; }));
  CHECK(records == 9);
  CHECK_FALSE(fs::exists(dir.path() + "/copy ?#%/weir.db-wal"));
  CHECK(StoreInspector::open(dir.path()).error().kind == ErrorKind::unavailable);
}

}  // namespace weir
