#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/store/samples.hpp"

namespace weir {

namespace {

/// The ledger as a restart finds it: of the checkpoint, and of the records behind it.
std::optional<Ledger> recovered_ledger(Store& store) {
  Ledger ledger;
  const auto checkpoint = store.checkpoint();
  if (!checkpoint) return std::nullopt;
  ByteReader in(checkpoint->state);
  if (!checkpoint->state.empty() && !ledger.read(in)) return std::nullopt;
  const auto replayed = store.replay(checkpoint->journal_seq,
                                     [&](JournalRecord&& record) { ledger.add(record.delta); });
  if (!replayed) return std::nullopt;
  return ledger;
}

/// Commits for ever, and writes the seq of each commit that returned into `acknowledged`.
[[noreturn]] void commit_until_killed(const StoreOptions& options, int acknowledged) {
  auto store = Store::open(options);
  if (!store) ::_exit(1);
  auto ledger = recovered_ledger(**store);
  if (!ledger) ::_exit(2);
  for (;;) {
    const std::uint64_t i = (*store)->last_journal_seq();
    auto next = next_commit(**store, {sample_rollup(i), sample_output(OutputKind::alert, i)});
    next.delivered.delivered[index(Lane::live)] = i;
    const auto receipt = (*store)->commit(next);
    if (!receipt) ::_exit(3);
    ledger->add(receipt->delta);
    if (::write(acknowledged, &next.record.seq, sizeof next.record.seq) != 8) ::_exit(4);
    if (i % 13 != 0) continue;
    std::string state;
    ByteWriter out(state);
    ledger->write(out);
    state.resize(state.size() + 40'000);
    if (!(*store)->write_checkpoint(state)) ::_exit(5);
  }
}

/// Starts a process that commits, kills it after `acknowledgements`, returns the last one.
std::uint64_t commit_and_kill(const StoreOptions& options, std::uint64_t acknowledgements) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(pipe[0]);
    commit_until_killed(options, pipe[1]);
  }
  ::close(pipe[1]);
  std::uint64_t last = 0;
  std::uint64_t seq = 0;
  for (std::uint64_t n = 0; ::read(pipe[0], &seq, sizeof seq) == 8;) {
    last = seq;
    if (++n == acknowledgements) ::kill(child, SIGKILL);
  }
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
  return last;
}

}  // namespace

TEST_CASE("kill -9 in the middle of commits loses none that returned, and leaves a whole store") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  SeededRandom random(3);
  for (int kill = 0; kill < 24; ++kill) {
    INFO("kill " << kill);
    options.durability = kill % 2 == 0 ? Durability::process : Durability::power;
    const std::uint64_t last = commit_and_kill(options, 1 + random.below(40));
    check_whole(audit_of(dir.path()));
    const auto store = open_store(options);
    CHECK_FALSE(store->set_aside());
    // One more may have been committed that nobody was told of.
    CHECK(store->last_journal_seq() >= last);
    CHECK(store->last_journal_seq() <= last + 1);
    const auto ledger = recovered_ledger(*store);
    REQUIRE(ledger);
    CHECK(ledger->imbalance(waiting(store->stats())).empty());
    CHECK(ledger->total(Counter::messages_received) == 2 * store->last_journal_seq());

    const auto reader = open_reader(options);
    std::uint64_t entries = 0;
    for (const Lane lane : {Lane::alerts, Lane::live}) entries += read_lane(*reader, lane).size();
    CHECK(entries == waiting(store->stats()));
    check_whole(audit_of(dir.path()));
  }
}

}  // namespace weir
