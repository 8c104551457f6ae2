#include <algorithm>

#include "store/row.hpp"
#include "store/store_impl.hpp"

namespace weir {

namespace {

/// A gap that grows is announced at most so often.
constexpr Duration announcement_spacing = std::chrono::seconds(10);

}  // namespace

SqliteStore::Pending::Pending(const Commit& from) : commit(from), delta(from.record.delta) {}

std::uint64_t SqliteStore::Pending::leave(Lane lane, std::uint64_t rows) {
  std::uint64_t& waiting = tail.waiting[index(lane)];
  const std::uint64_t counted = std::min(waiting, rows);
  waiting -= counted;
  return counted;
}

void SqliteStore::Pending::give_up(Lane lane, std::string_view reason, std::optional<Gap> gap) {
  if (!gap) return;
  gap->since = commit.record.now.elapsed;
  add_gap(gaps, lane, reason, *gap);
  gaps_changed = true;
}

Result<Store::Receipt> SqliteStore::commit(const Commit& commit) {
  if (fatal_) return fail(*fatal_);
  if (commit.record.seq != last_seq_ + 1)
    return fail(ErrorKind::invalid, "record " + std::to_string(commit.record.seq) +
                                        " does not follow record " + std::to_string(last_seq_));
  Pending pending(commit);
  pending.tail = tail_;
  pending.letter_ids = letters_->ids();
  pending.removed = removed_;
  pending.oldest = stats_.oldest;
  pending.gaps = gaps_;
  encode(pending);
  announce_gaps(pending);
  limit_results(pending);
  if (auto planned = plan_coarsening(pending); !planned) return fail(failed(planned.error()));

  // The same again for what may be evicted in its place, and a page for each row that is deleted.
  std::uint64_t waiting = 0;
  for (const std::uint64_t n : tail_.waiting) waiting += n;
  const std::uint64_t repeats = commit.new_uuid ? waiting * 64 : 0;
  const std::uint64_t writes =
      2 * pending.cost + bounds_.removals * page_size + pending.coarsening.cost + repeats;
  if (auto room = make_wal_room(writes); !room) return fail(failed(room.error()));

  Transaction transaction(*database_);
  auto done = transaction.begin().and_then([&] { return apply(pending); }).and_then([&] {
    return transaction.commit();
  });
  if (!done) return fail(failed(done.error()));
  adopt(pending);
  move_wal();
  measure_files();
  return Receipt{.delta = std::move(pending.delta),
                 .journal_bytes = pending.journal_bytes,
                 .deleted = pending.deleted,
                 .more_to_delete = pending.more_to_delete,
                 .merged = !pending.coarsening.empty(),
                 .over_limit = pending.over_limit};
}

/// A result is live as long as its window ended not long ago, and while the live lane moves: what
/// waits there for long goes out first when the link is back, and new results beside the rest.
Lane SqliteStore::lane_of(const Output& output, const Moment& now) const {
  if (output.kind == OutputKind::alert || output.kind == OutputKind::gap) return Lane::alerts;
  if (output.kind == OutputKind::late || output.kind == OutputKind::quarantined) return Lane::late;
  const auto live = index(Lane::live);
  const bool stalled =
      stats_.waiting[live] > 0 && now.wall - stats_.oldest[live] > options_.backlog_after;
  const bool old = now.wall - output.window.end > options_.backlog_after;
  return stalled || old ? Lane::backlog : Lane::live;
}

void SqliteStore::encode(Pending& pending) const {
  pending.letters = pending.commit.dead_letters;
  for (const Output& output : pending.commit.outputs) {
    pending.delta.add(Counter::results_produced, kind_name(output.kind), 1);
    const Lane lane = lane_of(output, pending.commit.record.now);
    Entry& entry = pending.entries.emplace_back(Entry{lane, &output, begin_row()});
    write_inserted(pending.commit.record.now.wall, entry.body);
    write_output(output, entry.body);
  }
  const std::size_t most = letters_->limit() == 0 ? 0 : DeadLetters::per_commit;
  if (pending.letters.size() > most) {
    pending.delta.add(Counter::dead_letters_dropped, pending.letters.size() - most);
    pending.letters.resize(most);
  }
}

/// Results arrive at the peer again, or there are none: it is told what will never come.
void SqliteStore::announce_gaps(Pending& pending) const {
  const Moment& now = pending.commit.record.now;
  std::uint64_t waiting = 0;
  for (const std::uint64_t n : tail_.waiting) waiting += n;
  if (waiting > 0 && pending.commit.delivered == heard_) return;
  for (auto gap = pending.gaps.begin(); gap != pending.gaps.end();) {
    if (now.elapsed - gap->second.since < announcement_spacing) {
      ++gap;
      continue;
    }
    Entry& entry = pending.entries.emplace_back(Entry{Lane::alerts, nullptr, begin_row()});
    write_inserted(now.wall, entry.body);
    write_output(announce_gap(*gap, options_.gap_topic, now), entry.body);
    pending.delta.add(Counter::results_produced, kind_name(OutputKind::gap), 1);
    gap = pending.gaps.erase(gap);
    pending.gaps_changed = true;
  }
}

void SqliteStore::limit_results(Pending& pending) const {
  const JournalRecord& record = pending.commit.record;
  const std::uint64_t record_cost =
      row_cost(12 * record.readings.size() + record.dictionary.size());
  for (const Entry& entry : pending.entries) pending.cost += entry.cost();
  for (const Lane lane : eviction_order) {
    for (Entry& entry : pending.entries) {
      if (pending.cost <= bounds_.results) break;
      if (entry.lane == lane) leave_out(entry, pending);
    }
  }
  pending.cost += record_cost;
  for (const DeadLetter& letter : pending.letters) pending.cost += row_cost(letter.payload.size());
}

void SqliteStore::leave_out(Entry& entry, Pending& pending) {
  if (!entry.kept) return;
  entry.kept = false;
  pending.cost -= entry.cost();
}

Result<void> SqliteStore::apply(Pending& pending) {
  return remove_delivered(pending)
      .and_then([&] { return give_up_repeats(pending); })
      .and_then([&] { return coarsen(pending); })
      .and_then([&] { return make_room(pending); })
      .and_then([&] { return insert_results(pending); })
      .and_then([&] { return miss_rows(pending); })
      .and_then([&] { return insert_letters(pending); })
      .and_then([&] { return write_gaps(pending); })
      .and_then([&] { return insert_record(pending); })
      .and_then([&] { return change_uuid(pending); })
      .and_then([&] { return find_oldest(pending); });
}

Result<void> SqliteStore::remove_delivered(Pending& pending) {
  Tail& tail = pending.tail;
  std::uint64_t left = bounds_.removals;
  for (const Lane lane : eviction_order) {
    const auto i = index(lane);
    const std::uint64_t upto = pending.commit.delivered.delivered[i];
    // The peer knows more than we do: the database is an older copy of itself. Stay behind it.
    tail.next_seq = std::max(tail.next_seq, upto + 1);
    if (upto <= pending.removed[i]) continue;
    if (left == 0) pending.more_to_delete = true;
    if (left == 0) continue;
    // Each row deleted may cost its page in the log. What is too much is left to later commits.
    const auto nth = outbox_->seq_at(lane, left);
    if (!nth) return fail(nth.error());
    const bool all = *nth == 0 || *nth > upto;
    const std::uint64_t last = all ? upto : *nth;
    // By what was inserted, not by what a page shows, which may be damaged.
    const auto rows =
        all && newest_[i] <= upto ? outbox_->remove_all(lane) : outbox_->remove_up_to(lane, last);
    if (!rows) return fail(rows.error());
    left -= std::min(left, *rows);
    pending.removed[i] = last;
    pending.more_to_delete = pending.more_to_delete || !all;
    pending.deleted = pending.deleted || *rows > 0;
    pending.changed[i] = pending.changed[i] || *rows > 0;
    pending.delta.add(Counter::results_delivered, lane_name(lane), pending.leave(lane, *rows));
  }
  for (const Drop& drop : pending.commit.drops) {
    const auto known = outbox_->read(drop.lane, drop.seq);
    if (!known) return fail(known.error());
    const auto rows = outbox_->remove(drop.lane, drop.seq);
    if (!rows) return fail(rows.error());
    const auto i = index(drop.lane);
    pending.deleted = pending.deleted || *rows > 0;
    pending.changed[i] = pending.changed[i] || *rows > 0;
    pending.delta.add(Counter::results_evicted, drop.reason, pending.leave(drop.lane, *rows));
    if (*rows > 0)
      pending.give_up(drop.lane, drop.reason,
                      gap_of(drop.seq, *known ? &(*known)->output : nullptr));
  }
  return {};
}

/// An older copy of the database made them, from windows that the peer may know already.
Result<void> SqliteStore::give_up_repeats(Pending& pending) {
  const auto& begin = pending.commit.record.begin_anew;
  if (!pending.commit.new_uuid || !begin) return {};
  for (const Lane lane : {Lane::alerts, Lane::live, Lane::backlog}) {
    std::vector<std::uint64_t> seqs;
    auto scanned = outbox_->scan(
        lane, pending.commit.fork, [&](std::uint64_t seq, const OutboxEntry* entry, std::size_t) {
          if (entry == nullptr || entry->output.kind == OutputKind::gap ||
              entry->output.window.start >= *begin)
            return true;
          seqs.push_back(seq);
          pending.give_up(lane, "history_lost", gap_of(seq, &entry->output));
          return true;
        });
    if (!scanned) return scanned;
    for (const std::uint64_t seq : seqs) {
      if (auto removed = outbox_->remove(lane, seq); !removed) return fail(removed.error());
    }
    pending.changed[index(lane)] = pending.changed[index(lane)] || !seqs.empty();
    pending.delta.add(Counter::results_evicted, "history_lost", pending.leave(lane, seqs.size()));
  }
  return {};
}

Result<void> SqliteStore::insert_results(Pending& pending) {
  for (Entry& entry : pending.entries) {
    if (!entry.kept) {
      pending.over_limit = true;
      pending.delta.add(Counter::results_evicted, store_full, 1);
      if (entry.output != nullptr) pending.give_up(entry.lane, store_full, gap_of(0, entry.output));
      continue;
    }
    const std::uint64_t seq = pending.tail.next_seq++;
    seal_row(entry.body, outbox_row(entry.lane), seq);
    if (auto inserted = outbox_->insert(entry.lane, seq, entry.body); !inserted) return inserted;
    const auto i = index(entry.lane);
    newest_[i] = seq;
    pending.changed[i] = pending.changed[i] || pending.tail.waiting[i] == 0;
    ++pending.tail.waiting[i];
  }
  return {};
}

/// The first entry of a lane, 0 if there is none. What was delivered is deleted; but on a torn page
/// a row may stand where its number does not belong, and no look-up finds it there, neither to read
/// nor to delete it, before those around it are gone. One after the other comes to light here.
Result<std::uint64_t> SqliteStore::first_left(Lane lane, std::uint64_t removed) {
  for (;;) {
    auto first = outbox_->seq_at(lane, 1);
    if (!first || *first == 0 || *first > removed) return first;
    const auto rows = outbox_->remove_up_to(lane, removed);
    if (!rows) return fail(rows.error());
    if (*rows == 0) return first;
  }
}

/// A lane that is empty while entries of it are said to wait: damage has taken them.
Result<void> SqliteStore::miss_rows(Pending& pending) {
  for (const Lane lane : eviction_order) {
    std::uint64_t& waiting = pending.tail.waiting[index(lane)];
    if (!pending.changed[index(lane)] || waiting == 0) continue;
    const auto first = first_left(lane, pending.removed[index(lane)]);
    if (!first) return fail(first.error());
    if (*first != 0) continue;
    pending.delta.add(Counter::results_evicted, "damaged", waiting);
    Gap gap;
    gap.results = waiting;
    pending.give_up(lane, "damaged", gap);
    waiting = 0;
  }
  return {};
}

Result<void> SqliteStore::insert_letters(Pending& pending) {
  for (const DeadLetter& letter : pending.letters)
    if (auto inserted = letters_->insert(letter, pending.letter_ids); !inserted) return inserted;
  return {};
}

Result<void> SqliteStore::write_gaps(const Pending& pending) {
  return pending.gaps_changed ? gap_table_->write(pending.gaps) : Result<void>{};
}

Result<void> SqliteStore::insert_record(Pending& pending) {
  std::string body;
  write_tail(pending.tail, body);
  const std::size_t begin = body.size();
  write_record(pending.commit.record, pending.delta, body);
  pending.journal_bytes = body.size() - begin;
  return journal_->append(pending.commit.record.seq, body);
}

Result<void> SqliteStore::change_uuid(const Pending& pending) {
  if (!pending.commit.new_uuid) return {};
  return database_->execute("UPDATE meta SET value = '" + make_uuid() + "' WHERE key = 'uuid'");
}

Result<void> SqliteStore::find_oldest(Pending& pending) {
  for (const Lane lane : eviction_order) {
    if (!pending.changed[index(lane)]) continue;
    const auto oldest = outbox_->oldest(lane);
    if (!oldest) return fail(oldest.error());
    pending.oldest[index(lane)] = *oldest;
  }
  return {};
}

void SqliteStore::adopt(const Pending& pending) {
  journal_->confirm();
  tail_ = pending.tail;
  last_seq_ = pending.commit.record.seq;
  removed_ = pending.removed;
  letters_->committed(pending.letter_ids);
  gaps_ = pending.gaps;
  heard_ = pending.commit.delivered;
  if (pending.coarsening.rows > 0) coarsened_up_to_ = pending.coarsening.last;
  coarsened_ = coarsened_ || !pending.coarsening.empty();
  stats_.waiting = tail_.waiting;
  stats_.oldest = pending.oldest;
  stats_.dead_letters = pending.letter_ids.rows();
  stats_.journal_bytes += pending.journal_bytes;
  ++stats_.journal_records;
  ++stats_.commits;
}

}  // namespace weir
