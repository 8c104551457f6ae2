#include "store/sqlite.hpp"
#include "tests/store/samples.hpp"

namespace weir {

namespace {

Store::Receipt commit(Store& store, const Store::Commit& commit) {
  auto receipt = store.commit(commit);
  if (!receipt) FAIL("commit: " << receipt.error().message);
  return std::move(*receipt);
}

void damage(const StoreOptions& options, const std::string& sql) {
  auto database = Database::open(options.directory + "/weir.db", Database::Mode::read_write);
  REQUIRE(database);
  REQUIRE((*database)->execute(sql));
}

constexpr auto flip_last_byte =
    "SET body = CAST(substr(body, 1, length(body) - 1) || x'5A' AS BLOB) ";

}  // namespace

TEST_CASE("what was committed is there after opening again") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  const std::string uuid = store->uuid();
  CHECK(uuid.size() == 36);
  CHECK_FALSE(store->set_aside());
  std::vector<Store::Commit> commits;
  Ledger ledger;
  for (std::uint64_t i = 0; i < 20; ++i) {
    commits.push_back(next_commit(*store, {sample_rollup(i)}));
    const auto receipt = commit(*store, commits.back());
    CHECK(receipt.journal_bytes > 0);
    CHECK_FALSE(receipt.over_limit);
    ledger.add(receipt.delta);
  }
  store = nullptr;

  store = open_store(options);
  CHECK(store->uuid() == uuid);
  CHECK(store->last_journal_seq() == 20);
  const Recovered recovered = recover(*store);
  CHECK(recovered.checkpoint.state.empty());
  REQUIRE(recovered.records.size() == 20);
  for (std::size_t i = 0; i < 20; ++i)
    CHECK(same(recovered.records[i].readings, commits[i].record.readings));
  CHECK(recovered.ledger.counts() == ledger.counts());
  CHECK(store->stats().waiting[index(Lane::live)] == 20);
  CHECK(ledger.imbalance(20).empty());
}

TEST_CASE("outputs go to the lane of their kind") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const auto store = open_store(options);
  std::vector<Output> outputs;
  for (const OutputKind kind :
       {OutputKind::rollup, OutputKind::alert, OutputKind::late, OutputKind::quarantined})
    outputs.push_back(sample_output(kind));
  const auto receipt = commit(*store, next_commit(*store, outputs));
  CHECK(receipt.delta.of(Counter::results_produced, "rollup") == 1);
  CHECK(receipt.delta.of(Counter::results_produced, "alert") == 1);
  CHECK(receipt.delta.of(Counter::results_produced, "late") == 1);
  CHECK(receipt.delta.of(Counter::results_produced, "quarantined") == 1);
  CHECK(receipt.delta.total(Counter::results_produced) == 4);

  const auto reader = open_reader(options);
  CHECK(read_lane(*reader, Lane::live).at(0).output == outputs[0]);
  CHECK(read_lane(*reader, Lane::alerts).at(0).output == outputs[1]);
  CHECK(read_lane(*reader, Lane::late).at(0).output == outputs[2]);
  CHECK(read_lane(*reader, Lane::late).at(1).output == outputs[3]);
  CHECK(read_lane(*reader, Lane::backlog).empty());
}

TEST_CASE("delivered entries go, are counted by lane, and stay gone") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  Ledger ledger;
  std::vector<Output> outputs;
  for (std::uint64_t i = 0; i < 10; ++i)
    outputs.push_back(sample_output(i % 2 == 0 ? OutputKind::rollup : OutputKind::alert, i));
  ledger.add(commit(*store, next_commit(*store, outputs)).delta);
  auto next = next_commit(*store);
  next.delivered.delivered[index(Lane::live)] = 5;
  next.drops = {{Lane::alerts, 4, "refused_by_peer"}, {Lane::alerts, 5, "damaged"}};
  ledger.add(commit(*store, next).delta);
  CHECK(ledger.of(Counter::results_delivered, "live") == 3);
  CHECK(ledger.of(Counter::results_evicted, "refused_by_peer") == 1);
  CHECK(ledger.of(Counter::results_evicted, "damaged") == 0);
  CHECK(waiting(store->stats()) == 6);
  CHECK(ledger.imbalance(6).empty());

  store = nullptr;
  store = open_store(options);
  CHECK(waiting(store->stats()) == 6);
  const auto live = read_lane(*open_reader(options), Lane::live);
  REQUIRE(live.size() == 2);
  CHECK(live[0].seq == 7);
  CHECK(live[1].seq == 9);
}

