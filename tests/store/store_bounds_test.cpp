#include "store/sqlite.hpp"
#include "tests/store/samples.hpp"

namespace weir {

namespace {

std::vector<Output> many(OutputKind kind, std::uint64_t begin, std::uint64_t n) {
  std::vector<Output> outputs;
  for (std::uint64_t i = begin; i < begin + n; ++i) outputs.push_back(sample_output(kind, i));
  return outputs;
}

constexpr std::uint64_t small = 8u << 20;

StoreOptions of_8_mib(const std::string& directory) {
  StoreOptions options = options_in(directory);
  options.max_size = Bytes{small};
  options.checkpoint_after = Bytes{256u << 10};
  options.durability = Durability::process;
  return options;
}

}  // namespace

TEST_CASE("database and log together stay below max_size, however much is produced") {
  const TempDir dir;
  const StoreOptions options = of_8_mib(dir.path());
  auto store = open_store(options);
  Ledger ledger;
  std::uint64_t produced = 0;
  std::uint64_t evicting = 0;
  const std::string state(150'000, 's');
  Fleet fleet;
  for (int i = 0; i < 400; ++i) {
    auto next = next_commit(*store, many(OutputKind::rollup, produced, 300));
    next.record.readings = fleet.take(1500);
    next.dead_letters.assign(20, sample_letter());
    produced += 300;
    if (i % 10 == 0) next.outputs.push_back(sample_output(OutputKind::alert, produced));
    if (i % 10 == 1) next.outputs.push_back(sample_output(OutputKind::late, produced));
    const auto receipt = store->commit(next);
    REQUIRE(receipt);
    ledger.add(receipt->delta);
    if (receipt->over_limit) ++evicting;
    REQUIRE(bytes_on_disk(dir.path()) <= small);
    if (store->checkpoint_due()) REQUIRE(store->write_checkpoint(state));
    REQUIRE(bytes_on_disk(dir.path()) <= small);
    if (i == 200) {
      store = nullptr;
      store = open_store(options);
    }
  }
  CHECK(evicting > 50);
  CHECK(store->stats().checkpoints > 0);
  CHECK(ledger.of(Counter::results_evicted, "store_full") > 10'000);
  CHECK(ledger.total(Counter::results_produced) ==
        ledger.total(Counter::results_evicted) + waiting(store->stats()));

  // Late ones went first, alerts not at all; of the rollups the newest are left.
  CHECK(store->stats().waiting[index(Lane::alerts)] == 40);
  CHECK(store->stats().waiting[index(Lane::late)] <= 1);
  const auto live = read_lane(*open_reader(options), Lane::live);
  REQUIRE(live.size() > 5000);
  CHECK(live.back().output == sample_rollup(produced - 1));
  CHECK(live.front().output == sample_rollup(produced - live.size()));
}

TEST_CASE("a rollup never takes the place of an alert") {
  const TempDir dir;
  const StoreOptions options = of_8_mib(dir.path());
  const auto store = open_store(options);
  std::uint64_t alerts = 0;
  for (bool full = false; !full; alerts += 400) {
    const auto receipt = store->commit(next_commit(*store, many(OutputKind::alert, alerts, 400)));
    REQUIRE(receipt);
    full = receipt->over_limit;
  }
  const std::uint64_t before = store->stats().waiting[index(Lane::alerts)];
  const auto receipt = store->commit(next_commit(*store, many(OutputKind::rollup, 0, 400)));
  REQUIRE(receipt);
  CHECK(receipt->delta.of(Counter::results_evicted, "store_full") > 300);
  CHECK(store->stats().waiting[index(Lane::alerts)] == before);
}

TEST_CASE("one burst larger than the log may be is cut to what it takes") {
  const TempDir dir;
  const auto store = open_store(of_8_mib(dir.path()));
  auto outputs = many(OutputKind::rollup, 0, 20'000);
  outputs.push_back(sample_output(OutputKind::alert));
  const auto receipt = store->commit(next_commit(*store, outputs));
  REQUIRE(receipt);
  CHECK(receipt->over_limit);
  CHECK(bytes_on_disk(dir.path()) <= small);
  CHECK(store->stats().waiting[index(Lane::alerts)] == 1);
  CHECK(receipt->delta.total(Counter::results_evicted) + waiting(store->stats()) == 20'001);
  CHECK(waiting(store->stats()) > 1000);
}

TEST_CASE("everything can be delivered from a store at its bound, and its room is used again") {
  const TempDir dir;
  const StoreOptions options = of_8_mib(dir.path());
  const auto store = open_store(options);
  std::uint64_t produced = 0;
  const auto fill = [&] {
    for (bool full = false; !full; produced += 400) {
      const auto receipt =
          store->commit(next_commit(*store, many(OutputKind::rollup, produced, 400)));
      REQUIRE(receipt);
      full = receipt->over_limit;
    }
    return store->stats().waiting[index(Lane::live)];
  };
  const std::uint64_t first = fill();
  auto next = next_commit(*store);
  next.delivered.delivered[index(Lane::live)] =
      read_lane(*open_reader(options), Lane::live).back().seq;
  std::uint64_t commits = 0;
  for (; waiting(store->stats()) > 0; ++commits) {
    next.record.seq = store->last_journal_seq() + 1;
    REQUIRE(store->commit(next));
    REQUIRE(bytes_on_disk(dir.path()) <= small);
    REQUIRE(commits < 1000);
  }
  CHECK(fill() > first * 9 / 10);
  CHECK(bytes_on_disk(dir.path()) <= small);
}

TEST_CASE("what was delivered counts as delivered, also when its room is needed at once") {
  const TempDir dir;
  const StoreOptions options = of_8_mib(dir.path());
  const auto store = open_store(options);
  Ledger ledger;
  for (bool full = false; !full;) {
    const auto receipt = store->commit(next_commit(*store, many(OutputKind::rollup, 0, 400)));
    REQUIRE(receipt);
    ledger.add(receipt->delta);
    full = receipt->over_limit;
  }
  const std::uint64_t evicted = ledger.total(Counter::results_evicted);
  auto next = next_commit(*store, many(OutputKind::rollup, 0, 400));
  next.delivered.delivered[index(Lane::live)] =
      read_lane(*open_reader(options), Lane::live).back().seq;
  const auto receipt = store->commit(next);
  REQUIRE(receipt);
  ledger.add(receipt->delta);
  CHECK_FALSE(receipt->over_limit);
  CHECK(ledger.total(Counter::results_evicted) == evicted);
  CHECK(ledger.total(Counter::results_delivered) > 0);
  CHECK(ledger.imbalance(waiting(store->stats())).empty());
}

TEST_CASE("what was delivered is deleted without writing it once more") {
  const TempDir dir;
  const auto store = open_store(options_in(dir.path()));
  const auto log = [&] { return count(store->stats().wal); };
  REQUIRE(store->commit(next_commit(*store)));
  const std::uint64_t empty = log();
  REQUIRE(store->commit(next_commit(*store, many(OutputKind::rollup, 0, 300))));
  const std::uint64_t inserted = log() - empty;
  auto delivered = next_commit(*store);
  delivered.delivered.delivered[index(Lane::live)] = 300;
  REQUIRE(store->commit(delivered));
  CHECK(waiting(store->stats()) == 0);
  CHECK(log() - empty - inserted < inserted / 4);
}

TEST_CASE("a reader that never ends holds up commits before it breaks the bound") {
  const TempDir dir;
  const auto store = open_store(of_8_mib(dir.path()));
  REQUIRE(store->commit(next_commit(*store, {sample_rollup()})));
  auto reader = Database::open(dir.path() + "/weir.db", Database::Mode::read_only);
  REQUIRE(reader);
  REQUIRE((*reader)->execute("BEGIN; SELECT count(*) FROM outbox_1"));
  Store::Commit next;
  for (;;) {
    next = next_commit(*store, many(OutputKind::rollup, 0, 300));
    const auto receipt = store->commit(next);
    REQUIRE(bytes_on_disk(dir.path()) <= small);
    if (receipt) continue;
    CHECK(receipt.error().kind == ErrorKind::unavailable);
    break;
  }
  REQUIRE((*reader)->execute("COMMIT"));
  CHECK(store->commit(next));
}

}  // namespace weir
