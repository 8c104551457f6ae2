// Lanes, the ladder near max_size, and what is announced of it.

#include <functional>
#include <map>
#include <set>

#include "store/sqlite.hpp"
#include "tests/store/samples.hpp"
#include "tests/support/rounds.hpp"

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t epoch_us = 1'772'366'400'000'000;
constexpr std::size_t series = 500;

StoreOptions of_16_mib(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  options.max_size = Bytes{16u << 20};
  options.durability = Durability::process;
  return options;
}

/// The minute's result of one of the series: mean and count tell where it came from.
Output minute_result(std::size_t i, std::int64_t minute) {
  Output output;
  output.name = "press_1m";
  output.topic = "telemetry.rollups";
  output.group = {{"device", "press-" + std::to_string(i)}};
  output.metric = "temperature";
  output.window.start = timestamp_us(epoch_us) + minute * 1min;
  output.window.end = output.window.start + 1min;
  output.count = 2;
  output.first = output.window.start;
  output.last = output.window.end - 1s;
  output.fields = {{"count", std::int64_t{2}}, {"sum", static_cast<double>(minute)}};
  return output;
}

std::vector<Output> minute_results(std::int64_t minute) {
  std::vector<Output> results;
  for (std::size_t i = 0; i < series; ++i) results.push_back(minute_result(i, minute));
  return results;
}

/// A commit at the end of a minute.
Store::Commit commit_at(const Store& store, std::int64_t minute, std::vector<Output> outputs) {
  Store::Commit commit = next_commit(store, std::move(outputs));
  commit.record.now.wall = timestamp_us(epoch_us) + (minute + 1) * 1min;
  commit.record.now.elapsed = (minute + 1) * 1min;
  return commit;
}

struct Outage {
  explicit Outage(const StoreOptions& given) : options(given), store(open_store(given)) {}
  StoreOptions options;
  std::unique_ptr<Store> store;
  Ledger ledger;
  std::int64_t minutes = 0;
  std::uint64_t merging = 0;
  std::function<std::vector<Output>(std::int64_t)> results = minute_results;

  /// Produces until what is wanted has happened.
  template <class Until>
  void produce(Until until) {
    for (bool done = false; !done;) {
      REQUIRE(minutes < 4000);
      const auto receipt = store->commit(commit_at(*store, minutes, results(minutes)));
      REQUIRE(receipt);
      ledger.add(receipt->delta);
      REQUIRE(bytes_on_disk(options.directory) <= count(options.max_size));
      ++minutes;
      if (receipt->merged) ++merging;
      done = until(*receipt);
      REQUIRE(ledger.imbalance(waiting(store->stats())).empty());
    }
  }
};

}  // namespace

TEST_CASE("results are live until the live lane stands still, then backlog beside it") {
  const TempDir dir;
  const StoreOptions options = of_16_mib(dir.path());
  Outage outage(options);
  outage.produce([&](const Store::Receipt&) { return outage.minutes == 10; });
  const auto waiting = outage.store->stats().waiting;
  // The first commit's results are older than backlog_after (5m) from the seventh on.
  CHECK(waiting[index(Lane::live)] == 6 * series);
  CHECK(waiting[index(Lane::backlog)] == 4 * series);

  // The link is back and the live lane empty: what comes now does not wait behind the backlog.
  auto next = commit_at(*outage.store, 10, minute_results(10));
  next.delivered.delivered[index(Lane::live)] =
      read_lane(*open_reader(options), Lane::live).back().seq;
  while (outage.store->stats().oldest[index(Lane::live)] != Timestamp{}) {
    next.record.seq = outage.store->last_journal_seq() + 1;
    next.outputs.clear();
    REQUIRE(outage.store->commit(next));
  }
  REQUIRE(outage.store->commit(commit_at(*outage.store, 11, minute_results(11))));
  CHECK(outage.store->stats().waiting[index(Lane::live)] == series);
}

TEST_CASE("results of windows that ended long ago are backlog, alerts are alerts") {
  const TempDir dir;
  const auto store = open_store(of_16_mib(dir.path()));
  auto old = minute_result(0, 0);
  auto alert = sample_output(OutputKind::alert);
  alert.window = old.window;
  REQUIRE(store->commit(commit_at(*store, 60, {old, alert, minute_result(0, 60)})));
  CHECK(store->stats().waiting[index(Lane::backlog)] == 1);
  CHECK(store->stats().waiting[index(Lane::alerts)] == 1);
  CHECK(store->stats().waiting[index(Lane::live)] == 1);
}

