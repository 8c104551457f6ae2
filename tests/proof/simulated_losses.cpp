#include "tests/proof/simulated_losses.hpp"

#include <algorithm>

namespace weir {

void Losses::acknowledged(std::span<const std::uint64_t> numbers, std::uint64_t journal_seq,
                          std::size_t arrived) {
  for (const std::uint64_t number : numbers) {
    Reading& reading = readings_.at(number);
    if (reading.acknowledged && !reading.rolled_back) continue;  // sent again, and recognised
    reading.acknowledged = true;
    reading.rolled_back = false;
    reading.journal_seq = journal_seq;
    reading.arrived = arrived;
  }
}

void Losses::started(const Store& store, std::span<const SinkRecord> arrived) {
  const bool lacks = std::ranges::any_of(arrived, [&](const SinkRecord& record) {
    const std::uint64_t seq = std::stoull(header(record, "weir-seq"));
    return header(record, "weir-epoch") == store.uuid() &&
           store.seq_runs().issued_up_to(seq) != seq;
  });
  if (lacks || store.set_aside()) known_.push_back(arrived.size());
  for (Reading& reading : readings_) {
    // The numbers of a new database begin anew.
    if (store.set_aside()) reading.journal_seq = 0;
    reading.rolled_back = reading.rolled_back || reading.journal_seq > store.last_journal_seq();
  }
}

Losses::Verdict Losses::judge(const Oracle& oracle, std::span<const SinkRecord> arrived) const {
  Verdict verdict;
  std::size_t announced = 0;  // behind the last announcement
  for (std::size_t i = 0; i < arrived.size(); ++i)
    if (header(arrived[i], "weir-kind") == "gap") announced = i + 1;
  for (const std::size_t at : known_)
    if (announced <= at)
      verdict.silent.push_back("the centre has results that a start did not know of, and no gap");
  for (const Reading& reading : readings_) {
    if (reading.value == 0) continue;
    const Oracle::Window& window = oracle.windows().at(reading.slot);
    if (!reading.acknowledged || ((window.arrived | window.late) & reading.value) != 0) continue;
    ++verdict.lost;
    if (reading.rolled_back)
      ++verdict.unseen;
    else if (announced <= reading.arrived)
      verdict.silent.push_back("a reading of device " + reading.slot.first + " in the window at " +
                               std::to_string(reading.slot.second) + " is lost, and no gap");
  }
  return verdict;
}

}  // namespace weir
