#include <algorithm>

#include "store/row.hpp"
#include "store/store_impl.hpp"

namespace weir {

namespace {

Lane lane_of(OutputKind kind) {
  switch (kind) {
    case OutputKind::alert:
      return Lane::alerts;
    case OutputKind::late:
      return Lane::late;
    default:
      return Lane::live;
  }
}

constexpr std::uint64_t rows_evicted_at_once = 64;
constexpr std::string_view store_full = "store_full";

}  // namespace

SqliteStore::Pending::Pending(const Commit& from) : commit(from), delta(from.record.delta) {}

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
  encode(pending);
  limit_results(pending);

  // The same again for what may be evicted in its place, and a page for each row that is deleted.
  if (auto room = make_wal_room(2 * pending.cost + bounds_.removals * page_size); !room)
    return fail(failed(room.error()));

  Transaction transaction(*database_);
  auto done = transaction.begin().and_then([&] { return apply(pending); }).and_then([&] {
    return transaction.commit();
  });
  if (!done) return fail(failed(done.error()));
  adopt(pending);
  move_wal();
  measure_files();
  return Receipt{std::move(pending.delta), pending.journal_bytes, pending.over_limit};
}

void SqliteStore::encode(Pending& pending) const {
  pending.letters = pending.commit.dead_letters;
  for (const Output& output : pending.commit.outputs) {
    if (output.kind == OutputKind::quarantined) {
      pending.letters.push_back(quarantined_letter(output));
      continue;
    }
    pending.delta.add(Counter::results_produced, kind_name(output.kind), 1);
    Entry& entry = pending.entries.emplace_back(Entry{lane_of(output.kind), begin_row()});
    write_inserted(pending.commit.record.now.wall, entry.body);
    write_output(output, entry.body);
  }
  const std::size_t most = letters_->limit() == 0 ? 0 : DeadLetters::per_commit;
  if (pending.letters.size() > most) {
    pending.delta.add(Counter::dead_letters_dropped, pending.letters.size() - most);
    pending.letters.resize(most);
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
      .and_then([&] { return make_room(pending); })
      .and_then([&] { return insert_results(pending); })
      .and_then([&] { return insert_letters(pending); })
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
    if (upto <= pending.removed[i] || left == 0) continue;
    // Each row deleted may cost its page in the log. What is too much is left to later commits.
    const auto nth = outbox_->seq_at(lane, left);
    if (!nth) return fail(nth.error());
    const bool all = *nth == 0 || *nth > upto;
    const std::uint64_t last = all ? upto : *nth;
    const auto rows = outbox_->remove_up_to(lane, last);
    if (!rows) return fail(rows.error());
    left -= std::min(left, *rows);
    pending.removed[i] = last;
    pending.changed[i] = pending.changed[i] || *rows > 0;
    tail.waiting[i] -= std::min(tail.waiting[i], *rows);
    pending.delta.add(Counter::results_delivered, lane_name(lane), *rows);
  }
  for (const Drop& drop : pending.commit.drops) {
    const auto rows = outbox_->remove(drop.lane, drop.seq);
    if (!rows) return fail(rows.error());
    const auto i = index(drop.lane);
    pending.changed[i] = pending.changed[i] || *rows > 0;
    tail.waiting[i] -= std::min(tail.waiting[i], *rows);
    pending.delta.add(Counter::results_evicted, drop.reason, *rows);
  }
  return {};
}

Result<void> SqliteStore::evict(Lane lane, std::uint64_t rows, Pending& pending) {
  const auto i = index(lane);
  const auto nth = outbox_->seq_at(lane, rows);
  if (!nth) return fail(nth.error());
  // The oldest may be delivered ones whose turn to be deleted has not come yet.
  const std::uint64_t upto = pending.commit.delivered.delivered[i];
  const bool delivered = upto > pending.removed[i];
  const std::uint64_t last = delivered ? std::min(*nth, upto) : *nth;
  const auto removed = outbox_->remove_up_to(lane, last);
  if (!removed) return fail(removed.error());
  pending.changed[i] = true;
  pending.tail.waiting[i] -= std::min(pending.tail.waiting[i], *removed);
  if (delivered) {
    pending.removed[i] = last;
    pending.delta.add(Counter::results_delivered, lane_name(lane), *removed);
    return {};
  }
  if (*removed == 0) return fail(ErrorKind::corrupt, "the outbox holds less than was counted");
  pending.over_limit = true;
  pending.delta.add(Counter::results_evicted, store_full, *removed);
  return {};
}

// Lane by lane, the least important first: its waiting entries go, oldest first, then those that
// would join it. So a rollup never takes the place of an alert.
Result<void> SqliteStore::make_room(Pending& pending) {
  const std::uint64_t reserve = bounds_.reserve + state_size_ / page_size;
  auto used = used_pages();
  const auto short_of_room = [&] {
    return *used + reserve + pending.cost / page_size > bounds_.pages;
  };
  for (const Lane lane : eviction_order) {
    const std::uint64_t& waiting = pending.tail.waiting[index(lane)];
    while (used && short_of_room() && waiting > 0) {
      auto evicted = evict(lane, std::min(waiting, rows_evicted_at_once), pending);
      if (!evicted) return evicted;
      used = used_pages();
    }
    if (!used) return fail(used.error());
    for (Entry& entry : pending.entries) {
      if (!short_of_room()) return {};
      if (entry.lane == lane) leave_out(entry, pending);
    }
  }
  return {};
}

Result<void> SqliteStore::insert_results(Pending& pending) {
  for (Entry& entry : pending.entries) {
    if (!entry.kept) {
      pending.over_limit = true;
      pending.delta.add(Counter::results_evicted, store_full, 1);
      continue;
    }
    const std::uint64_t seq = pending.tail.next_seq++;
    seal_row(entry.body, outbox_row(entry.lane), seq);
    if (auto inserted = outbox_->insert(entry.lane, seq, entry.body); !inserted) return inserted;
    const auto i = index(entry.lane);
    pending.changed[i] = pending.changed[i] || pending.tail.waiting[i] == 0;
    ++pending.tail.waiting[i];
  }
  return {};
}

Result<void> SqliteStore::insert_letters(Pending& pending) {
  for (const DeadLetter& letter : pending.letters)
    if (auto inserted = letters_->insert(letter, pending.letter_ids); !inserted) return inserted;
  return {};
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
  stats_.waiting = tail_.waiting;
  stats_.oldest = pending.oldest;
  stats_.dead_letters = pending.letter_ids.rows();
  stats_.journal_bytes += pending.journal_bytes;
  ++stats_.journal_records;
  ++stats_.commits;
}

}  // namespace weir
