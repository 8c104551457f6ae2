#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "config/bytes.hpp"
#include "operators/output.hpp"

namespace weir {

/// What the ledger counts. Stored: never renumber.
enum class Counter : std::uint8_t {
  messages_received = 1,   ///< taken from the inbox, whatever became of them
  messages_journaled = 2,  ///< at least one reading of it is in the journal
  messages_refused = 3,  ///< by reason: undecodable, too_large, retained, unrouted, series_limit …
  readings_decoded = 4,
  readings_journaled = 5,
  readings_refused = 6,  ///< by reason: series_limit …
  readings_aggregated = 7,
  readings_late = 8,
  readings_quarantined = 9,
  readings_filtered = 10,  ///< by reason: unused, where …
  results_produced = 11,   ///< by kind; outputs that went to the outbox
  results_delivered = 12,  ///< by lane
  results_evicted = 13,    ///< by reason
  fields_skipped = 14,     ///< by reason; beside the balance: parts of messages that were journaled
  clock_jumps = 15,        ///< beside the balance
  state_discarded = 16,    ///< operators whose saved state no longer fitted; beside the balance
  dead_letters_dropped = 17,  ///< samples not kept because the table is bounded; beside the balance
  journal_damaged = 18,  ///< times the journal could not be read to its end; beside the balance
  history_lost = 19,   ///< starts after which the peer knew of results that are not here; beside it
  position_lost = 20,  ///< times the peer knew no position although it had confirmed; beside it
  devices_forgotten = 21,     ///< windows closed for good, by reason: silent, bound; beside it
  readings_derived = 22,      ///< computed from others, by what became of them; beside the balance
  readings_without_row = 23,  ///< kept though the dimension table lacks their device; beside it
  tables_refused = 24,        ///< times a dimension table changed and can't be used; beside it
};

/// Promise P4 as code: cumulative counts over the life of the database. What a commit changes
/// travels in its journal record, so the ledger is as durable as the data it speaks of.
class Ledger {
 public:
  using Key = std::pair<Counter, std::string>;  ///< counter and reason, kind or lane (may be empty)

  void add(Counter counter, std::uint64_t n) { add(counter, {}, n); }
  void add(Counter counter, std::string_view reason, std::uint64_t n);
  void add(const Ledger& other);

  std::uint64_t total(Counter counter) const;  ///< over all reasons
  std::uint64_t of(Counter counter, std::string_view reason) const;
  const std::map<Key, std::uint64_t>& counts() const { return counts_; }
  bool empty() const { return counts_.empty(); }
  void clear() { counts_.clear(); }

  /// One sentence for each equation of P4 that does not hold; empty when the ledger balances.
  /// `waiting` is the number of entries in the outbox at the same commit.
  std::string imbalance(std::uint64_t waiting) const;

  /// After a loss of counts: makes the results balance with what waits, by counting under `reason`
  /// as many produced or evicted as are missing.
  void settle_results(std::string_view reason, std::uint64_t waiting);

  void write(ByteWriter& out) const;
  bool read(ByteReader& in);  ///< adds what was written

 private:
  std::map<Key, std::uint64_t> counts_;
};

std::string_view counter_name(Counter counter);  ///< "messages_received"
std::string_view lane_name(Lane lane);           ///< "alerts"
std::string_view kind_name(OutputKind kind);     ///< "rollup"

}  // namespace weir
