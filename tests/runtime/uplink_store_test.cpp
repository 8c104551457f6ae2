// The uplink on the real store: what it reports keeps the ledger balanced.

#include "runtime/uplink.hpp"

#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/fake_outbox.hpp"
#include "tests/support/fake_sink.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

/// A database, with as much of an engine as the outbox needs.
struct Site {
  TempDir directory;
  StoreOptions options;
  std::unique_ptr<Store> store;
  std::unique_ptr<OutboxReader> reader;
  Ledger ledger;

  Site() {
    options.directory = directory.path();
    options.durability = Durability::process;
    reopen();
  }
  void reopen() {
    reader.reset();
    store.reset();
    store = std::move(Store::open(options).value());
    reader = std::move(OutboxReader::open(options).value());
  }
  void commit(Outputs outputs, const Uplink::Feedback& feedback = {}) {
    Store::Commit commit;
    commit.record.seq = store->last_journal_seq() + 1;
    commit.outputs = std::move(outputs);
    commit.delivered = feedback.delivered;
    commit.drops = feedback.drops;
    commit.dead_letters = feedback.dead_letters;
    const auto receipt = store->commit(commit);
    REQUIRE(receipt);
    ledger.add(receipt->delta);
    CHECK(ledger.imbalance(waiting()) == "");
  }
  std::uint64_t waiting() const {
    std::uint64_t total = 0;
    for (const std::uint64_t lane : store->stats().waiting) total += lane;
    return total;
  }
  UplinkOptions uplink_options() const {
    UplinkOptions result;
    result.gateway = "gw";
    result.epoch = store->uuid();
    result.batch = 7;
    return result;
  }
};

Outputs outputs(int first, int last) {
  Outputs result;
  for (int i = first; i <= last; ++i) {
    result.push_back(sample_output("m" + std::to_string(i)));
    if (i % 5 == 0) result.back().kind = OutputKind::alert;
    if (i % 7 == 0) result.back().kind = OutputKind::late;
  }
  return result;
}

std::multiset<std::string> keys(const FakeSink& sink) {
  std::multiset<std::string> result;
  for (const SinkRecord& record : sink.records()) result.insert(record.key);
  return result;
}

}  // namespace

TEST_CASE("the ledger balances at every commit while the uplink drains a real outbox") {
  Site site;
  FakeSink sink;
  sink.refuse_if([](const SinkRecord& record) { return record.key.ends_with("/m33"); });
  Uplink uplink(site.uplink_options(), *site.reader, sink, {});
  for (int i = 0; i < 10; ++i) {
    site.commit(outputs(10 * i + 1, 10 * i + 10), uplink.take_feedback());
    uplink.step(1s);
  }
  for (int i = 0; i < 100 && site.waiting() > 0; ++i) {
    uplink.step(1s);
    site.commit({}, uplink.take_feedback());
  }
  CHECK(site.waiting() == 0);
  CHECK(sink.records().size() == 99);
  CHECK(site.ledger.total(Counter::results_produced) == 100);
  CHECK(site.ledger.total(Counter::results_delivered) == 99);
  CHECK(site.ledger.of(Counter::results_evicted, "refused_by_peer") == 1);
  CHECK(site.store->stats().dead_letters == 1);
}

TEST_CASE("a restart before the commit of what was delivered repeats nothing") {
  Site site;
  FakeSink sink;
  for (int round = 0; round < 5; ++round) {
    site.commit(outputs(20 * round + 1, 20 * round + 20));
    {
      Uplink uplink(site.uplink_options(), *site.reader, sink, {});
      while (uplink.step(1s)) {
      }
    }  // killed: nobody took the feedback
    site.reopen();
  }
  Uplink uplink(site.uplink_options(), *site.reader, sink, {});
  uplink.step(1s);
  site.commit({}, uplink.take_feedback());
  CHECK(site.waiting() == 0);
  const auto arrived = keys(sink);
  CHECK(arrived.size() == 100);
  CHECK(std::set<std::string>(arrived.begin(), arrived.end()).size() == 100);
}
