#include "runtime/uplink.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "runtime/log.hpp"
#include "runtime/seeded_random.hpp"

namespace weir {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t at(Lane lane) {
  return static_cast<std::size_t>(lane);
}

/// Whether it is of a database that has delivered nothing.
bool is_new(const Position& position) {
  return position.delivered == Position{}.delivered;
}

enum class Round { idle, delivered, again, failed };

}  // namespace

struct Uplink::State {
  State(UplinkOptions given, OutboxReader& outbox_reader, Sink& target, std::function<void()> wake)
      : options(std::move(given)),
        reader(outbox_reader),
        sink(target),
        wake_engine(std::move(wake)),
        largest(std::max<std::size_t>(options.batch, 1)),
        limit(largest),
        random(seed_of(options.gateway + options.epoch)) {}

  const UplinkOptions options;
  OutboxReader& reader;
  Sink& sink;
  const std::function<void()> wake_engine;

  // Whoever runs the rounds: the thread, or the caller of step.
  struct Batch {
    std::vector<OutboxEntry> entries;
    Position behind;
    std::size_t bytes = 0;
  };
  bool open = false;
  Position delivered;  ///< confirmed, or found at the sink
  Position cursor;     ///< delivered or dropped: where reading begins
  Position sent;       ///< handed to the sink by this process, whatever became of it
  Past past;
  std::array<std::set<std::uint64_t>, lane_count> dropped;  ///< behind the cursor
  const std::size_t largest;                                ///< entries a publish
  std::size_t limit;                                        ///< the same now: halved by errors
  std::uint32_t failures = 0;                               ///< in a row
  SeededRandom random;

  std::mutex mutex;
  std::condition_variable changed;
  // Under the mutex.
  Feedback feedback;
  bool pending = true;  ///< there may be something to do
  Steady::time_point pending_since = Steady::now();
  bool stopping = false, publishing = false, running = false, forgotten = false;
  bool held_up = false;  ///< until the engine has deleted what was delivered
  std::thread thread;

  Round round(Duration timeout);
  bool open_session(Duration timeout);
  bool known(Position position);
  Result<Batch> gather();
  Result<std::size_t> read_lane(Lane lane, std::size_t entries, std::size_t bytes, Batch& batch);
  Result<std::size_t> unreadable(const Error& error);
  void pass(Lane lane, std::uint64_t seq);
  Round publish(const Batch& batch, Duration timeout);
  void refuse(const OutboxEntry& entry, const SinkRecord& record, const std::string& why);
  void drop(Lane lane, std::uint64_t seq, std::string reason);
  void advance(const Position& position);
  void report();
  template <class Change>
  void tell(Change change) {
    {
      const std::lock_guard lock(mutex);
      change();
    }
    report();
  }

  void run();
  bool await_work(std::unique_lock<std::mutex>& lock);
  bool alert_waits();
  Duration pause();
};

Uplink::Uplink(UplinkOptions options, OutboxReader& reader, Sink& sink,
               std::function<void()> wake_engine)
    : state_(std::make_unique<State>(std::move(options), reader, sink, std::move(wake_engine))) {}

Uplink::~Uplink() {
  stop(Duration(0));
}

void Uplink::set_past(const Past& past) {
  state_->past = past;
}

void Uplink::start() {
  state_->running = true;
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

void Uplink::stop(Duration timeout) {
  State& state = *state_;
  if (!state.thread.joinable()) return;
  {
    std::unique_lock lock(state.mutex);
    state.stopping = true;
    state.changed.notify_all();
    // A publish may still end well; finding or awaiting a session is of no use any more.
    if (state.publishing)
      state.changed.wait_for(lock, timeout, [&] { return !state.publishing || !state.running; });
  }
  state.sink.cancel();
  state.thread.join();
}

void Uplink::notify() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->pending) state_->pending_since = Steady::now();
  if (std::exchange(state_->held_up, false)) state_->pending_since = {};
  state_->pending = true;
  state_->changed.notify_all();
}

Uplink::Feedback Uplink::take_feedback() {
  const std::lock_guard lock(state_->mutex);
  Feedback taken = std::move(state_->feedback);
  state_->feedback = {};
  state_->feedback.delivered = taken.delivered;
  return taken;
}

bool Uplink::step(Duration timeout) {
  return state_->round(timeout) == Round::delivered;
}

Round Uplink::State::round(Duration timeout) {
  if (forgotten || (!open && !open_session(timeout))) return Round::failed;
  const Position before = cursor;
  auto batch = gather();
  if (!batch) return Round::failed;
  // Nothing but dropped entries: behind them there may be others.
  if (batch->entries.empty()) return cursor == before ? Round::idle : Round::again;
  return publish(*batch, timeout);
}

