#include "runtime/ledger_counts.hpp"

namespace weir {

void add_counts(const IngestCounts& counts, Ledger& ledger) {
  ledger.add(Counter::messages_received, counts.messages_received);
  ledger.add(Counter::messages_journaled, counts.messages_journaled);
  ledger.add(Counter::readings_decoded, counts.readings_decoded);
  ledger.add(Counter::readings_journaled, counts.readings_journaled);
  for (std::size_t i = 0; i < refusal_count; ++i) {
    const std::string_view reason = refusal_name(static_cast<Refusal>(i));
    ledger.add(Counter::messages_refused, reason, counts.messages_refused[i]);
    ledger.add(Counter::readings_refused, reason, counts.readings_refused[i]);
  }
  for (std::size_t i = 0; i < skip_count; ++i) {
    ledger.add(Counter::fields_skipped, skip_name(static_cast<Skip>(i)), counts.fields_skipped[i]);
  }
}

void add_counts(const ReadingCounts& counts, Ledger& ledger) {
  ledger.add(Counter::readings_aggregated, counts.aggregated);
  ledger.add(Counter::readings_late, counts.late);
  ledger.add(Counter::readings_quarantined, counts.quarantined);
  ledger.add(Counter::readings_without_row, counts.no_row);
  ledger.add(Counter::readings_filtered, "unused", counts.unused);
  ledger.add(Counter::readings_filtered, "no_room", counts.no_room);
  for (std::size_t i = 0; i < filter_reasons().size(); ++i)
    ledger.add(Counter::readings_filtered, filter_reasons()[i], counts.filtered[i]);
  for (std::size_t i = 0; i < counts.derived.size(); ++i)
    ledger.add(Counter::readings_derived, derived_fate_names[i], counts.derived[i]);
}

void add_counts(const ForgottenCounts& counts, Ledger& ledger) {
  ledger.add(Counter::devices_forgotten, "silent", counts.silent);
  ledger.add(Counter::devices_forgotten, "bound", counts.bound);
}

}  // namespace weir
