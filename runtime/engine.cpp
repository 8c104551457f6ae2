#include "runtime/engine.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/ledger_counts.hpp"
#include "runtime/log.hpp"

namespace weir {

namespace {

constexpr Duration retry_pause_min = std::chrono::milliseconds(100);
constexpr Duration retry_pause_max = std::chrono::seconds(5);
constexpr Duration feedback_delay = std::chrono::seconds(1);
/// A smaller disagreement between wall and monotonic clock is slewing, not a jump.
constexpr Duration jump_threshold = std::chrono::seconds(1);
/// What a commit holds in memory; more waits in the inbox for the next one. A result takes some
/// hundred times the memory of a reading, and how many there will be is known afterwards only.
constexpr std::size_t commit_readings_min = 256, commit_readings_max = 16'384;
constexpr std::size_t commit_results = 4'096;
/// A thousand devices that fall silent one by one must not cost a sync each.
constexpr Duration tick_spacing = std::chrono::seconds(1);

}  // namespace

Engine::Engine(EngineOptions options, EngineParts parts)
    : options_(std::move(options)), parts_(parts), pace_(options_.commit_interval) {
  started_ = parts_.clock.now();
}

Moment Engine::now() const {
  Moment moment = parts_.clock.now();
  moment.elapsed = std::max(moment.elapsed + elapsed_offset_, last_.elapsed);
  return moment;
}

/// A step of the wall clock shows as a disagreement with the monotonic one.
void Engine::note_clock(const Moment& moment) {
  const Duration wall = moment.wall - observed_.wall;
  const Duration elapsed = moment.elapsed - observed_.elapsed;
  if (std::chrono::abs(wall - elapsed) > jump_threshold) {
    log_warning("the wall clock jumped " + std::string(wall > elapsed ? "ahead by " : "back by ") +
                format_duration(std::chrono::abs(wall - elapsed)));
    delta_.add(Counter::clock_jumps, 1);
  }
  observed_ = moment;
}

/// A record says it, also where that is what the pipeline does already, if no record did before.
bool Engine::configuration_is_news() const {
  if (options_.configuration.empty()) return false;
  return parts_.store.last_journal_seq() == 0 ||
         parts_.pipeline.configuration() != options_.configuration;
}

void Engine::configure(std::string configuration) {
  options_.configuration = std::move(configuration);
  configuration_due_ = configuration_is_news();
}

void Engine::reconfigure(const std::string& configuration, Outputs& out) {
  const auto ended = parts_.pipeline.reconfigure(configuration, out);
  if (!ended) return log_error("the configuration can't be changed: " + ended.error().message);
  if (replaying_) return;  // it was logged when it happened
  for (const std::string& name : *ended) {
    log_info(name + " is gone or defined otherwise now; its windows were emitted as they stood");
  }
}

void Engine::fold(const JournalRecord& record, Outputs& out) {
  if (record.configuration) reconfigure(*record.configuration, out);
  if (record.begin_anew) parts_.pipeline.begin_anew(*record.begin_anew);
  if (!record.readings.empty()) parts_.pipeline.process(record.readings, record.now, out);
  parts_.pipeline.tick(record.now, out);
}

Duration Engine::wait_for(const Moment& now, Duration max_wait) const {
  Duration until = now.elapsed + max_wait;
  if (commit_) until = std::min(until, retry_at_);
  if (sync_at_) until = std::min(until, *sync_at_);
  if (!commit_) {
    if (configuration_due_ || commit_full(0)) until = now.elapsed;
    if (const auto due = pace_.due()) until = std::min(until, *due);
    if (const auto tick = tick_due()) until = std::min(until, *tick);
    if (feedback_since_) until = std::min(until, *feedback_since_ + feedback_delay);
  }
  return std::max(until - now.elapsed, Duration(0));
}

Result<void> Engine::step(Duration max_wait) {
  const Duration wait = wait_for(now(), max_wait);
  if (commit_) {
    // Ingest stands still until the store takes what it was given.
    parts_.inbox.wait(wait);
  } else if (!commit_full(0) && parts_.inbox.pop(batches_, wait)) {
    ingest_waiting();
  }
  const Moment moment = now();
  take_feedback(moment);
  if (feedback_.damaged)
    return fail(ErrorKind::fatal, "the outbox can't be read: the database is damaged");
  Result<void> done;
  if (commit_) {
    if (moment.elapsed >= retry_at_) done = try_commit(moment);
  } else if (commit_due(moment)) {
    prepare_commit(moment);
    done = try_commit(moment);
  }
  if (done) done = sync_if_due(moment);
  parts_.board.progressed();
  post_snapshot(moment, false);
  return done;
}

Result<void> Engine::sync_if_due(const Moment& moment) {
  if (!sync_at_ || *sync_at_ > moment.elapsed) return {};
  sync_at_.reset();
  return parts_.store.sync();
}

std::uint64_t Engine::ingest_waiting() {
  const Moment moment = now();
  std::uint64_t messages = 0;
  do {
    for (const Batch& batch : batches_) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const Batch::Message message = batch[i];
        take(message, moment);
        if (message.ack.packet_id != 0) acks_.push_back(message.ack);
      }
      messages += batch.size();
    }
    batches_.clear();
  } while (!commit_full(messages) && parts_.inbox.pop(batches_, Duration(0)));
  pace_.arrived(moment.elapsed, messages);
  return messages;
}