TEST_CASE("a seq of the outbox is never used twice, not even when it was empty at a restart") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  commit(*store, next_commit(*store, {sample_rollup(0), sample_rollup(1)}));
  auto next = next_commit(*store);
  next.delivered.delivered[index(Lane::live)] = 2;
  commit(*store, next);
  SECTION("with the journal") {}
  SECTION("with nothing but checkpoints") {
    REQUIRE(store->write_checkpoint("one"));
    REQUIRE(store->write_checkpoint("two"));
  }
  store = nullptr;
  store = open_store(options);
  CHECK(waiting(store->stats()) == 0);
  commit(*store, next_commit(*store, {sample_rollup(2)}));
  // Behind a jump, so that it is not one that a lost history gave out either.
  const std::uint64_t seq = read_lane(*open_reader(options), Lane::live).at(0).seq;
  CHECK(seq > 3);
  CHECK(store->seq_runs().issued_up_to(seq) == seq);
  CHECK(store->seq_runs().issued_up_to(2) == 2);
  CHECK(store->seq_runs().issued_up_to(3) == 2);
  CHECK(store->seq_runs().issued_up_to(seq - 1) == 2);
}

TEST_CASE("a peer that holds a later position than was given out pushes the seq behind it") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  const auto store = open_store(options);
  auto next = next_commit(*store, {sample_rollup()});
  next.delivered.delivered[index(Lane::live)] = 500;
  commit(*store, next);
  CHECK(read_lane(*open_reader(options), Lane::live).at(0).seq == 501);
}

TEST_CASE("a record that does not follow the last one is refused") {
  const TempDir dir;
  const auto store = open_store(options_in(dir.path()));
  auto next = next_commit(*store);
  next.record.seq = 2;
  const auto refused = store->commit(next);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::invalid);
}

TEST_CASE("a checkpoint stands for the journal up to it") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  std::string state(700'000, 's');
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 10; ++i) commit(*store, next_commit(*store));
    state[0] = static_cast<char>('a' + round);
    REQUIRE(store->write_checkpoint(state));
    CHECK(store->stats().journal_records == 0);
    commit(*store, next_commit(*store));
    if (round == 2) {
      store = nullptr;
      store = open_store(options);
    }
    const Recovered recovered = recover(*store);
    CHECK(recovered.checkpoint.state == state);
    CHECK(recovered.checkpoint.journal_seq == store->last_journal_seq() - 1);
    REQUIRE(recovered.records.size() == 1);
    CHECK(store->stats().journal_records == 1);
  }
}

TEST_CASE("a damaged checkpoint is replaced by the one before and the journal behind that") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  const auto commit_three = [&] {
    for (int i = 0; i < 3; ++i) {
      auto next = next_commit(*store);
      next.record.dictionary = std::string(5000, 'd');  // a few blocks
      commit(*store, next);
    }
  };
  commit_three();
  REQUIRE(store->write_checkpoint("first"));
  commit_three();
  REQUIRE(store->write_checkpoint("second"));
  commit_three();
  REQUIRE(store->write_checkpoint("third"));
  commit_three();
  store = nullptr;
  SECTION("its state") {
    damage(options, "UPDATE checkpoint " + std::string(flip_last_byte) + "WHERE id = 3 << 20 | 1");
  }
  SECTION("its header") {
    damage(options, "UPDATE checkpoint " + std::string(flip_last_byte) + "WHERE id = 3 << 20");
  }
  store = open_store(options);
  CHECK_FALSE(store->set_aside());
  Recovered recovered = recover(*store);
  CHECK(recovered.checkpoint.state == "second");
  CHECK(recovered.checkpoint.journal_seq == 6);
  CHECK(recovered.records.size() == 6);

  // And life goes on with the second as the one that is kept.
  REQUIRE(store->write_checkpoint("fourth"));
  commit_three();
  recovered = recover(*store);
  CHECK(recovered.checkpoint.state == "fourth");
  CHECK(recovered.records.size() == 3);
}

TEST_CASE("a damaged block costs the records that touch it, and no others") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  std::vector<Store::Commit> commits;
  for (int i = 0; i < 200; ++i) {
    commits.push_back(next_commit(*store));
    commit(*store, commits.back());
  }
  store = nullptr;
  SECTION("its bytes") {
    damage(options, "UPDATE journal " + std::string(flip_last_byte) + "WHERE slot = 5");
  }
  SECTION("its row") {
    damage(options, "DELETE FROM journal WHERE slot = 5");
  }
  SECTION("its place: the block of another slot") {
    damage(options,
           "UPDATE journal SET body = (SELECT body FROM journal WHERE slot = 3) "
           "WHERE slot = 5");
  }
  store = open_store(options);
  CHECK(store->last_journal_seq() == 200);
  std::vector<std::uint64_t> seqs;
  const auto replayed = store->replay(0, [&](JournalRecord&& record) {
    seqs.push_back(record.seq);
    CHECK(same(record.readings, commits.at(record.seq - 1).record.readings));
  });
  REQUIRE_FALSE(replayed);
  CHECK(replayed.error().kind == ErrorKind::corrupt);
  CHECK(std::is_sorted(seqs.begin(), seqs.end()));
  REQUIRE(seqs.size() < 200);
  CHECK(seqs.size() > 200 - 20);
  CHECK(seqs.front() == 1);
  CHECK(seqs.back() == 200);

  // Life goes on from a checkpoint.
  REQUIRE(store->write_checkpoint("behind the damage"));
  for (int i = 0; i < 20; ++i) {
    commits.push_back(next_commit(*store));
    commit(*store, commits.back());
  }
  store = nullptr;
  store = open_store(options);
  CHECK(recover(*store).records.size() == 20);
}

