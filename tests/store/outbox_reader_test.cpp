#include <atomic>
#include <thread>

#include "store/sqlite.hpp"
#include "tests/store/samples.hpp"

namespace weir {

TEST_CASE("a lane is read in order, behind a seq, up to a number and a size") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const auto store = open_store(options);
  std::vector<Output> outputs;
  for (std::uint64_t i = 0; i < 30; ++i) outputs.push_back(sample_rollup(i));
  const auto next = next_commit(*store, outputs);
  REQUIRE(store->commit(next));
  const auto reader = open_reader(options);
  std::vector<std::uint64_t> damaged;
  const auto some = reader->read(Lane::live, 10, 5, Bytes{1u << 20}, damaged);
  REQUIRE(some);
  REQUIRE(some->size() == 5);
  CHECK(some->front().seq == 11);
  CHECK(some->front().lane == Lane::live);
  CHECK(some->front().inserted == next.record.now.wall);
  CHECK(some->front().output == outputs[10]);
  CHECK(reader->read(Lane::live, 0, 100, Bytes{1}, damaged)->size() == 1);
  const auto part = reader->read(Lane::live, 0, 100, Bytes{1000}, damaged);
  CHECK(part->size() > 3);
  CHECK(part->size() < 10);
  CHECK(reader->read(Lane::live, 30, 100, Bytes{1000}, damaged)->empty());
  CHECK(damaged.empty());
}

TEST_CASE("a damaged entry is left out and named, and can be dropped") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const auto store = open_store(options);
  REQUIRE(
      store->commit(next_commit(*store, {sample_rollup(0), sample_rollup(1), sample_rollup(2)})));
  {
    auto database = Database::open(dir.path() + "/weir.db", Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE(
        (*database)->execute("UPDATE outbox_1 SET body = (SELECT body FROM outbox_1 WHERE "
                             "seq = 1) WHERE seq = 2"));
  }
  const auto reader = open_reader(options);
  std::vector<std::uint64_t> damaged;
  const auto entries = reader->read(Lane::live, 0, 100, Bytes{1u << 20}, damaged);
  REQUIRE(entries);
  CHECK(entries->size() == 2);
  CHECK(damaged == std::vector<std::uint64_t>{2});
  auto next = next_commit(*store);
  next.drops = {{Lane::live, 2, "damaged"}};
  const auto receipt = store->commit(next);
  REQUIRE(receipt);
  CHECK(receipt->delta.of(Counter::results_evicted, "damaged") == 1);
  CHECK(waiting(store->stats()) == 2);
}

TEST_CASE("rows that a damaged page shows beyond those that wait are not counted as delivered") {
  const TempDir dir;
  const auto store = open_store(options_in(dir.path()));
  REQUIRE(store->commit(next_commit(*store, {sample_rollup(0), sample_rollup(1)})));
  {
    auto database = Database::open(dir.path() + "/weir.db", Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE((*database)->execute("INSERT INTO outbox_1 VALUES(0, x'00000000')"));
  }
  auto next = next_commit(*store);
  next.delivered.delivered[static_cast<std::size_t>(Lane::live)] = 2;
  SECTION("with what was delivered") {}
  SECTION("as entries that can't be read") {
    next.drops = {{Lane::live, 0, "damaged"}};
  }
  const auto receipt = store->commit(next);
  REQUIRE(receipt);
  CHECK(receipt->delta.total(Counter::results_delivered) +
            receipt->delta.total(Counter::results_evicted) ==
        2);
  CHECK(waiting(store->stats()) == 0);
}

TEST_CASE("a row that comes to light below what was delivered does not wait for ever") {
  const TempDir dir;
  const auto store = open_store(options_in(dir.path()));
  REQUIRE(store->commit(next_commit(
      *store, {sample_rollup(0), sample_rollup(1), sample_rollup(2), sample_rollup(3)})));
  auto next = next_commit(*store);
  next.delivered.delivered[static_cast<std::size_t>(Lane::live)] = 2;
  REQUIRE(store->commit(next));
  {
    // What a torn page does to an entry: it has another number, and is found when its page is
    // nearly empty.
    auto database = Database::open(dir.path() + "/weir.db", Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE((*database)->execute("UPDATE outbox_1 SET seq = 1 WHERE seq = 3"));
  }
  auto last = next_commit(*store);
  last.delivered = next.delivered;
  last.drops = {{Lane::live, 4, "refused_by_peer"}};
  const auto receipt = store->commit(last);
  REQUIRE(receipt);
  CHECK(receipt->delta.of(Counter::results_evicted, "damaged") == 1);
  CHECK(waiting(store->stats()) == 0);
  const auto reader = open_reader(options_in(dir.path()));
  CHECK(reader->entries_up_to(Lane::live, 100, 100).value() == 0);
}

TEST_CASE("a reader beside the writer sees whole entries in order, and never holds it up") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.max_size = Bytes{16u << 20};
  options.durability = Durability::process;
  const auto store = open_store(options);
  constexpr std::uint64_t commits = 300;
  constexpr std::uint64_t each = 20;
  std::atomic<std::uint64_t> seen{0};
  std::atomic<bool> wrong{false};

  std::thread uplink([&] {
    const auto reader = OutboxReader::open(options);
    if (!reader) wrong = true;
    std::vector<std::uint64_t> damaged;
    while (!wrong && seen < commits * each) {
      const auto entries = (*reader)->read(Lane::live, seen, 50, Bytes{1u << 20}, damaged);
      if (!entries || !damaged.empty()) {
        wrong = true;
        break;
      }
      for (const OutboxEntry& entry : *entries) {
        if (entry.seq != seen + 1 || !(entry.output == sample_rollup(entry.seq - 1))) wrong = true;
        seen = entry.seq;
      }
    }
  });
  std::uint64_t produced = 0;
  std::string error;
  for (std::uint64_t i = 0; i < commits && error.empty(); ++i) {
    std::vector<Output> outputs;
    for (std::uint64_t j = 0; j < each; ++j) outputs.push_back(sample_rollup(produced++));
    auto next = next_commit(*store, outputs);
    next.delivered.delivered[index(Lane::live)] = seen;
    const auto receipt = store->commit(next);
    if (!receipt) error = receipt.error().message;
    if (i % 100 == 50) (void)store->write_checkpoint(std::string(100'000, 's'));
  }
  if (!error.empty()) wrong = true;
  uplink.join();
  CHECK(error.empty());
  CHECK_FALSE(wrong);
  CHECK(seen == commits * each);
}

}  // namespace weir