bool Engine::commit_full(std::uint64_t messages) const {
  return readings_.size() >= commit_readings_ ||
         pace_.waiting() + messages >= CommitPace::max_messages;
}

void Engine::take(const Batch::Message& message, const Moment& moment) {
  if (redeliveries_.repeats(message)) return counts_.refuse(Refusal::redelivered);
  const auto taken = parts_.ingest.take(message, moment.synchronised, readings_, counts_);
  if (taken.keep_sample()) keep_sample(message, taken);
}

void Engine::take_feedback(const Moment& moment) {
  Uplink::Feedback feedback = parts_.uplink.take_feedback();
  const bool news = feedback.delivered != feedback_.delivered || !feedback.drops.empty() ||
                    feedback.forgotten || feedback.position_lost;
  if (feedback.position_lost) delta_.add(Counter::position_lost, 1);
  if (feedback.forgotten) feedback_.fork = feedback.fork;
  feedback_.forgotten = feedback_.forgotten || feedback.forgotten;
  feedback_.damaged = feedback_.damaged || feedback.damaged;
  feedback_.delivered = feedback.delivered;
  std::move(feedback.drops.begin(), feedback.drops.end(), std::back_inserter(feedback_.drops));
  std::move(feedback.dead_letters.begin(), feedback.dead_letters.end(),
            std::back_inserter(feedback_.dead_letters));
  if (news && !feedback_since_) feedback_since_ = moment.elapsed;
  if (feedback.held_up) feedback_since_ = moment.elapsed - feedback_delay;
}

bool Engine::commit_due(const Moment& moment) const {
  const auto reached = [&](const std::optional<Duration>& at) {
    return at && *at <= moment.elapsed;
  };
  return configuration_due_ || commit_full(0) || reached(pace_.due()) || reached(tick_due()) ||
         (feedback_since_ && reached(*feedback_since_ + feedback_delay));
}

std::optional<Duration> Engine::tick_due() const {
  const auto tick = parts_.pipeline.next_tick();
  if (!tick) return std::nullopt;
  return std::max(*tick, last_.elapsed + tick_spacing);
}

void Engine::prepare_commit(const Moment& moment) {
  note_clock(moment);
  pace_.closing(moment.elapsed);
  commit_ = std::make_unique<Store::Commit>();
  JournalRecord& record = commit_->record;
  record.seq = parts_.store.last_journal_seq() + 1;
  record.now = moment;
  commit_mark_ = parts_.table.mark();
  if (commit_mark_ != journaled_mark_) {
    ByteWriter out(record.dictionary);
    parts_.table.write_since(journaled_mark_, out);
  }
  record.readings = std::move(readings_);
  readings_.clear();
  readings_.reserve(record.readings.size());
  if (std::exchange(configuration_due_, false)) record.configuration = options_.configuration;
  redeliveries_.take(record);
  record.delta = std::exchange(delta_, {});
  add_counts(std::exchange(counts_, {}), record.delta);

  commit_->new_uuid = std::exchange(feedback_.forgotten, false);
  if (commit_->new_uuid) {
    record.begin_anew = feedback_.delivered.newest;
    commit_->fork = feedback_.fork;
    record.delta.add(Counter::history_lost, 1);
    announce_gap("history_lost", moment);
  }
  fold(record, commit_->outputs);
  keep_quarantined(*commit_);
  commit_readings_ = commit_->outputs.size() > commit_results
                         ? std::max(commit_readings_ / 2, commit_readings_min)
                         : std::min(commit_readings_ * 2, commit_readings_max);
  std::move(announcements_.begin(), announcements_.end(), std::back_inserter(commit_->outputs));
  announcements_.clear();
  if (!record.readings.empty()) add_counts(parts_.pipeline.counts(), record.delta);
  add_counts(parts_.pipeline.take_forgotten(), record.delta);

  commit_->dead_letters = std::exchange(dead_letters_, {});
  std::move(feedback_.dead_letters.begin(), feedback_.dead_letters.end(),
            std::back_inserter(commit_->dead_letters));
  feedback_.dead_letters.clear();
  commit_->delivered = feedback_.delivered;
  commit_->drops = std::exchange(feedback_.drops, {});
  feedback_since_.reset();
  commit_acks_.swap(acks_);
  acks_.clear();
  retry_pause_ = retry_pause_min;
}

