// How the engine comes back to where it stood: the checkpoint, the journal behind it, and what is
// done where they are damaged.

#include <algorithm>

#include "runtime/engine.hpp"
#include "runtime/engine_state.hpp"
#include "runtime/log.hpp"

namespace weir {

Result<void> Engine::recover() {
  post_snapshot(now(), true);
  auto checkpoint = parts_.store.checkpoint();
  if (!checkpoint) return fail(checkpoint.error());
  if (!checkpoint->state.empty()) {
    if (auto loaded = load_checkpoint(checkpoint->state); !loaded) return loaded;
  }
  if (auto replayed = replay_journal(checkpoint->journal_seq); !replayed) return replayed;
  if (parts_.store.recounted()) {
    settle_results();
    // No record will say it.
    if (auto written = write_checkpoint(); !written) return written;
  }

  // Time goes on where the last record stands. The time in between does not count: weir could not
  // have heard anybody, so nobody was silent.
  elapsed_offset_ = last_.elapsed - parts_.clock.now().elapsed;
  parts_.pipeline.take_forgotten();  // of what was replayed: its records counted them
  journaled_mark_ = parts_.table.mark();
  configuration_due_ = configuration_is_news();
  replaying_ = false;
  started_ = observed_ = now();
  if (parts_.store.set_aside() && last_.wall == Timestamp{})
    announce_gap("database_set_aside", started_);
  commit_mark_ = journaled_mark_;
  // A database that began anew under another uuid has no position yet.
  const bool confirmed =
      ledger_.total(Counter::results_delivered) > 0 && ledger_.total(Counter::history_lost) == 0;
  parts_.uplink.set_past({confirmed, std::max(parts_.pipeline.told(), Timestamp{}), doubt_});
  post_snapshot(started_, true);
  return {};
}

Result<void> Engine::load_checkpoint(std::string_view state) {
  const auto left_out = decode_state(state, whole_state());
  if (!left_out) return fail(left_out.error());
  for (const std::string& name : *left_out) {
    log_warning("the saved state of " + name +
                " does not fit the configuration any more; its open windows begin anew");
    delta_.add(Counter::state_discarded, 1);
  }
  return {};
}

Result<void> Engine::replay_journal(std::uint64_t after) {
  Outputs discarded;
  std::uint64_t records = 0, left_out = 0, missing = 0;
  std::uint64_t expected = after + 1;
  auto replayed = parts_.store.replay(after, [&](JournalRecord&& record) {
    parts_.board.progressed();
    if (left_out > 0 || !introduce(record)) {
      ++left_out;
      return;
    }
    if (record.seq != expected)
      log_error("the journal lacks records " + std::to_string(expected) + " to " +
                std::to_string(record.seq - 1));
    missing += record.seq - expected;
    expected = record.seq + 1;
    discarded.clear();
    fold(record, discarded);
    redeliveries_.replay(record);
    ledger_.add(record.delta);
    last_ = record.now;
    if (record.begin_anew) doubt_ = missing = 0;
    ++records;
  });
  if (records > 0) log_info("replayed " + std::to_string(records) + " journal records");
  if (replayed)
    return left_out == 0
               ? Result<void>{}
               : fail(ErrorKind::corrupt, "the journal names series that no record introduced");
  if (replayed.error().kind != ErrorKind::corrupt) return replayed;
  // What only the newest records knew of is gone with them. But behind a hole there are results of
  // windows and alerts that the state takes for open.
  if (doubt_ == 0 && missing + left_out > 0) doubt_ = parts_.store.seq_runs().before();
  return survive_damage(replayed.error().message, left_out);
}

/// Takes over the series that the record introduces. False: it speaks of some that are not known,
/// because a record before it is lost.
bool Engine::introduce(const JournalRecord& record) {
  ByteReader dictionary(record.dictionary);
  if (!record.dictionary.empty() && !parts_.table.read(dictionary)) return false;
  const std::uint32_t known = parts_.table.mark().series;
  return std::ranges::all_of(record.readings,
                             [&](const Reading& reading) { return index(reading.series) < known; });
}

/// What lost records said of results is in the outbox all the same, or what they know of is not.
void Engine::settle_results() {
  std::uint64_t waiting = 0;
  for (const std::uint64_t n : parts_.store.stats().waiting) waiting += n;
  ledger_.settle_results("damaged", waiting);
}

/// What could be read is folded. The rest is counted and announced, and the state as it is now is
/// what a later start begins from.
Result<void> Engine::survive_damage(const std::string& what, std::uint64_t left_out) {
  log_error("the journal is damaged: " + what +
            (left_out > 0 ? "; " + std::to_string(left_out) + " records behind it need what is lost"
                          : std::string()) +
            "; readings are missing from open windows");
  delta_.add(Counter::journal_damaged, 1);
  announce_gap("journal_damaged", now());
  settle_results();
  journaled_mark_ = parts_.table.mark();
  return write_checkpoint();
}

}  // namespace weir
