#include "store/ledger.hpp"

#include "tests/support/catch.hpp"

namespace weir {

namespace {

Ledger balanced() {
  Ledger ledger;
  ledger.add(Counter::messages_received, 10);
  ledger.add(Counter::messages_journaled, 7);
  ledger.add(Counter::messages_refused, "undecodable", 2);
  ledger.add(Counter::messages_refused, "retained", 1);
  ledger.add(Counter::readings_decoded, 30);
  ledger.add(Counter::readings_journaled, 29);
  ledger.add(Counter::readings_refused, "series_limit", 1);
  ledger.add(Counter::readings_aggregated, 20);
  ledger.add(Counter::readings_late, 4);
  ledger.add(Counter::readings_quarantined, 3);
  ledger.add(Counter::readings_filtered, "unused", 2);
  ledger.add(Counter::results_produced, "rollup", 9);
  ledger.add(Counter::results_produced, "alert", 1);
  ledger.add(Counter::results_delivered, "live", 5);
  ledger.add(Counter::results_evicted, "store_full", 2);
  return ledger;
}

}  // namespace

TEST_CASE("a ledger balances when every message, reading and result is accounted for") {
  CHECK(balanced().imbalance(3).empty());
  CHECK(Ledger{}.imbalance(0).empty());
}

TEST_CASE("each count that is off by one is named") {
  for (const Counter counter :
       {Counter::messages_received, Counter::messages_journaled, Counter::messages_refused,
        Counter::readings_decoded, Counter::readings_journaled, Counter::readings_refused,
        Counter::readings_aggregated, Counter::readings_late, Counter::readings_quarantined,
        Counter::readings_filtered, Counter::results_produced, Counter::results_delivered,
        Counter::results_evicted}) {
    Ledger ledger = balanced();
    ledger.add(counter, 1);
    INFO(counter_name(counter));
    CHECK_FALSE(ledger.imbalance(3).empty());
  }
  CHECK(balanced().imbalance(4) ==
        "results produced is 10, but delivered + waiting + evicted is 11");
}

TEST_CASE("counts beside the balance do not upset it") {
  Ledger ledger = balanced();
  for (const Counter counter :
       {Counter::fields_skipped, Counter::clock_jumps, Counter::state_discarded,
        Counter::dead_letters_dropped, Counter::journal_damaged})
    ledger.add(counter, 1);
  CHECK(ledger.imbalance(3).empty());
}

TEST_CASE("totals are over all reasons of one counter and no other") {
  const Ledger ledger = balanced();
  CHECK(ledger.total(Counter::messages_refused) == 3);
  CHECK(ledger.of(Counter::messages_refused, "retained") == 1);
  CHECK(ledger.of(Counter::messages_refused, "unrouted") == 0);
  CHECK(ledger.total(Counter::clock_jumps) == 0);
}

TEST_CASE("a ledger that is read is added, and nothing is added from one cut short") {
  const Ledger ledger = balanced();
  std::string bytes;
  ByteWriter out(bytes);
  ledger.write(out);
  Ledger twice = ledger;
  ByteReader in(bytes);
  REQUIRE(twice.read(in));
  CHECK(in.at_end());
  CHECK(twice.of(Counter::messages_received, "") == 20);

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Ledger partly;
    ByteReader cut(std::string_view(bytes).substr(0, size));
    CHECK_FALSE(partly.read(cut));
  }
}

TEST_CASE("every counter, lane and kind has a name of its own") {
  for (std::uint8_t i = 1; i <= static_cast<std::uint8_t>(Counter::journal_damaged); ++i)
    CHECK(counter_name(static_cast<Counter>(i)) != "unknown");
  CHECK(counter_name(static_cast<Counter>(255)) == "unknown");
  CHECK(lane_name(Lane::backlog) == "backlog");
  CHECK(kind_name(OutputKind::quarantined) == "quarantined");
}

}  // namespace weir