TEST_CASE("with the newest block damaged the loss is told, and seqs of the outbox leave a gap") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  for (std::uint64_t i = 0; i < 100; ++i) commit(*store, next_commit(*store, {sample_rollup(i)}));
  store = nullptr;
  damage(options, "UPDATE journal " + std::string(flip_last_byte) +
                      "WHERE slot = (SELECT max(slot) FROM journal)");
  store = open_store(options);
  CHECK(store->last_journal_seq() < 100);
  // Each of them made one result.
  CHECK(store->stats().waiting[index(Lane::live)] == store->last_journal_seq());
  CHECK_FALSE(store->replay(0, [](JournalRecord&&) {}));
  REQUIRE(store->write_checkpoint("what is left"));
  const auto next = next_commit(*store, {sample_rollup(100)});
  commit(*store, next);
  CHECK(read_lane(*open_reader(options), Lane::live).back().seq > std::uint64_t{1} << 31);
  store = nullptr;
  store = open_store(options);
  const Recovered recovered = recover(*store);
  CHECK(recovered.checkpoint.state == "what is left");
  REQUIRE(recovered.records.size() == 1);
  CHECK(same(recovered.records[0].readings, next.record.readings));
}

TEST_CASE("what damage has cut a record from is never made whole with another's bytes") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  const auto commit_one = [&](char letter) {
    auto next = next_commit(*store);
    // Nothing behind the dictionary that would notice other bytes at its end.
    next.record.readings.clear();
    next.record.delta.clear();
    next.record.dictionary = std::string(3000, letter);
    commit(*store, next);
  };
  for (const char letter : {'a', 'b', 'c', 'd'}) commit_one(letter);
  store = nullptr;
  SECTION("in its last block") {
    damage(options, "UPDATE journal " + std::string(flip_last_byte) +
                        "WHERE slot = (SELECT max(slot) FROM journal)");
  }
  SECTION("in a block between") {
    damage(options, "DELETE FROM journal WHERE slot = 5");
  }
  store = open_store(options);
  CHECK(store->last_journal_seq() >= 3);
  commit_one('y');
  store = nullptr;
  store = open_store(options);
  const std::string whole = "abcdy";
  const auto earlier = [](char a, char b) { return a < b; };
  std::string letters;
  const auto read = store->replay(0, [&](JournalRecord&& record) {
    CHECK(record.dictionary == std::string(3000, record.dictionary.at(0)));
    letters += record.dictionary.at(0);
  });
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == ErrorKind::corrupt);
  // In order, and none of those that the damage touches.
  CHECK(std::includes(whole.begin(), whole.end(), letters.begin(), letters.end(), earlier));
  CHECK(letters.size() >= 3);
  CHECK(letters.size() < whole.size());
  CHECK(letters.back() == 'y');
}

TEST_CASE("records of any size come back, whatever blocks they span, over restarts") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.durability = Durability::process;
  auto store = open_store(options);
  SeededRandom random(5);
  std::vector<std::string> written;
  for (int i = 0; i < 400; ++i) {
    auto next = next_commit(*store);
    next.record.readings.clear();
    const std::uint64_t sizes[] = {0, 1, 800 + random.below(200), random.below(5000), 10'000};
    const auto size = static_cast<std::size_t>(sizes[random.below(5)]);
    next.record.dictionary = std::string(size, static_cast<char>('a' + i % 26));
    written.push_back(next.record.dictionary);
    commit(*store, next);
    if (random.one_in(20)) {
      store = nullptr;
      store = open_store(options);
    }
    if (random.one_in(40)) REQUIRE(store->write_checkpoint("state"));
    const Recovered recovered = recover(*store);
    REQUIRE(recovered.checkpoint.journal_seq + recovered.records.size() == written.size());
    for (const JournalRecord& record : recovered.records)
      REQUIRE(record.dictionary == written[record.seq - 1]);
  }
}