bool Uplink::State::open_session(Duration timeout) {
  const auto position = sink.open(timeout);
  if (!position) return false;
  open = true;
  if ((*position || past.doubt > 0) && !known(position->value_or(Position{}))) return false;
  if ((!*position || is_new(**position)) && sink.status().delivery == "exactly-once" &&
      std::exchange(past.confirmed, false)) {
    log_warning(
        "the cluster has lost the position of what it confirmed; was the position topic deleted? "
        "What was confirmed last, and is not known here to be, goes out again");
    const std::lock_guard lock(mutex);
    feedback.position_lost = true;
  }
  // What this process saw confirmed stays confirmed, even if the sink has forgotten it.
  if (*position) advance(**position);
  return true;
}

/// Whether the position can be of this database as it is: given out before this process, or by it;
/// and if there is none, whether this database knows what those before it told.
bool Uplink::State::known(Position position) {
  auto fork = options.issued.fork(position.delivered, sent.delivered);
  if (is_new(position) && is_new(delivered) && position.newest > past.told) fork = 0;
  if (past.doubt > 0) fork = std::min(fork.value_or(past.doubt), past.doubt);
  if (!fork) return true;
  // What waits is told, too.
  const auto newest = told_until(reader, *fork);
  if (!newest) return open = unreadable(newest.error()).has_value();
  position.newest = std::max(position.newest, *newest);
  // Of what was given out before, the peer has everything up to its position.
  for (std::uint64_t& seq : position.delivered) seq = std::min(seq, *fork);
  advance(position);
  open = false;
  tell([&] {
    forgotten = feedback.forgotten = true;
    feedback.fork = *fork;
  });
  return false;
}

/// Lanes in their order, but an eighth of the batch is kept for each later one, so that none waits
/// for ever; what the later ones leave goes to the earlier ones.
Result<Uplink::State::Batch> Uplink::State::gather() {
  Batch batch;
  batch.behind = cursor;
  const std::size_t byte_limit = std::max<std::size_t>(
      static_cast<std::size_t>(count(options.batch_bytes)) / largest * limit, 1);
  std::array<bool, lane_count> exhausted{};
  for (const bool reserve : {true, false}) {
    for (const Lane lane : lanes) {
      const std::size_t later = reserve ? lanes.size() - 1 - at(lane) : 0;
      const std::size_t entries = limit - later * (limit / 8);
      const std::size_t bytes = byte_limit - later * (byte_limit / 8);
      if (exhausted[at(lane)] || batch.entries.size() >= entries || batch.bytes >= bytes) continue;
      const auto found =
          read_lane(lane, entries - batch.entries.size(), bytes - batch.bytes, batch);
      if (!found) return fail(found.error());
      exhausted[at(lane)] = *found == 0;
    }
  }
  return batch;
}

/// Returns how many entries were found, dropped ones included.
Result<std::size_t> Uplink::State::read_lane(Lane lane, std::size_t entries, std::size_t bytes,
                                             Batch& batch) {
  std::vector<std::uint64_t> damaged;
  std::uint64_t& behind = batch.behind.delivered[at(lane)];
  // No further than the store leaves the lane's front as it is.
  const auto kept = reader.entries_up_to(lane, behind, outbox_in_flight);
  if (!kept) return fail(kept.error());
  entries = std::min(entries, outbox_in_flight - *kept);
  if (entries == 0) {
    tell([&] { held_up = feedback.held_up = true; });
    return std::size_t{0};
  }
  auto found = reader.read(lane, behind, entries, Bytes{bytes}, damaged);
  if (!found) return unreadable(found.error());
  for (const std::uint64_t seq : damaged) {
    behind = std::max(behind, seq);
    if (!dropped[at(lane)].contains(seq)) drop(lane, seq, "damaged");
  }
  const std::size_t before = batch.entries.size();
  for (OutboxEntry& entry : *found) {
    behind = std::max(behind, entry.seq);
    if (dropped[at(lane)].contains(entry.seq)) continue;
    batch.bytes += record_bytes(entry.output);
    batch.behind.newest = std::max(batch.behind.newest, told_until(entry.output));
    batch.entries.push_back(std::move(entry));
  }
  // Dropped entries that stand alone are passed for good, so that they are not remembered for ever.
  if (before == 0 && batch.entries.empty()) pass(lane, behind);
  return found->size() + damaged.size();
}

Result<std::size_t> Uplink::State::unreadable(const Error& error) {
  log_warning("the outbox can't be read: " + error.message);
  if (error.kind == ErrorKind::corrupt) tell([&] { feedback.damaged = true; });
  return fail(error);
}

void Uplink::State::pass(Lane lane, std::uint64_t seq) {
  std::uint64_t& here = cursor.delivered[at(lane)];
  here = std::max(here, seq);
  std::set<std::uint64_t>& behind = dropped[at(lane)];
  behind.erase(behind.begin(), behind.upper_bound(here));
}

