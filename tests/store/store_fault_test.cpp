#include "tests/store/samples.hpp"
#include "tests/support/disk_model.hpp"
#include "tests/support/fault_vfs.hpp"

namespace weir {

namespace {

using Fault = FaultVfs::Fault;

/// What a store was told and has acknowledged, beside the store itself.
struct Witness {
  std::vector<JournalRecord> acknowledged;
  Position delivered;

  Store::Commit next(const Store& store) const {
    const std::uint64_t i = store.last_journal_seq();
    std::vector<Output> outputs;
    for (std::uint64_t j = 0; j < 3; ++j)
      outputs.push_back(sample_output(j == 0 ? OutputKind::alert : OutputKind::rollup, 3 * i + j));
    auto commit = next_commit(store, outputs);
    commit.delivered = delivered;
    commit.delivered.delivered[index(Lane::live)] = 2 * i;
    if (i % 4 == 3) commit.dead_letters = {sample_letter(i)};
    return commit;
  }

  /// Every acknowledged record is there, once and in order; the ledger balances with the outbox.
  void check(Store& store) const {
    Ledger ledger;
    std::vector<JournalRecord> records;
    auto checkpoint = store.checkpoint();
    REQUIRE(checkpoint);
    ByteReader in(checkpoint->state);
    if (!checkpoint->state.empty()) REQUIRE(ledger.read(in));
    REQUIRE(store.replay(checkpoint->journal_seq, [&](JournalRecord&& record) {
      ledger.add(record.delta);
      records.push_back(std::move(record));
    }));
    REQUIRE(checkpoint->journal_seq + records.size() >= acknowledged.size());
    for (const JournalRecord& record : records)
      if (record.seq <= acknowledged.size())
        REQUIRE(same(record.readings, acknowledged[record.seq - 1].readings));
    REQUIRE(ledger.imbalance(waiting(store.stats())).empty());
    REQUIRE(ledger.total(Counter::messages_received) == 2 * store.last_journal_seq());
  }
};

/// Commits and checkpoints until the store is done or refuses for good.
ErrorKind work(Store& store, Witness& witness, Ledger& ledger, int commits) {
  for (int i = 0; i < commits; ++i) {
    const Store::Commit commit = witness.next(store);
    auto receipt = store.commit(commit);
    // The same commit again, as the engine does it.
    if (!receipt && receipt.error().kind != ErrorKind::fatal) receipt = store.commit(commit);
    if (!receipt) return receipt.error().kind;
    ledger.add(receipt->delta);
    witness.acknowledged.push_back(commit.record);
    if (i % 3 == 2) {
      std::string state;
      ByteWriter out(state);
      ledger.write(out);
      const auto written = store.write_checkpoint(state);
      if (!written && written.error().kind == ErrorKind::fatal) return ErrorKind::fatal;
    }
  }
  return ErrorKind::invalid;
}

/// A store on faulty files, its past, and what of it must be there.
void run(Fault fault, std::uint64_t nth, bool for_good, bool& was_hit) {
  const TempDir dir;
  FaultVfs vfs;
  StoreOptions options = options_in(dir.path());
  options.vfs = vfs.name();
  Witness witness;
  Ledger ledger;
  auto store = open_store(options);
  REQUIRE(work(*store, witness, ledger, 4) == ErrorKind::invalid);
  store = nullptr;

  vfs.arm({fault, nth, for_good});
  auto opened = Store::open(options);
  const bool hit_in_open = vfs.failed() > 0;
  if (opened) {
    store = std::move(*opened);
    CHECK_FALSE(store->set_aside());
  }
  if (store) (void)work(*store, witness, ledger, 8);
  was_hit = vfs.failed() > 0;
  vfs.heal();
  // After a failed sync nobody knows what the disk has: no commit again. All else may pass.
  if (store) {
    const bool stopped = fault == Fault::sync_error && was_hit && !hit_in_open;
    REQUIRE(work(*store, witness, ledger, 2) == (stopped ? ErrorKind::fatal : ErrorKind::invalid));
    store = nullptr;
  }
  store = open_store(options);
  CHECK_FALSE(store->set_aside());
  witness.check(*store);
}

void run_all(Fault fault, std::uint64_t step) {
  for (const bool for_good : {false, true}) {
    bool was_hit = true;
    for (std::uint64_t nth = 1; was_hit && nth < 2000; nth += step) {
      INFO("call " << nth << (for_good ? " and all after it" : ""));
      run(fault, nth, for_good, was_hit);
    }
    CHECK_FALSE(was_hit);
  }
}

}  // namespace

TEST_CASE("a disk that is full at any write loses nothing that was acknowledged") {
  run_all(Fault::disk_full, 3);
}

TEST_CASE("an I/O error at any call loses nothing that was acknowledged") {
  run_all(Fault::io_error, 3);
}

TEST_CASE("a write cut short anywhere loses nothing that was acknowledged") {
  run_all(Fault::short_write, 3);
}

TEST_CASE("a failed sync stops the store, and loses nothing that was acknowledged") {
  run_all(Fault::sync_error, 1);
}

TEST_CASE("a full disk says full, and the same commit counts once when there is room again") {
  const TempDir dir;
  FaultVfs vfs;
  StoreOptions options = options_in(dir.path());
  options.vfs = vfs.name();
  auto store = open_store(options);
  const auto commit = next_commit(*store, {sample_rollup()});
  vfs.arm({Fault::disk_full, 1, true});
  for (int i = 0; i < 3; ++i) {
    const auto refused = store->commit(commit);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::full);
    CHECK(waiting(store->stats()) == 0);
    CHECK(store->last_journal_seq() == 0);
  }
  vfs.heal();
  const auto receipt = store->commit(commit);
  REQUIRE(receipt);
  CHECK(receipt->delta.of(Counter::results_produced, "rollup") == 1);
  CHECK(waiting(store->stats()) == 1);
  store = nullptr;
  store = open_store(options);
  CHECK(recover(*store).records.size() == 1);
}

