// What the engine says of itself and of what it could not use.

#include <algorithm>
#include <utility>

#include "config/units.hpp"
#include "runtime/engine.hpp"
#include "runtime/json_writer.hpp"
#include "runtime/log.hpp"

namespace weir {

namespace {

constexpr Duration snapshot_interval = std::chrono::milliseconds(500);
constexpr std::size_t samples_per_commit = 16;
constexpr std::size_t sample_topic_bytes = 1024;

/// A reading in quarantine; what is kept of it is a line of a recording (REPLAY.md).
DeadLetter quarantined_letter(const Output& reading) {
  std::string device;
  for (const Tag& tag : reading.group)
    device += (&tag == reading.group.data() ? "" : "/") + tag.value;
  JsonWriter json;
  json.begin_object().member("time", format_time(reading.window.start)).member("device", device);
  json.member("metric", reading.metric).key("value");
  std::visit([&](const auto& value) { json.value(value); }, reading.fields.front().value);
  DeadLetter letter;
  letter.time = reading.window.start;
  letter.source = reading.name;
  letter.reason = kind_name(reading.kind);
  letter.message =
      reading.metric + " of " + device + " is further ahead of the gateway's clock than max_skew";
  letter.payload = json.end_object().take();
  letter.payload_size = letter.payload.size();
  return letter;
}

}  // namespace

/// Of readings, not of results: how many is not known, only when.
void Engine::announce_gap(std::string reason, const Moment& now) {
  Output& gap = announcements_.emplace_back();
  gap.kind = OutputKind::gap;
  gap.name = "gap";
  gap.topic = options_.gap_topic;
  gap.group = {{"reason", std::move(reason)}};
  gap.window = {std::min(last_.wall, now.wall), now.wall};
  gap.first = gap.window.start;
  gap.last = gap.window.end;
}

/// A flood of rubbish is counted in full and sampled: the store keeps no more than that of a
/// commit.
void Engine::keep_sample(const Batch::Message& message, const Ingest::Taken& taken) {
  if (dead_letters_.size() >= samples_per_commit) {
    delta_.add(Counter::dead_letters_dropped, 1);
    return;
  }
  DeadLetter letter;
  letter.time = message.arrival;
  letter.source = taken.source;
  letter.topic = message.topic.substr(0, sample_topic_bytes);
  letter.reason = refusal_name(taken.refusal);
  letter.message = taken.message;
  letter.payload =
      message.payload.substr(0, static_cast<std::size_t>(count(options_.sample_payload)));
  letter.payload_size = message.payload.size();
  dead_letters_.push_back(std::move(letter));
}

/// Each reading in quarantine is counted, a sample of them kept; they go out where their source has
/// a topic for them.
void Engine::keep_quarantined(Store::Commit& commit) {
  for (const Output& output : commit.outputs) {
    if (output.kind != OutputKind::quarantined) continue;
    if (dead_letters_.size() >= samples_per_commit) {
      commit.record.delta.add(Counter::dead_letters_dropped, 1);
      continue;
    }
    dead_letters_.push_back(quarantined_letter(output));
  }
  std::erase_if(commit.outputs, [](const Output& output) {
    return output.kind == OutputKind::quarantined && output.topic.empty();
  });
}

void Engine::post_snapshot(const Moment& moment, bool force) {
  if (!force && moment.elapsed < snapshot_at_) return;
  snapshot_at_ = moment.elapsed + snapshot_interval;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->gateway = options_.gateway;
  snapshot->version = options_.version;
  snapshot->config_path = options_.config_path;
  snapshot->store_uuid = parts_.store.uuid();
  snapshot->set_aside = parts_.store.set_aside();
  snapshot->started = started_;
  snapshot->now = moment;
  snapshot->ledger = ledger_;
  snapshot->store = parts_.store.stats();
  for (const std::uint64_t n : snapshot->store.waiting) snapshot->waiting += n;
  snapshot->store_limit = options_.store_limit;
  snapshot->store_over_limit = over_limit_;
  snapshot->store_merging = merging_;
  snapshot->store_error = store_error_;
  snapshot->sources = {parts_.source.status()};
  snapshot->sink = parts_.sink.status();
  snapshot->watermarks = parts_.pipeline.watermarks();
  snapshot->pipeline_bytes = parts_.pipeline.memory_bytes();
  snapshot->operator_memory = parts_.pipeline.operator_memory();
  snapshot->devices = commit_mark_.devices;
  snapshot->series = commit_mark_.series;
  snapshot->devices_limit = parts_.table.limits().devices;
  snapshot->series_limit = parts_.table.limits().series;
  snapshot->inbox = parts_.inbox.depth();
  snapshot->inbox_limit = options_.inbox_limit;
  snapshot->commit_seconds = commit_seconds_;
  snapshot->journal_seq = parts_.store.last_journal_seq();
  snapshot->replaying = replaying_;
  snapshot->stopping = stopping_;
  parts_.board.post(std::move(snapshot));
}

}  // namespace weir