TEST_CASE("the journal's slots are used again") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.durability = Durability::process;
  const auto store = open_store(options);
  std::uint64_t after_three = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 300; ++i) commit(*store, next_commit(*store));
    REQUIRE(store->write_checkpoint("state"));
    auto database = Database::open(dir.path() + "/weir.db", Database::Mode::read_only);
    REQUIRE(database);
    const auto slots =
        static_cast<std::uint64_t>((*database)->number("SELECT count(*) FROM journal").value());
    if (round == 2) after_three = slots;
    if (round > 2) CHECK(slots <= after_three + 2);
  }
}

TEST_CASE("dead letters are a ring of the newest, a few a commit, cut to size") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.dead_letters = 20;
  options.dead_letter_payload = Bytes{100};
  auto store = open_store(options);
  auto next = next_commit(*store);
  for (std::uint64_t i = 0; i < 50; ++i) next.dead_letters.push_back(sample_letter(i));
  next.dead_letters[0].payload = std::string(5000, 'x');
  next.dead_letters[0].payload_size = 0;
  next.dead_letters[0].topic = std::string(65'535, 't');
  const auto receipt = commit(*store, next);
  CHECK(receipt.delta.total(Counter::dead_letters_dropped) == 34);
  CHECK(store->stats().dead_letters == 16);
  const auto first = (*StoreInspector::open(dir.path()))->dead_letter(1);
  REQUIRE(first);
  CHECK(first->payload.size() == 100);
  CHECK(first->payload_size == 5000);
  CHECK(first->topic.size() < 1000);

  store = nullptr;
  store = open_store(options);
  CHECK(store->stats().dead_letters == 16);
  next = next_commit(*store);
  for (std::uint64_t i = 100; i < 110; ++i) next.dead_letters.push_back(sample_letter(i));
  commit(*store, next);
  CHECK(store->stats().dead_letters == 20);
  auto inspector = StoreInspector::open(dir.path());
  REQUIRE(inspector);
  const auto newest = (*inspector)->dead_letters(std::nullopt, 3);
  REQUIRE(newest);
  REQUIRE(newest->size() == 3);
  CHECK(newest->front().id == 26);
  CHECK(newest->front().topic == "plant/7/press-109/state");
  CHECK((*inspector)->dead_letters(std::nullopt, 1000)->size() == 20);
  CHECK((*inspector)->dead_letters("series_limit", 1000)->size() == 10);
  CHECK((*inspector)->dead_letter(26)->reason == "series_limit");
  CHECK((*inspector)->dead_letter(6).error().kind == ErrorKind::invalid);
}

TEST_CASE("with no room for dead letters they are counted, not kept") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.dead_letters = 0;
  const auto store = open_store(options);
  auto next = next_commit(*store);
  next.dead_letters = {sample_letter()};
  CHECK(commit(*store, next).delta.total(Counter::dead_letters_dropped) == 1);
  CHECK(store->stats().dead_letters == 0);
}

TEST_CASE("a checkpoint is due after so much journal, and after twice the last state") {
  const TempDir dir;
  StoreOptions options = options_in(dir.path());
  options.checkpoint_after = Bytes{10'000};
  const auto store = open_store(options);
  const auto commits_until_due = [&] {
    std::uint64_t bytes = 0;
    while (!store->checkpoint_due()) {
      auto next = next_commit(*store);
      next.record.readings = Fleet(1).take(300);
      bytes += commit(*store, next).journal_bytes;
    }
    return bytes;
  };
  CHECK(commits_until_due() < 12'000);
  REQUIRE(store->write_checkpoint(std::string(20'000, 's')));
  CHECK(commits_until_due() > 40'000);
}

TEST_CASE("the oldest waiting entry of a lane is known, and none when it is empty") {
  const TempDir dir;
  const StoreOptions options = options_in(dir.path());
  auto store = open_store(options);
  const auto oldest = [&] { return store->stats().oldest[index(Lane::live)]; };
  const auto first = next_commit(*store, {sample_rollup(0)});
  commit(*store, first);
  auto second = next_commit(*store, {sample_rollup(1)});
  commit(*store, second);
  CHECK(oldest() == first.record.now.wall);
  auto third = next_commit(*store);
  third.delivered.delivered[index(Lane::live)] = 1;
  commit(*store, third);
  CHECK(oldest() == second.record.now.wall);
  store = nullptr;
  store = open_store(options);
  CHECK(oldest() == second.record.now.wall);
  auto fourth = next_commit(*store);
  fourth.delivered.delivered[index(Lane::live)] = 2;
  commit(*store, fourth);
  CHECK(oldest() == Timestamp{});
}

}  // namespace weir
