#include "runtime/ledger_view.hpp"

namespace weir {
namespace {

constexpr CounterFamily families[] = {
    {Counter::messages_received, "", "Messages taken from the inbox."},
    {Counter::messages_journaled, "", "Messages with at least one reading in the journal."},
    {Counter::messages_refused, "reason", "Messages that were refused."},
    {Counter::readings_decoded, "", "Readings found in messages."},
    {Counter::readings_journaled, "", "Readings in the journal."},
    {Counter::readings_refused, "reason", "Readings that were refused."},
    {Counter::readings_aggregated, "", "Readings folded into windows or detectors."},
    {Counter::readings_late, "", "Readings that came after their window's lateness."},
    {Counter::readings_quarantined, "", "Readings too far in the future."},
    {Counter::readings_filtered, "reason", "Readings that were dropped, or that nothing uses."},
    {Counter::readings_derived, "result", "Readings computed from others, beside the balance."},
    {Counter::readings_without_row, "", "Readings of devices that the table of enrich lacks."},
    {Counter::results_produced, "kind", "Results put into the outbox."},
    {Counter::results_delivered, "lane", "Results the sink has confirmed."},
    {Counter::results_evicted, "reason", "Results that will never be delivered."},
    {Counter::fields_skipped, "reason", "Fields of journaled messages that were left out."},
    {Counter::clock_jumps, "", "Jumps of the wall clock against the monotonic clock."},
    {Counter::state_discarded, "", "Saved operator states that no longer fitted."},
    {Counter::dead_letters_dropped, "", "Samples the bounded dead letters did not keep."},
    {Counter::journal_damaged, "", "Starts that found the journal damaged."},
    {Counter::history_lost, "", "Starts after which Kafka knew results that the database did not."},
    {Counter::position_lost, "", "Times Kafka had lost the position of what it had confirmed."},
    {Counter::devices_forgotten, "reason", "Devices whose windows were closed for good."},
    {Counter::tables_refused, "", "Times a table of enrich changed and could not be used."},
};

}  // namespace

std::span<const CounterFamily> counter_families() {
  return families;
}

bool LedgerEquation::balanced() const {
  std::uint64_t sum = 0;
  for (const Term& term : right) sum += term.value;
  return left.value == sum;
}

std::vector<LedgerEquation> ledger_equations(const Ledger& ledger, std::uint64_t waiting) {
  const auto term = [&](std::string_view name, Counter counter) {
    return LedgerEquation::Term{name, ledger.total(counter)};
  };
  return {{"messages",
           term("received", Counter::messages_received),
           {term("journaled", Counter::messages_journaled),
            term("refused", Counter::messages_refused)}},
          {"readings",
           term("decoded", Counter::readings_decoded),
           {term("journaled", Counter::readings_journaled),
            term("refused", Counter::readings_refused)}},
          {"readings",
           term("journaled", Counter::readings_journaled),
           {term("aggregated", Counter::readings_aggregated), term("late", Counter::readings_late),
            term("quarantined", Counter::readings_quarantined),
            term("filtered", Counter::readings_filtered)}},
          {"results",
           term("produced", Counter::results_produced),
           {term("delivered", Counter::results_delivered),
            {"waiting", waiting},
            term("evicted", Counter::results_evicted)}}};
}

}  // namespace weir