TEST_CASE("with durability process a sync makes safe what was committed") {
  FaultVfs vfs;
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.vfs = vfs.name();
  options.durability = Durability::process;
  const auto store = open_store(options);
  REQUIRE(store->commit(next_commit(*store, {})));
  const auto before = vfs.syncs();
  REQUIRE(store->sync());
  CHECK(vfs.syncs() == before + 1);
  vfs.arm({FaultVfs::Fault::sync_error, 1, false});
  const auto failed = store->sync();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::fatal);
  CHECK_FALSE(store->commit(next_commit(*store, {})));
}

TEST_CASE("with durability power every commit is synced, with process none need be") {
  const TempDir dir;
  FaultVfs vfs;
  StoreOptions options = options_in(dir.path());
  options.vfs = vfs.name();
  for (const Durability durability : {Durability::power, Durability::process}) {
    options.durability = durability;
    const auto store = open_store(options);
    REQUIRE(store->commit(next_commit(*store)));
    const std::uint64_t before = vfs.syncs();
    for (int i = 0; i < 20; ++i) REQUIRE(store->commit(next_commit(*store)));
    CHECK(vfs.syncs() - before == (durability == Durability::power ? 20 : 0));
    // A checkpoint in between must not change that.
    REQUIRE(store->write_checkpoint("state"));
    const std::uint64_t behind = vfs.syncs();
    REQUIRE(store->commit(next_commit(*store)));
    CHECK(vfs.syncs() - behind == (durability == Durability::power ? 1 : 0));
  }
}

TEST_CASE("what a failed sync left in the log is written again before anything builds on it") {
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const TempDir directory;
    DiskModel disk(seed);
    FaultVfs vfs;
    vfs.watch(&disk, seed);
    StoreOptions options = options_in(directory.path());
    options.vfs = vfs.name();
    {
      const auto store = open_store(options);
      REQUIRE(store->commit(next_commit(*store)));
      vfs.arm({FaultVfs::Fault::sync_error, 1, false});
      REQUIRE(store->commit(next_commit(*store)).error().kind == ErrorKind::fatal);
      disk.kill();
    }
    disk.revive();
    std::uint64_t acknowledged = 0;
    {
      const auto store = open_store(options);
      REQUIRE(store->commit(next_commit(*store)));
      acknowledged = store->last_journal_seq();
      disk.kill();
    }
    disk.reboot();
    if (open_store(options)->last_journal_seq() < acknowledged) ++lost;
  }
  CHECK(lost == 0);
}

}  // namespace weir
