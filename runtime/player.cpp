#include "runtime/player.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runtime/configured_pipeline.hpp"

namespace weir {

namespace {

/// What a recording can't say: who sent too much.
constexpr SeriesTable::Limits no_limits{1'000'000, 1'000'000};
/// A clock that jumps back and forth must not make it overflow.
constexpr Duration longest_elapsed = Duration::max() / 8;

}  // namespace

Player::Player(const Settings& settings, const SourceOptions& source, Emit emit)
    : settings_(settings), source_(source), emit_(std::move(emit)) {
  restart();
}

Result<void> Player::play(const RecordedEvent& event) {
  if (event.now) set_clock(*event.now);
  return std::visit([&](const auto& what) { return take(what, event.now.has_value()); },
                    event.what);
}

Result<void> Player::take(const RecordedReading& reading, bool clock_told) {
  const auto series = series_of(reading);
  if (!series) return fail(series.error());
  if (!clock_told && (!clock_started_ || reading.time > now_.wall)) set_clock(reading.time);
  ++readings_;
  const Reading one{reading.time, reading.value, *series, reading.quality};
  process(std::span(&one, 1));
  return settle();
}

/// A watermark lets no time pass: it speaks of events, not of the gateway.
Result<void> Player::take(const RecordedWatermark& watermark, bool) {
  const SourceId source = table_->intern_source(source_.name, source_.tag_names);
  std::optional<DeviceId> device;
  if (watermark.device) {
    const auto known = device_of(*watermark.device);
    if (!known) return fail(known.error());
    device = *known;
  }
  pipeline_->promise(source, device, watermark.time, now_, outputs_);
  return settle();
}

Result<void> Player::take(const RecordedRestart&, bool) {
  restart();
  return settle();
}

Result<void> Player::take(const RecordedPause&, bool) {
  return settle();
}

EngineState Player::engine_state() {
  return {now_, *table_, ledger_, *pipeline_, redeliveries_, doubt_};
}

/// As the process does: from what it stored.
void Player::restart() {
  std::string state;
  if (pipeline_) state = encode_state(engine_state());
  table_ = std::make_unique<SeriesTable>(no_limits);
  pipeline_ = std::make_unique<ConfiguredPipeline>(settings_.pipeline_text, *settings_.pipeline,
                                                   settings_.source_options, *table_);
  if (!state.empty() && !decode_state(state, engine_state())) {
    throw std::logic_error("the pipeline can't read its own state");
  }
}

void Player::finish() {
  for (const SourceOptions& source : settings_.source_options)
    now_.elapsed += source.idle + std::chrono::seconds(1);
  settle();
}

Result<void> Player::play_journal(const std::string& path, bool as_recorded) {
  auto inspector = StoreInspector::open(std::filesystem::path(path).parent_path().string());
  if (!inspector) return fail(inspector.error());
  const auto checkpoint = (*inspector)->checkpoint();
  if (!checkpoint) return fail(checkpoint.error());
  if (!checkpoint->state.empty()) {
    const auto left_out = decode_state(checkpoint->state, engine_state());
    if (!left_out) return fail(left_out.error());
    left_out_ = *left_out;
  }
  if (!as_recorded) {
    // Of the state only what fits is of use here; what the others would emit is not asked for.
    Outputs ignored;
    const auto ended = pipeline_->reconfigure(settings_.pipeline_text, ignored);
    if (!ended) return fail(ended.error());
    left_out_.insert(left_out_.end(), ended->begin(), ended->end());
  }
  const std::uint64_t unknown = learn_series(**inspector, checkpoint->journal_seq);
  if (!as_recorded) introduce_derived();
  std::uint64_t left_out = 0;
  auto replayed = (*inspector)->replay(checkpoint->journal_seq, [&](JournalRecord&& record) {
    if (record.seq >= unknown) {
      ++left_out;
      return;
    }
    if (as_recorded && record.configuration)
      (void)pipeline_->reconfigure(*record.configuration, outputs_);
    if (record.begin_anew) pipeline_->begin_anew(*record.begin_anew);
    now_ = record.now;
    clock_started_ = true;
    readings_ += record.readings.size();
    if (!record.readings.empty()) process(record.readings);
    settle();
  });
  if (left_out == 0) return replayed;
  return fail(ErrorKind::corrupt, "the last " + std::to_string(left_out) +
                                      " records of the journal name devices or series that a "
                                      "record before them introduced, which is lost");
}

/// The series that the journal introduces. Returns the first record that speaks of others.
std::uint64_t Player::learn_series(StoreInspector& journal, std::uint64_t after) {
  std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();
  // What is damaged is said when it is played.
  (void)journal.replay(after, [&](JournalRecord&& record) {
    if (record.seq >= unknown) return;
    ByteReader dictionary(record.dictionary);
    const bool fits = record.dictionary.empty() || table_->read(dictionary);
    const std::uint32_t known = table_->mark().series;
    const bool all_known = std::ranges::all_of(
        record.readings, [known](const Reading& reading) { return index(reading.series) < known; });
    if (!fits || !all_known) unknown = record.seq;
  });
  return unknown;
}

/// What the configuration derives and the journal has no number for. (What it had no room for when
/// it was recorded has none either, so a journal is not played as recorded with this.)
void Player::introduce_derived() {
  for (std::uint32_t id = 0; id < table_->mark().devices; ++id) {
    const SeriesTable::Source& from = table_->source(table_->device(DeviceId{id}).source);
    for (const SourceOptions& source : settings_.source_options) {
      if (source.name == from.name && source.tag_names == from.tag_names)
        intern_derived(source, DeviceId{id}, *table_);
    }
  }
}

void Player::set_clock(Timestamp wall) {
  if (clock_started_ && wall > now_.wall) {
    now_.elapsed = std::min(now_.elapsed + (wall - now_.wall), longest_elapsed);
  }
  clock_started_ = true;
  now_.wall = wall;
}

void Player::process(std::span<const Reading> readings) {
  pipeline_->process(readings, now_, outputs_);
  const ReadingCounts& counts = pipeline_->counts();
  counts_.aggregated += counts.aggregated;
  counts_.late += counts.late;
  counts_.quarantined += counts.quarantined;
  counts_.unused += counts.unused;
  counts_.no_room += counts.no_room;
  for (std::size_t i = 0; i < counts.filtered.size(); ++i)
    counts_.filtered[i] += counts.filtered[i];
}

Result<void> Player::settle() {
  pipeline_->tick(now_, outputs_);
  for (const Output& output : outputs_) emit_(output);
  results_ += outputs_.size();
  outputs_.clear();
  return {};
}

Result<DeviceId> Player::device_of(std::string_view text) {
  std::vector<std::string_view> tags;
  while (tags.size() + 1 < source_.tag_names.size() && text.find('/') != text.npos) {
    tags.push_back(text.substr(0, text.find('/')));
    text.remove_prefix(text.find('/') + 1);
  }
  tags.push_back(text);
  if (tags.size() != source_.tag_names.size()) {
    return fail(ErrorKind::invalid, "source " + source_.name + " tells devices apart by " +
                                        std::to_string(source_.tag_names.size()) +
                                        " tags: write the device as tag/tag");
  }
  const SourceId source = table_->intern_source(source_.name, source_.tag_names);
  const auto device = table_->intern_device(source, tags);
  if (!device) return fail(ErrorKind::full, "a recording may have a million devices at most");
  return *device;
}

Result<SeriesId> Player::series_of(const RecordedReading& reading) {
  const auto device = device_of(reading.device);
  if (!device) return fail(device.error());
  const auto series = table_->intern_series(*device, reading.metric);
  if (!series) return fail(ErrorKind::full, "a recording may have a million series at most");
  intern_derived(source_, *device, *table_);
  return *series;
}

}  // namespace weir
