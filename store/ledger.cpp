#include "store/ledger.hpp"

namespace weir {

namespace {

constexpr std::array<std::string_view, 25> counter_names = {
    "unknown",           "messages_received",    "messages_journaled", "messages_refused",
    "readings_decoded",  "readings_journaled",   "readings_refused",   "readings_aggregated",
    "readings_late",     "readings_quarantined", "readings_filtered",  "results_produced",
    "results_delivered", "results_evicted",      "fields_skipped",     "clock_jumps",
    "state_discarded",   "dead_letters_dropped", "journal_damaged",    "history_lost",
    "position_lost",     "devices_forgotten",    "readings_derived",   "readings_without_row",
    "tables_refused",
};

void check(std::string& out, std::string_view what, std::uint64_t left, std::string_view parts,
           std::uint64_t right) {
  if (left == right) return;
  if (!out.empty()) out += ". ";
  out += what;
  out += " is " + std::to_string(left) + ", but ";
  out += parts;
  out += " is " + std::to_string(right);
}

}  // namespace

void Ledger::add(Counter counter, std::string_view reason, std::uint64_t n) {
  if (n != 0) counts_[{counter, std::string(reason)}] += n;
}

void Ledger::add(const Ledger& other) {
  for (const auto& [key, n] : other.counts_) counts_[key] += n;
}

std::uint64_t Ledger::total(Counter counter) const {
  std::uint64_t sum = 0;
  for (auto i = counts_.lower_bound({counter, {}}); i != counts_.end(); ++i) {
    if (i->first.first != counter) break;
    sum += i->second;
  }
  return sum;
}

std::uint64_t Ledger::of(Counter counter, std::string_view reason) const {
  const auto found = counts_.find({counter, std::string(reason)});
  return found == counts_.end() ? 0 : found->second;
}

void Ledger::settle_results(std::string_view reason, std::uint64_t waiting) {
  const std::uint64_t produced = total(Counter::results_produced);
  const std::uint64_t gone =
      total(Counter::results_delivered) + waiting + total(Counter::results_evicted);
  if (gone > produced) add(Counter::results_produced, reason, gone - produced);
  if (produced > gone) add(Counter::results_evicted, reason, produced - gone);
}

std::string Ledger::imbalance(std::uint64_t waiting) const {
  std::string out;
  check(out, "messages received", total(Counter::messages_received), "journaled + refused",
        total(Counter::messages_journaled) + total(Counter::messages_refused));
  check(out, "readings decoded", total(Counter::readings_decoded), "journaled + refused",
        total(Counter::readings_journaled) + total(Counter::readings_refused));
  check(out, "readings journaled", total(Counter::readings_journaled),
        "aggregated + late + quarantined + filtered",
        total(Counter::readings_aggregated) + total(Counter::readings_late) +
            total(Counter::readings_quarantined) + total(Counter::readings_filtered));
  check(out, "results produced", total(Counter::results_produced), "delivered + waiting + evicted",
        total(Counter::results_delivered) + waiting + total(Counter::results_evicted));
  return out;
}

void Ledger::write(ByteWriter& out) const {
  out.varint(counts_.size());
  for (const auto& [key, n] : counts_) {
    out.u8(static_cast<std::uint8_t>(key.first));
    out.text(key.second);
    out.varint(n);
  }
}

bool Ledger::read(ByteReader& in) {
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const auto counter = static_cast<Counter>(in.u8());
    const std::string_view reason = in.text();
    const std::uint64_t n = in.varint();
    if (in.ok()) add(counter, reason, n);
  }
  return in.ok();
}

std::string_view counter_name(Counter counter) {
  const auto i = static_cast<std::size_t>(counter);
  return counter_names[i < counter_names.size() ? i : 0];
}

std::string_view lane_name(Lane lane) {
  switch (lane) {
    case Lane::alerts:
      return "alerts";
    case Lane::live:
      return "live";
    case Lane::late:
      return "late";
    case Lane::backlog:
      return "backlog";
  }
  return "unknown";
}

std::string_view kind_name(OutputKind kind) {
  switch (kind) {
    case OutputKind::rollup:
      return "rollup";
    case OutputKind::alert:
      return "alert";
    case OutputKind::late:
      return "late";
    case OutputKind::quarantined:
      return "quarantined";
    case OutputKind::gap:
      return "gap";
  }
  return "unknown";
}

}  // namespace weir
