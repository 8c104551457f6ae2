#include "tests/proof/simulated_world.hpp"

#include <algorithm>
#include <chrono>

namespace weir {

namespace {

constexpr std::uint64_t acknowledgements_at_most = 21;  // on their way; of a window of 20

using namespace std::chrono_literals;

constexpr std::uint64_t devices = 5;

std::string config_text(const WorldShape& shape) {
  return R"(
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["v"]
time = { field = "t", unit = "ms" }
lateness = ")" +
         format_duration(shape.lateness) + R"("
max_skew = ")" +
         shape.max_skew + R"("
idle = ")" +
         format_duration(shape.idle) + R"("
[[rollup]]
name = "r"
from = "s"
window = { tumbling = ")" +
         format_duration(shape.window) + R"(" }
aggregates = ["count", "sum", "min", "max", "first", "last"]
[[detector]]
name = "d"
from = "s"
method = "range"
high = 900
)";
}

}  // namespace

World::World(const SimulationOptions& given, const WorldShape& shape)
    : options(given),
      random(given.seed),
      data(given.seed ^ 0xda7a),
      disk(given.seed ^ 0x5eed),
      oracle(shape.window, shape.lateness),
      config(config_text(shape)),
      drain_step(std::max<Duration>(shape.idle / 30, 1s)),
      event_ms_(count_us(clock.truth()) / 1000) {
  vfs.watch(&disk, options.seed);
  disk.lie_once_in(options.lies);
  store.directory = options.directory;
  store.vfs = vfs.name();
  store.checkpoint_after = Bytes{4096};
}

void World::failed(std::string sentence) {
  report.failures.push_back("seed " + std::to_string(options.seed) + ", after " +
                            std::to_string(report.counts["messages"]) +
                            " messages: " + std::move(sentence));
}

void World::begun(Life& life) {
  if (!life.alive()) return;
  losses.started(life.store(), sink.records());
  if (life.store().set_aside()) {
    ++report.counts["set_aside"];
    if (!may_set_aside) failed("the database was set aside");
  }
  if (const auto same = life.as_before(); same && !may_set_aside) {
    ++report.counts["states_compared"];
    if (!*same) failed("a start comes to another state");
  }
  observe(life);
}

void World::observe(Life& life) {
  if (!life.alive() || disk.dead()) return;
  const std::string wrong = life.ledger().imbalance(life.waiting());
  if (!wrong.empty()) failed("the ledger: " + wrong);
}

void World::round(Life& life, const Pace& pace) {
  for (std::uint64_t n = data.below(pace.messages); n > 0; --n) publish(pace);
  broker.pump(life.inbox(), options.lies > 0 || random.one_in(2));
  life.step();
  clock.pass(Duration(
      static_cast<std::int64_t>(data.below(static_cast<std::uint64_t>(pace.round.count())))));
  life.step();
  note_answers(life);
  if (random.one_in(pace.deliveries)) deliver(life);
  if (random.one_in(pace.connects)) broker.connect(random.below(acknowledgements_at_most));
  if (data.one_in(pace.silences)) clock.pass(40s);
  observe(life);
}

void World::note_answers(Life& life) {
  losses.acknowledged(broker.take_answered(), life.store().last_journal_seq(),
                      sink.status().records);
}

void World::deliver(Life& life) {
  if (random.one_in(6)) sink.fail_next_publish({ErrorKind::timeout, random.one_in(2)});
  if (random.one_in(12)) sink.fail_next_opens(1);
  life.deliver();
}

