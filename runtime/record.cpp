#include <array>
#include <string_view>

#include "runtime/json_writer.hpp"
#include "runtime/uplink.hpp"
#include "store/ledger.hpp"

namespace weir {
namespace {

/// Percent-encodes what separates the parts of a key, and all that is not printable ASCII, so that
/// a key is readable, unambiguous and the same text in every client.
void append_escaped(std::string_view text, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte > 0x20 && byte < 0x7F && c != '/' && c != ',' && c != '=' && c != '%';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

/// "gateway/name/tag=value,tag=value/metric"
std::string make_key(const Output& output, std::string_view gateway) {
  std::string key;
  append_escaped(gateway, key);
  key += '/';
  append_escaped(output.name, key);
  key += '/';
  for (const Tag& tag : output.group) {
    if (key.back() != '/') key += ',';
    append_escaped(tag.name, key);
    key += '=';
    append_escaped(tag.value, key);
  }
  key += '/';
  append_escaped(output.metric, key);
  return key;
}

void write_quality(Quality quality, JsonWriter& json) {
  constexpr std::array<std::pair<Quality, std::string_view>, 4> words = {{
      {Quality::arrival_time, "arrival_time"},
      {Quality::clock_unsynced, "clock_unsynced"},
      {Quality::historical, "historical"},
      {Quality::inexact, "inexact"},
  }};
  json.key("quality").begin_array();
  for (const auto& [bit, word] : words) {
    if (has(quality, bit)) json.value(word);
  }
  json.end_array();
}

void write_members(const std::vector<Field>& fields, JsonWriter& json) {
  for (const Field& field : fields) {
    json.key(field.name);
    std::visit([&](const auto& value) { json.value(value); }, field.value);
  }
}

/// RECORDS.md describes this document for its consumers: add members, never change one.
std::string make_value(const Output& output, std::string_view gateway) {
  JsonWriter json;
  json.begin_object();
  json.member("v", 1);
  json.member("kind", kind_name(output.kind));
  json.member("gateway", gateway);
  json.member("name", output.name);
  json.key("group").begin_object();
  for (const Tag& tag : output.group) json.member(tag.name, tag.value);
  json.end_object();
  if (!output.attributes.empty()) {
    json.key("attributes").begin_object();
    for (const Tag& tag : output.attributes) json.member(tag.name, tag.value);
    json.end_object();
  }
  json.member("metric", output.metric);
  json.key("window").begin_object();
  json.member("start", format_time(output.window.start));
  json.member("end", format_time(output.window.end));
  if (output.number > 0) json.member("number", output.number);
  json.end_object();
  json.member("revision", output.revision);
  if (output.preview) json.member("preview", true);
  if (output.retracted) json.member("retracted", true);
  if (output.merged > 0) json.member("merged", output.merged);
  json.key("readings").begin_object();
  json.member("count", output.count);
  if (output.expected > 0) json.member("expected", output.expected);
  json.member("late", output.late);
  json.member("first", format_time(output.first));
  json.member("last", format_time(output.last));
  json.end_object();
  write_quality(output.quality, json);
  json.key("values").begin_object();
  write_members(output.fields, json);
  json.end_object();
  if (!output.state.empty()) {
    json.key("state").begin_object().member("v", 1);
    write_members(output.state, json);
    json.end_object();
  }
  json.end_object();
  return json.take();
}

}  // namespace

Timestamp told_until(const Output& output) {
  if (output.kind == OutputKind::rollup) return output.window.end;
  return output.kind == OutputKind::alert ? output.window.end + Duration(1) : Timestamp{};
}

Result<Timestamp> told_until(OutboxReader& outbox, std::uint64_t seq) {
  Timestamp newest{};
  std::vector<std::uint64_t> damaged;
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    for (std::uint64_t behind = 0; behind < seq;) {
      damaged.clear();
      const auto found =
          outbox.read(static_cast<Lane>(lane), behind, 1000, Bytes{1u << 20}, damaged);
      if (!found) return fail(found.error());
      if (found->empty() && damaged.empty()) break;
      for (const std::uint64_t each : damaged) behind = std::max(behind, each);
      for (const OutboxEntry& entry : *found) {
        behind = std::max(behind, entry.seq);
        if (entry.seq <= seq) newest = std::max(newest, told_until(entry.output));
      }
    }
  }
  return newest;
}

std::size_t record_bytes(const Output& output) {
  std::size_t bytes = 320 + 2 * (output.name.size() + output.metric.size());
  for (const auto* tags : {&output.group, &output.attributes}) {
    for (const Tag& tag : *tags) bytes += 2 * (tag.name.size() + tag.value.size());
  }
  for (const auto* fields : {&output.fields, &output.state}) {
    for (const Field& field : *fields) {
      const auto* text = std::get_if<std::string>(&field.value);
      bytes += field.name.size() + 24 + (text != nullptr ? text->size() : 0);
    }
  }
  return bytes;
}

SinkRecord make_record(const OutboxEntry& entry, const std::string& gateway,
                       const std::string& epoch) {
  SinkRecord record;
  record.topic = entry.output.topic;
  record.key = make_key(entry.output, gateway);
  record.value = make_value(entry.output, gateway);
  // Its own time is what is doubted.
  record.timestamp =
      entry.output.kind == OutputKind::quarantined ? entry.inserted : entry.output.window.end;
  record.headers = {
      {"weir-gateway", gateway},
      {"weir-epoch", epoch},
      {"weir-seq", std::to_string(entry.seq)},
      {"weir-kind", std::string(kind_name(entry.output.kind))},
      {"content-type", "application/json"},
  };
  return record;
}

}  // namespace weir