Round Uplink::State::publish(const Batch& batch, Duration timeout) {
  std::vector<SinkRecord> records;
  records.reserve(batch.entries.size());
  for (const OutboxEntry& entry : batch.entries)
    records.push_back(make_record(entry, options.gateway, options.epoch));

  {
    const std::lock_guard lock(mutex);
    publishing = true;
  }
  for (std::size_t i = 0; i < lane_count; ++i)
    sent.delivered[i] = std::max(sent.delivered[i], batch.behind.delivered[i]);
  const auto done = sink.publish(records, batch.behind, timeout);
  {
    const std::lock_guard lock(mutex);
    publishing = false;
    changed.notify_all();
  }
  if (done) {
    advance(batch.behind);
    limit = std::min(limit * 2, largest);
    past.confirmed = sink.status().delivery == "exactly-once";
    return Round::delivered;
  }
  open = false;
  const std::size_t refused = sink.rejected();
  if (done.error().kind == ErrorKind::invalid && refused < records.size()) {
    refuse(batch.entries[refused], records[refused], done.error().message);
    return Round::again;
  }
  // Smaller batches find the record that is refused, and pass a link that is too slow for large
  // ones.
  limit = std::max<std::size_t>(std::min(limit, records.size()) / 2, 1);
  return done.error().kind == ErrorKind::full && records.size() > 1 ? Round::again : Round::failed;
}

void Uplink::State::refuse(const OutboxEntry& entry, const SinkRecord& record,
                           const std::string& why) {
  DeadLetter letter;
  letter.time = entry.output.window.end;
  letter.source = entry.output.name;
  letter.topic = record.topic;
  letter.reason = "refused_by_peer";
  letter.message = why;
  letter.payload = record.value;
  letter.payload_size = record.value.size();
  {
    const std::lock_guard lock(mutex);
    feedback.dead_letters.push_back(std::move(letter));
  }
  log_warning("a result was refused for good and goes to the dead letters: " + why);
  drop(entry.lane, entry.seq, "refused_by_peer");
}

void Uplink::State::drop(Lane lane, std::uint64_t seq, std::string reason) {
  dropped[at(lane)].insert(seq);
  tell([&] { feedback.drops.push_back({lane, seq, std::move(reason)}); });
}

void Uplink::State::advance(const Position& position) {
  for (std::size_t i = 0; i < lane_count; ++i) {
    delivered.delivered[i] = std::max(delivered.delivered[i], position.delivered[i]);
    pass(static_cast<Lane>(i), delivered.delivered[i]);
  }
  delivered.newest = cursor.newest = std::max(delivered.newest, position.newest);
  {
    const std::lock_guard lock(mutex);
    if (feedback.delivered == delivered) return;
    feedback.delivered = delivered;
  }
  report();
}

void Uplink::State::report() {
  if (wake_engine) wake_engine();
}

void Uplink::State::run() {
  std::unique_lock lock(mutex);
  while (await_work(lock)) {
    pending = false;  // before the round: what is committed during it is looked for again
    lock.unlock();
    const Round result = round(options.publish_timeout);
    if (result != Round::failed) failures = 0;
    lock.lock();
    if (result == Round::delivered || result == Round::again) pending = true;
    if (result != Round::failed) continue;
    pending = true;
    changed.wait_for(lock, pause(), [&] { return stopping; });
  }
  running = false;
  changed.notify_all();
}

/// Waits, without any timer, until there is work, then `linger` for company unless an alert waits.
/// False when stopping.
bool Uplink::State::await_work(std::unique_lock<std::mutex>& lock) {
  changed.wait(lock, [&] { return pending || stopping; });
  const auto until = pending_since + options.linger;
  while (!stopping && Steady::now() < until) {
    pending = false;
    lock.unlock();
    const bool alert = alert_waits();
    lock.lock();
    if (alert) break;
    changed.wait_until(lock, until, [&] { return pending || stopping; });
  }
  return !stopping;
}

bool Uplink::State::alert_waits() {
  std::vector<std::uint64_t> damaged;
  const auto found =
      reader.read(Lane::alerts, cursor.delivered[at(Lane::alerts)], 1, Bytes{1}, damaged);
  return found && !found->empty();
}

/// Exponential, with full jitter in its upper half.
Duration Uplink::State::pause() {
  const double factor = static_cast<double>(std::uint64_t{1} << std::min(failures, 20U));
  ++failures;
  const double longest =
      static_cast<double>(std::max(options.retry_min, options.retry_max).count());
  const double nominal = std::min(static_cast<double>(options.retry_min.count()) * factor, longest);
  return Duration(static_cast<std::int64_t>(nominal * random.between(0.5, 1.0)));
}

}  // namespace weir