void World::publish(const Pace& pace) {
  const std::string device = std::to_string(data.below(devices));
  // Its own clock: it goes on whatever the gateway's does.
  if (pace.event_step_ms > 0)
    event_ms_ +=
        static_cast<std::int64_t>(data.below(static_cast<std::uint64_t>(pace.event_step_ms)));
  else
    event_ms_ = std::max(event_ms_, count_us(clock.truth()) / 1000);
  std::int64_t at = event_ms_;
  if (pace.stragglers > 0 && data.one_in(pace.stragglers)) {
    if (data.one_in(8)) return publish_bad(device);
    at -= static_cast<std::int64_t>(data.below(60'000));
  }
  const Timestamp time = timestamp_us(at * 1000);
  const auto value = oracle.next(device, time);
  if (!value) return;
  losses.published(oracle.slot_at(device, time), *value);
  broker.publish("s/" + device,
                 "{\"t\":" + std::to_string(at) + ",\"v\":" + std::to_string(*value) + "}");
  ++report.counts["messages"];
}

/// No JSON, or a reading of the year 2100, which must not move a watermark.
void World::publish_bad(const std::string& device) {
  const bool future = data.one_in(2);
  broker.publish("s/" + device, future ? "{\"t\":4102444800000,\"v\":1}" : "{\"t\":");
  losses.published_bad();
  ++report.counts[future ? "from_the_future" : "rubbish"];
  ++report.counts["messages"];
}

void World::reboot() {
  disk.reboot();
  clock.boot();
}

bool World::drain() {
  disk.arm(0);
  disk.lie_once_in(0);
  vfs.heal();
  // Each start may find that the cluster knows more than a database whose card lied.
  for (int tries = 0; tries < 5; ++tries) {
    Life life(parts());
    begun(life);
    if (!life.alive()) {
      // A page that the card lost may be met only now; the next start looks at every one.
      if (options.lies > 0) continue;
      failed("it does not start: " + life.death());
      return false;
    }
    broker.connect(random.below(acknowledgements_at_most));
    if (!quiet(life))
      lose_history();
    else if (life.alive() || options.lies == 0)  // a page that the card lost may stop it
      return drained(life);
  }
  failed("five starts, and it still stops");
  return false;
}

void World::lose_history() {
  ++report.counts["history_lost"];
  if (options.lies == 0) failed("the cluster knew more than the database");
}

/// Devices become idle, then results are delivered and that is committed. False: history was lost.
bool World::quiet(Life& life) {
  for (int i = 0, quiet = 0; i < 600 && quiet < 45 && life.alive(); ++i) {
    broker.pump(life.inbox());
    life.step();
    clock.pass(drain_step);
    life.step();
    note_answers(life);
    life.deliver();
    if (life.restart_wanted()) return false;
    quiet = broker.drained() && life.waiting() == 0 ? quiet + 1 : 0;
  }
  return true;
}

bool World::drained(Life& life) {
  const std::size_t before = report.failures.size();
  if (!life.alive()) {
    failed("it died by itself: " + life.death());
    return false;
  }
  observe(life);
  if (!broker.drained()) failed("messages wait at the broker");
  if (life.waiting() > 0) failed("results wait in the outbox");
  if (options.lies == 0) judge(life.ledger(), life.store().stats().dead_letters);
  report.counts["redelivered"] += life.ledger().of(Counter::messages_refused, "redelivered");
  return report.failures.size() == before;
}

/// What a card that lies has lost may be lost, but not silently.
void World::judge_losses() {
  const Losses::Verdict verdict = losses.judge(oracle, sink.records());
  report.counts["lost"] += verdict.lost;
  report.counts["lost_unseen"] += verdict.unseen;
  report.counts["lost_silently"] += verdict.silent.size();
  for (std::size_t i = 0; i < std::min<std::size_t>(verdict.silent.size(), 3); ++i)
    failed(verdict.silent[i]);
}

void World::judge(const Ledger& ledger, std::uint64_t dead_letters) {
  std::uint64_t late = 0;
  for (const auto& [slot, window] : oracle.windows())
    late += static_cast<std::uint64_t>(__builtin_popcountll(window.due_late));
  const std::uint64_t rubbish = report.counts["rubbish"], future = report.counts["from_the_future"];
  const auto is = [&](const char* what, std::uint64_t found, std::uint64_t right) {
    if (found == right) return;
    failed(std::string(what) + ": the ledger says " + std::to_string(found) + ", there were " +
           std::to_string(right));
  };
  is("messages journaled", ledger.total(Counter::messages_journaled),
     report.counts["messages"] - rubbish);
  is("undecodable", ledger.of(Counter::messages_refused, "undecodable"), rubbish);
  is("quarantined", ledger.total(Counter::readings_quarantined), future);
  is("late", ledger.total(Counter::readings_late), late);
  is("delivered", ledger.total(Counter::results_delivered), sink.records().size());
  is("dead letters", dead_letters + ledger.total(Counter::dead_letters_dropped), rubbish + future);
}

void World::judge(bool exact) {
  std::uint64_t wrong_records = 0;
  for (const SinkRecord& record : sink.records()) {
    const std::string wrong = oracle.take(record);
    if (!wrong.empty() && ++wrong_records < 4) failed(wrong);
    ++report.counts["records"];
  }
  report.counts["wrong"] += wrong_records;
  report.counts["repeated"] += oracle.repeated();
  report.counts["changed"] += oracle.changed();
  report.counts["late_again"] += oracle.late_again();
  if (exact && oracle.out_of_turn() > 0) failed("alerts are not raised and cleared in turn");
  report.counts["acknowledged"] += broker.acknowledged();
  report.counts["sent_again"] += broker.sent_again();
  report.counts["lost_sectors"] += disk.lost_sectors();
  report.simulated_seconds = std::chrono::duration<double>(clock.passed()).count();
  if (options.lies > 0) judge_losses();
  std::uint64_t wrong_windows = 0;
  for (const auto& [slot, window] : oracle.windows()) {
    ++report.counts["windows"];
    const auto missing = static_cast<std::uint64_t>(
        __builtin_popcountll(window.published & ~window.arrived & ~window.late));
    if (exact) report.counts["lost"] += missing;
    report.counts["late"] += static_cast<std::uint64_t>(__builtin_popcountll(window.late));
    const bool wrong =
        window.late_twice || (window.arrived & window.late) != 0 || window.late != window.due_late;
    if (!exact || (missing == 0 && !wrong)) continue;
    if (++wrong_windows < 4)
      failed("device " + slot.first + ", window at " + std::to_string(slot.second) + ": " +
             (wrong ? "other readings are late than should be"
                    : std::to_string(missing) + " readings are missing"));
  }
}

}  // namespace weir
