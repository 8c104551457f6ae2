#include <algorithm>
#include <utility>

#include "firmware-bridge/router.hpp"
#include "firmware-bridge/utf8.hpp"

namespace weir {
namespace {

constexpr std::array<std::string_view, refusal_count> refusal_names = {
    "unrouted", "bad_topic", "retained", "empty",        "undecodable",  "no_values",
    "bad_time", "bad_tag",   "bad_name", "device_limit", "series_limit", "redelivered"};

constexpr std::array<std::string_view, skip_count> skip_names = {
    "not_numeric", "not_finite", "bad_time", "bad_tag", "bad_name", "part"};

bool usable(std::string_view topic) {
  return !topic.empty() && topic.find('\0') == std::string_view::npos && is_utf8(topic);
}

}  // namespace

std::string_view refusal_name(Refusal refusal) {
  return refusal_names[static_cast<std::size_t>(refusal)];
}

std::string_view skip_name(Skip skip) {
  return skip_names[static_cast<std::size_t>(skip)];
}

Ingest::Ingest(std::vector<SourceConfig> sources, SeriesTable& table)
    : sources_(std::move(sources)),
      table_(table),
      router_(sources_),
      source_ids_(sources_.size()) {}

Ingest::Taken Ingest::take(const Batch::Message& message, bool clock_synchronised,
                           std::vector<Reading>& readings, IngestCounts& counts) {
  ++counts.messages_received;
  ++message_;
  Taken taken;
  const auto refuse = [&](Refusal refusal, std::string why) {
    taken.refusal = refusal;
    taken.message = std::move(why);
    ++counts.messages_refused[static_cast<std::size_t>(refusal)];
    return std::move(taken);
  };
  if (message.payload.empty()) return refuse(Refusal::empty, "the payload is empty");
  const Router::Found found = router_.find(message.topic);
  if (!found.remembered && !usable(message.topic))
    return refuse(Refusal::bad_topic, "the topic is empty, holds a NUL or is not UTF-8");
  if (found.routes.empty()) return refuse(Refusal::unrouted, "no source has a topic that matches");

  skipped_ = {};
  Part refused;
  for (Router::Route& route : found.routes) {
    Part part = take_part(route, message, clock_synchronised, readings, counts);
    taken.readings += part.readings;
    if (part.readings > 0) continue;
    ++skipped_[static_cast<std::size_t>(Skip::part)];
    // Of several reasons the one that somebody may want to look into is told.
    if (refused.refusal && *refused.refusal != Refusal::retained) continue;
    refused = std::move(part);
    taken.source = sources_[route.source].options.name;
  }
  if (taken.readings == 0) return refuse(*refused.refusal, std::move(refused.message));

  ++counts.messages_journaled;
  for (std::size_t i = 0; i < skip_count; ++i) counts.fields_skipped[i] += skipped_[i];
  if (!found.remembered) router_.remember(message.topic);
  return taken;
}

Ingest::Part Ingest::take_part(Router::Route& route, const Batch::Message& message,
                               bool clock_synchronised, std::vector<Reading>& readings,
                               IngestCounts& counts) {
  const SourceConfig& source = sources_[route.source];
  Part part;
  const auto refused = [&part](Refusal refusal, std::string why) {
    part.refusal = refusal;
    part.message = std::move(why);
    return std::move(part);
  };
  if (message.retained && !source.use_retained)
    return refused(Refusal::retained, "retained messages of this source are ignored");
  for (const std::string_view capture : route.captures) {
    if (capture.size() > name_bytes_max)
      return refused(Refusal::bad_tag, "a level of the topic is too long to be a tag");
  }
  if (Result<void> decoded = source.decoder->decode(message.payload, decoded_); !decoded)
    return refused(why_nothing(), std::move(decoded.error().message));
  if (decoded_.values.empty()) return refused(why_nothing(), "it holds no value");

  skipped_[static_cast<std::size_t>(Skip::not_numeric)] += decoded_.not_numeric;
  skipped_[static_cast<std::size_t>(Skip::not_finite)] += decoded_.not_finite;
  skipped_[static_cast<std::size_t>(Skip::bad_time)] += decoded_.bad_time;
  skipped_[static_cast<std::size_t>(Skip::bad_tag)] += decoded_.bad_tag;
  skipped_[static_cast<std::size_t>(Skip::bad_name)] += decoded_.bad_name;

  const std::size_t before = readings.size();
  last_device_.reset();
  for (const Decoded::Record& record : decoded_.records) {
    Reading reading;
    reading.time = record.has_time ? record.time : message.arrival;
    if (!record.has_time) reading.quality |= Quality::arrival_time;
    if (!record.has_time && !clock_synchronised) reading.quality |= Quality::clock_unsynced;
    if (message.retained) reading.quality |= Quality::historical;
    if (const auto refusal = take_record(route, record, reading, readings, counts))
      part.refusal = refusal;
  }
  part.readings = static_cast<std::uint32_t>(readings.size() - before);
  if (part.readings == 0) part.message = limit_message(*part.refusal);
  return part;
}

std::optional<Refusal> Ingest::take_record(Router::Route& route, const Decoded::Record& record,
                                           Reading reading, std::vector<Reading>& readings,
                                           IngestCounts& counts) {
  counts.readings_decoded += record.value_count;
  const std::optional<DeviceId> device = device_of(route, record);
  if (!device) {
    counts.readings_refused[static_cast<std::size_t>(Refusal::device_limit)] += record.value_count;
    return Refusal::device_limit;
  }
  if (device != last_device_) next_known_ = 0;
  last_device_ = device;
  if (index(*device) >= known_.size()) known_.resize(index(*device) + 1);
  const bool first = known_[index(*device)].empty();

  std::optional<Refusal> refusal;
  std::optional<Reading> mark = mark_of(route.source, *device, record, reading, counts);
  const Quality quality = reading.quality;
  const std::span values = std::span(decoded_.values).subspan(record.first_value);
  for (const Decoded::Value& value : values.first(record.value_count)) {
    const std::optional<SeriesId> series = series_of(*device, value.metric);
    if (!series) {
      ++counts.readings_refused[static_cast<std::size_t>(Refusal::series_limit)];
      refusal = Refusal::series_limit;
      continue;
    }
    if (mark) {
      readings.push_back(*mark);
      ++counts.readings_decoded;
      ++counts.readings_journaled;
      marked_[index(*device)] = {message_, record.sequence};
      mark.reset();
    }
    reading.series = *series;
    reading.value = value.value;
    reading.quality = quality | value.quality;
    readings.push_back(reading);
    ++counts.readings_journaled;
  }
  if (first) intern_derived(sources_[route.source].options, *device, table_);
  return refusal;
}

/// Where a source goes by sequence numbers, a reading with the number stands before those of its
/// message: the journal has no other place for it. Records of one message that share a number are
/// one; a record without a number is marked by -1.
std::optional<Reading> Ingest::mark_of(std::uint32_t source, DeviceId device,
                                       const Decoded::Record& record, Reading reading,
                                       IngestCounts& counts) {
  const std::string_view name = sources_[source].decoder->sequence_name();
  if (name.empty()) return std::nullopt;
  if (index(device) >= marked_.size()) marked_.resize(index(device) + 1);
  const Marked& marked = marked_[index(device)];
  if (marked.message == message_ && marked.sequence == record.sequence) return std::nullopt;
  const std::optional<SeriesId> series = series_of(device, name);
  if (!series) {
    ++counts.readings_decoded;
    ++counts.readings_refused[static_cast<std::size_t>(Refusal::series_limit)];
    return std::nullopt;
  }
  reading.series = *series;
  reading.value = record.sequence;
  return reading;
}

std::optional<DeviceId> Ingest::device_of(Router::Route& route, const Decoded::Record& record) {
  const std::size_t payload_tags = sources_[route.source].decoder->tag_names().size();
  if (payload_tags == 0) {
    if (!route.device) route.device = table_.intern_device(source_id(route.source), route.captures);
    return route.device;
  }
  tags_ = route.captures;
  const std::span tags = std::span(decoded_.tags).subspan(record.first_tag, payload_tags);
  tags_.insert(tags_.end(), tags.begin(), tags.end());
  if (last_device_ && tags_ == last_tags_) return last_device_;
  last_tags_ = tags_;
  return table_.intern_device(source_id(route.source), tags_);
}

SourceId Ingest::source_id(std::uint32_t source) {
  const SourceOptions& options = sources_[source].options;
  if (!source_ids_[source])
    source_ids_[source] = table_.intern_source(options.name, options.tag_names);
  return *source_ids_[source];
}

std::optional<SeriesId> Ingest::series_of(DeviceId device, std::string_view metric) {
  KnownSeries& known = known_[index(device)];
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (next_known_ >= known.size()) next_known_ = 0;
    const SeriesId id = known[next_known_++];
    if (table_.metric(table_.series(id).metric) == metric) return id;
  }
  const std::optional<SeriesId> id = table_.intern_series(device, metric);
  if (id && known.size() < known_series_max) {
    known.push_back(*id);
    next_known_ = known.size();
  }
  return id;
}

Refusal Ingest::why_nothing() const {
  if (!decoded_.well_formed) return Refusal::undecodable;
  if (decoded_.bad_time > 0) return Refusal::bad_time;
  if (decoded_.bad_tag > 0) return Refusal::bad_tag;
  if (decoded_.bad_name > 0) return Refusal::bad_name;
  return Refusal::no_values;
}

std::string Ingest::limit_message(Refusal refusal) const {
  const bool devices = refusal == Refusal::device_limit;
  const std::uint32_t limit = devices ? table_.limits().devices : table_.limits().series;
  return "there are " + std::to_string(limit) + (devices ? " devices" : " series") +
         " already, as many as limits." + (devices ? "devices" : "series") + " allows";
}

}  // namespace weir
