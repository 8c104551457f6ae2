// What a commit does when max_size is near: merge, then evict. README.md has the steps.

#include <algorithm>
#include <utility>

#include "store/row.hpp"
#include "store/store_impl.hpp"

namespace weir {

namespace {

constexpr std::uint64_t rows_evicted_at_once = 64;

}  // namespace

bool SqliteStore::near_limit(std::uint64_t used, const Pending& pending,
                             std::uint64_t margin) const {
  const std::uint64_t reserve = bounds_.reserve + state_size_ / page_size;
  return used + reserve + margin + pending.cost / page_size > bounds_.pages;
}

/// One stretch of the backlog a commit, oldest first. A sweep that merged something is followed by
/// another, into windows that are coarser still; one that did not waits until an eighth is new.
Result<void> SqliteStore::plan_coarsening(Pending& pending) {
  const std::uint64_t waiting = tail_.waiting[index(Lane::backlog)];
  if (waiting <= outbox_in_flight || tail_.next_seq < coarsen_from_seq_) return {};
  const auto used = used_pages();
  if (!used) return fail(used.error());
  if (!near_limit(*used, pending, bounds_.coarsen_margin)) return {};

  const auto in_flight = outbox_->seq_at(Lane::backlog, outbox_in_flight);
  if (!in_flight) return fail(in_flight.error());
  const std::uint64_t after = std::max(*in_flight, coarsened_up_to_);
  CoarseningLimits limits;
  limits.bytes = bounds_.results;
  limits.before = pending.commit.record.now.wall - options_.backlog_after;
  auto planned = coarsen_backlog(*outbox_, after, limits);
  if (!planned) return fail(planned.error());
  if (planned->rows == 0) {
    coarsened_up_to_ = 0;
    if (!std::exchange(coarsened_, false)) coarsen_from_seq_ = tail_.next_seq + waiting / 8;
    return {};
  }
  if (!planned->worthwhile()) planned->leave();
  pending.coarsening = std::move(*planned);
  return {};
}

Result<void> SqliteStore::coarsen(Pending& pending) {
  Coarsening& plan = pending.coarsening;
  if (plan.empty()) return {};
  constexpr Lane lane = Lane::backlog;
  // In the order of the table, and what is merged before what it is merged into.
  for (const auto* seqs : {&plan.removed, &plan.superseded}) {
    for (const std::uint64_t seq : *seqs) {
      if (auto removed = outbox_->remove(lane, seq); !removed) return fail(removed.error());
    }
  }
  for (auto& [seq, body] : plan.replaced) {
    seal_row(body, outbox_row(lane), seq);
    if (auto replaced = outbox_->replace(lane, seq, body); !replaced) return replaced;
  }
  pending.changed[index(lane)] = true;
  pending.tail.waiting[index(lane)] -= plan.removed.size() + plan.superseded.size();
  pending.delta.add(Counter::results_evicted, "superseded", plan.superseded.size());
  pending.delta.add(Counter::results_evicted, "merged", plan.removed.size());
  if (plan.removed.empty()) return {};
  pending.give_up(lane, "merged",
                  Gap{.first_seq = plan.removed.front(),
                      .last_seq = plan.removed.back(),
                      .results = plan.removed.size(),
                      .windows = plan.windows});
  return {};
}

/// Removes the oldest entries of the lane, at most `rows`.
Result<void> SqliteStore::evict(Lane lane, std::uint64_t rows, Pending& pending) {
  const auto i = index(lane);
  const auto nth = outbox_->seq_at(lane, rows);
  if (!nth) return fail(nth.error());
  // The oldest may be delivered ones whose turn to be deleted has not come yet.
  const std::uint64_t upto = pending.commit.delivered.delivered[i];
  const bool delivered = upto > pending.removed[i];
  const std::uint64_t last = delivered ? std::min(*nth, upto) : *nth;
  if (!delivered) {
    auto noted =
        outbox_->scan(lane, 0, [&](std::uint64_t seq, const OutboxEntry* entry, std::size_t) {
          if (seq > last) return false;
          pending.give_up(lane, store_full,
                          gap_of(seq, entry != nullptr ? &entry->output : nullptr));
          return true;
        });
    if (!noted) return noted;
  }
  const auto removed = outbox_->remove_up_to(lane, last);
  if (!removed) return fail(removed.error());
  pending.changed[i] = true;
  const std::uint64_t counted = pending.leave(lane, *removed);
  if (delivered) {
    pending.removed[i] = last;
    pending.delta.add(Counter::results_delivered, lane_name(lane), counted);
    return {};
  }
  if (*removed == 0) return fail(ErrorKind::corrupt, "the outbox holds less than was counted");
  pending.over_limit = true;
  pending.delta.add(Counter::results_evicted, store_full, counted);
  return {};
}

// Lane by lane, the least important first: its waiting entries go, oldest first, then those that
// would join it. So a rollup never takes the place of an alert.
Result<void> SqliteStore::make_room(Pending& pending) {
  auto used = used_pages();
  for (const Lane lane : eviction_order) {
    const std::uint64_t& waiting = pending.tail.waiting[index(lane)];
    while (used && near_limit(*used, pending, 0) && waiting > 0) {
      auto evicted = evict(lane, std::min(waiting, rows_evicted_at_once), pending);
      if (!evicted) return evicted;
      used = used_pages();
    }
    if (!used) return fail(used.error());
    for (Entry& entry : pending.entries) {
      if (!near_limit(*used, pending, 0)) return {};
      if (entry.lane == lane) leave_out(entry, pending);
    }
  }
  return {};
}

}  // namespace weir