TEST_CASE("near max_size the oldest backlog becomes coarser windows, and nothing is lost") {
  const TempDir dir;
  const StoreOptions options = of_16_mib(dir.path());
  Outage outage(options);
  outage.produce([&](const Store::Receipt&) { return outage.merging == 6; });
  CHECK(outage.ledger.of(Counter::results_evicted, "store_full") == 0);
  CHECK(outage.ledger.of(Counter::results_evicted, "merged") > 5000);

  outage.store = nullptr;
  outage.store = open_store(options);
  const auto entries = read_lane(*open_reader(options), Lane::backlog);
  std::map<std::string, double> sums;
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t merged_windows = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Output& output = entries[i].output;
    // What may be with the peer already is left as it is.
    if (i < outbox_in_flight) CHECK(output.merged == 0);
    const std::string& device = output.group.front().value;
    sums[device] += std::get<double>(output.fields[1].value);
    counts[device] += output.count;
    REQUIRE(std::get<std::int64_t>(output.fields[0].value) ==
            static_cast<std::int64_t>(output.count));
    REQUIRE(output.count == 2 * std::max<std::uint32_t>(output.merged, 1));
    if (output.merged > 0) merged_windows += output.merged - 1;
  }
  CHECK(merged_windows == outage.ledger.of(Counter::results_evicted, "merged"));
  for (const auto& entry : read_lane(*open_reader(options), Lane::live)) {
    sums[entry.output.group.front().value] += std::get<double>(entry.output.fields[1].value);
    counts[entry.output.group.front().value] += entry.output.count;
  }
  const auto minutes = static_cast<double>(outage.minutes);
  REQUIRE(sums.size() == series);
  for (const auto& [device, sum] : sums) {
    CHECK(sum == minutes * (minutes - 1) / 2);
    CHECK(counts[device] == 2 * static_cast<std::uint64_t>(outage.minutes));
  }
}