Result<void> Engine::try_commit(const Moment& moment) {
  auto receipt = parts_.store.commit(*commit_);
  const Moment after = now();
  if (!receipt) {
    if (receipt.error().kind == ErrorKind::fatal) return fail(receipt.error());
    if (store_error_.empty()) {
      log_error("can't commit: " + receipt.error().message +
                "; weir stops reading from the broker until this works again");
    }
    store_error_ = receipt.error().message;
    retry_at_ = after.elapsed + retry_pause_;
    retry_pause_ = std::min(retry_pause_ * 2, retry_pause_max);
    return {};
  }
  if (!store_error_.empty()) log_info("commits work again");
  store_error_.clear();
  commit_seconds_.add(after.elapsed - moment.elapsed);
  return committed(*receipt, after);
}

Result<void> Engine::committed(const Store::Receipt& receipt, const Moment& after) {
  ledger_.add(receipt.delta);
  last_ = commit_->record.now;
  journaled_mark_ = commit_mark_;
  over_limit_ = receipt.over_limit;
  merging_ = receipt.merged;
  const bool news = !commit_->outputs.empty() || receipt.deleted;
  // The record's buffer serves the next one.
  if (readings_.empty()) {
    readings_ = std::move(commit_->record.readings);
    readings_.clear();
  }
  if (commit_->new_uuid) {
    doubt_ = 0;
    log_error(
        "the cluster may have results of this gateway that this database does not know of: it is "
        "new, an older copy, or its disk lost what it had synced; weir begins anew and sends "
        "readings from before " +
        format_time(commit_->record.begin_anew.value_or(Timestamp{})) +
        " to late_topic, as the centre knows their windows already");
    restart_wanted_ = true;
  }
  commit_.reset();

  parts_.source.acknowledge(commit_acks_);
  pace_.committed(after.elapsed, commit_acks_.size());
  commit_acks_.clear();
  if (options_.sync_interval > Duration(0) && !sync_at_)
    sync_at_ = after.elapsed + options_.sync_interval;
  if (news) parts_.uplink.notify();
  if (receipt.more_to_delete) feedback_since_ = after.elapsed - feedback_delay;
  return parts_.store.checkpoint_due() ? write_checkpoint() : Result<void>{};
}

EngineState Engine::whole_state() {
  return {last_, parts_.table, ledger_, parts_.pipeline, redeliveries_, doubt_};
}

Result<void> Engine::write_checkpoint() {
  const std::string state = encode_state(whole_state());
  auto written = parts_.store.write_checkpoint(state);
  if (written || written.error().kind == ErrorKind::fatal) return written;
  // The journal still has everything: the next commit will ask for a checkpoint again.
  log_warning("can't write a checkpoint: " + written.error().message);
  return {};
}

Result<void> Engine::stop() {
  stopping_ = true;
  // The source reads on, for it is to acknowledge; what comes from now on stays with the broker.
  std::uint64_t waiting = parts_.inbox.depth().messages;
  do {
    if (!commit_) {
      if (parts_.inbox.pop(batches_, Duration(0))) waiting -= std::min(waiting, ingest_waiting());
      const Moment moment = now();
      take_feedback(moment);
      prepare_commit(moment);
    }
    if (auto done = try_commit(now()); !done) return done;
  } while (!commit_ && waiting > 0);
  post_snapshot(now(), true);
  if (commit_) {
    return fail(ErrorKind::unavailable,
                "the last messages could not be stored and stay with the broker: " + store_error_);
  }
  if (auto synced = parts_.store.sync(); !synced) return synced;
  return write_checkpoint();
}

}  // namespace weir