TEST_CASE("what can't be merged any further is evicted, oldest first, and announced") {
  const TempDir dir;
  StoreOptions options = of_16_mib(dir.path());
  options.max_size = Bytes{(GENERATE(take(test::rounds(2), values({8u, 16u})))) << 20};
  Outage outage(options);
  std::uint64_t evicting = 0;
  outage.produce([&](const Store::Receipt& receipt) {
    if (receipt.over_limit) ++evicting;
    return evicting == 20 || outage.minutes == 3000;
  });
  INFO("minutes " << outage.minutes);
  CHECK(outage.ledger.of(Counter::results_evicted, "merged") > 10'000);
  const std::uint64_t before = waiting(outage.store->stats());
  REQUIRE(outage.store->stats().waiting[index(Lane::alerts)] == 0);

  // Something arrives at the peer again.
  auto reader = open_reader(options);
  auto next = commit_at(*outage.store, outage.minutes, {});
  next.delivered.delivered[index(Lane::backlog)] = read_lane(*reader, Lane::backlog).front().seq;
  const auto receipt = outage.store->commit(next);
  REQUIRE(receipt);
  outage.ledger.add(receipt->delta);
  CHECK(waiting(outage.store->stats()) < before + 3);
  std::map<std::string, Output> gaps;
  for (const auto& entry : read_lane(*reader, Lane::alerts)) {
    REQUIRE(entry.output.kind == OutputKind::gap);
    CHECK(entry.output.topic == "weir.gaps");
    gaps[entry.output.group.back().value] = entry.output;
  }
  REQUIRE(gaps.contains("merged"));
  for (const auto& [reason, gap] : gaps) {
    const auto announced = static_cast<std::uint64_t>(std::get<std::int64_t>(gap.fields[0].value));
    CHECK(announced == outage.ledger.of(Counter::results_evicted, reason));
  }
  CHECK(outage.ledger.imbalance(waiting(outage.store->stats())).empty());
}

TEST_CASE("a gap that was not announced yet survives a restart") {
  const TempDir dir;
  const StoreOptions options = of_16_mib(dir.path());
  auto store = open_store(options);
  auto next = commit_at(*store, 0, {minute_result(0, 0), minute_result(1, 0)});
  REQUIRE(store->commit(next));
  next = commit_at(*store, 1, {});
  next.drops = {{Lane::live, 1, "refused_by_peer"}};
  REQUIRE(store->commit(next));
  store = nullptr;
  store = open_store(options);
  CHECK(store->stats().waiting[index(Lane::alerts)] == 0);
  next = commit_at(*store, 2, {});
  next.delivered.delivered[index(Lane::live)] = 2;
  REQUIRE(store->commit(next));
  const auto told = read_lane(*open_reader(options), Lane::alerts);
  REQUIRE(told.size() == 1);
  const Output& gap = told.front().output;
  CHECK(gap.group == std::vector<Tag>{{"lane", "live"}, {"reason", "refused_by_peer"}});
  CHECK(gap.window == minute_result(0, 0).window);
  CHECK(gap.fields == std::vector<Field>{{"results", std::int64_t{1}},
                                         {"first_seq", std::int64_t{1}},
                                         {"last_seq", std::int64_t{1}}});

  // Told once; and a gap record that is itself refused is counted, not announced again.
  next = commit_at(*store, 10, {});
  next.drops = {{Lane::alerts, told.front().seq, "refused_by_peer"}};
  REQUIRE(store->commit(next));
  next = commit_at(*store, 20, {});
  REQUIRE(store->commit(next));
  CHECK(waiting(store->stats()) == 0);
}

TEST_CASE("of a window's revisions in the backlog the newest is merged, later ones are left") {
  const TempDir dir;
  StoreOptions options = of_16_mib(dir.path());
  Outage outage(options);
  // Each minute's results, and those of the minute before once more; one comes far too late.
  const auto revised = [&](std::int64_t minute) {
    std::vector<Output> results = minute_results(minute);
    for (std::size_t i = 0; minute > 0 && i < series; ++i) {
      results.push_back(minute_result(i, minute - 1));
      results.back().revision = 1;
      results.back().fields[1].value = 1000.0;
    }
    return results;
  };
  for (; outage.merging < 3; ++outage.minutes) {
    REQUIRE(outage.minutes < 2000);
    const auto receipt =
        outage.store->commit(commit_at(*outage.store, outage.minutes, revised(outage.minutes)));
    REQUIRE(receipt);
    outage.ledger.add(receipt->delta);
    if (receipt->merged) ++outage.merging;
  }
  CHECK(outage.ledger.of(Counter::results_evicted, "superseded") > 1000);
  CHECK(outage.ledger.imbalance(waiting(outage.store->stats())).empty());
  for (const auto& entry : read_lane(*open_reader(options), Lane::backlog)) {
    const Output& output = entry.output;
    if (output.merged == 0) continue;
    // Whatever was merged was the revision, but for windows whose revision another one holds.
    CHECK(output.revision == 0);
    CHECK(std::get<double>(output.fields[1].value) >= 1000.0 * (output.merged - 2));
  }
}

TEST_CASE("results that damage has taken are missed when their lane runs empty") {
  const TempDir dir;
  const StoreOptions options = of_16_mib(dir.path());
  auto store = open_store(options);
  Ledger ledger;
  const auto commit = [&](Store::Commit next) {
    next.record.seq = store->last_journal_seq() + 1;
    const auto receipt = store->commit(next);
    REQUIRE(receipt);
    ledger.add(receipt->delta);
  };
  commit(commit_at(*store, 0, minute_results(0)));
  const auto lose = [&](const std::string& which) {
    store = nullptr;
    REQUIRE((*Database::open(dir.path() + "/weir.db", Database::Mode::read_write))
                ->execute("DELETE FROM outbox_1 " + which));
    store = open_store(options);
  };
  SECTION("some of them") {
    lose("WHERE seq % 10 = 1");
    CHECK_FALSE(store->recounted());
    auto next = commit_at(*store, 1, {});
    next.delivered.delivered[index(Lane::live)] = series;
    for (int i = 0; i < 4; ++i) commit(next);  // each deletes so many
    CHECK(ledger.of(Counter::results_evicted, "damaged") == series / 10);
    CHECK(ledger.imbalance(0).empty());
  }
  SECTION("all of them: the start counts anew") {
    lose("");
    CHECK(store->recounted());
  }
  CHECK(waiting(store->stats()) == 0);
}

TEST_CASE("results that share readings with others are given up one by one, never merged") {
  const TempDir dir;
  Outage outage(of_16_mib(dir.path()));
  outage.results = [](std::int64_t minute) {
    auto results = minute_results(minute);
    for (Output& result : results) result.apart = true;
    return results;
  };
  outage.produce([&](const Store::Receipt&) {
    return outage.ledger.of(Counter::results_evicted, "store_full") > 0;
  });
  CHECK(outage.ledger.of(Counter::results_evicted, "merged") == 0);
  outage.store = nullptr;
  outage.store = open_store(outage.options);
  for (const auto& entry : read_lane(*open_reader(outage.options), Lane::backlog))
    REQUIRE(entry.output.merged == 0);
}

TEST_CASE("a preview is part of no coarser window, but what came behind it is") {
  const TempDir dir;
  Outage outage(of_16_mib(dir.path()));
  outage.results = [](std::int64_t minute) {
    std::vector<Output> results;
    for (std::size_t i = 0; i < series; ++i) {
      Output preview = minute_result(i, minute);
      preview.preview = true;
      preview.count = 1;
      results.push_back(preview);
      if (minute % 2 == 0) continue;
      results.push_back(minute_result(i, minute));
      results.back().revision = 1;
    }
    return results;
  };
  outage.produce([&](const Store::Receipt&) { return outage.merging == 6; });
  outage.store = nullptr;
  outage.store = open_store(outage.options);
  std::uint64_t merged = 0;
  for (const auto& entry : read_lane(*open_reader(outage.options), Lane::backlog)) {
    if (entry.output.merged == 0) continue;
    ++merged;
    REQUIRE_FALSE(entry.output.preview);
    REQUIRE(entry.output.count == 2 * entry.output.merged);
  }
  CHECK(merged > 0);
}

}  // namespace weir
