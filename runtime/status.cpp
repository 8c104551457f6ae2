#include "runtime/status.hpp"

#include "runtime/json_writer.hpp"
#include "runtime/ledger_view.hpp"

namespace weir {
namespace {

/// A member that is null when there is nothing to say.
template <class T>
void maybe(JsonWriter& json, std::string_view key, const std::optional<T>& content) {
  json.key(key);
  if (content) {
    json.value(*content);
  } else {
    json.null();
  }
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::string> unless_epoch(Timestamp time) {
  return time == Timestamp{} ? std::nullopt : std::optional(format_time(time));
}

std::optional<std::uint64_t> plain(std::optional<Bytes> bytes) {
  return bytes ? std::optional(count(*bytes)) : std::nullopt;
}

void write_gateway(const Snapshot& snapshot, JsonWriter& json) {
  json.key("gateway").begin_object();
  json.member("id", snapshot.gateway).member("version", snapshot.version);
  json.member("config", snapshot.config_path);
  json.member("state", snapshot.stopping    ? "stopping"
                       : snapshot.replaying ? "replaying"
                                            : "running");
  json.member("started", format_time(snapshot.started.wall));
  json.member("now", format_time(snapshot.now.wall));
  json.member("uptime_seconds", as_seconds(snapshot.now.elapsed - snapshot.started.elapsed));
  json.member("clock_synchronised", snapshot.now.synchronised).end_object();
}

void write_counts(const Ledger& ledger, JsonWriter& json) {
  json.key("counts").begin_object();
  for (const CounterFamily& family : counter_families()) {
    json.key(counter_name(family.counter));
    if (family.label.empty()) {
      json.value(ledger.total(family.counter));
      continue;
    }
    json.begin_object();
    for (const auto& [key, value] : ledger.counts()) {
      if (key.first == family.counter) json.member(key.second, value);
    }
    json.end_object();
  }
  json.end_object();
}

void write_ledger(const Snapshot& snapshot, JsonWriter& json) {
  const std::string imbalance = snapshot.ledger.imbalance(snapshot.waiting);
  json.key("ledger").begin_object().member("balanced", imbalance.empty());
  json.member("sentence", imbalance.empty() ? "the ledger balances" : imbalance);
  json.key("equations").begin_array();
  for (const LedgerEquation& equation : ledger_equations(snapshot.ledger, snapshot.waiting)) {
    json.begin_object().member("subject", equation.subject);
    json.key("left").begin_object().member(equation.left.name, equation.left.value).end_object();
    json.key("right").begin_object();
    for (const LedgerEquation::Term& term : equation.right) json.member(term.name, term.value);
    json.end_object().member("balanced", equation.balanced()).end_object();
  }
  json.end_array();
  write_counts(snapshot.ledger, json);
  json.end_object();
}

void write_lanes(const Snapshot& snapshot, JsonWriter& json) {
  json.key("lanes").begin_array();
  for (std::size_t i = 0; i < lane_count; ++i) {
    const Lane lane{static_cast<std::uint8_t>(i)};
    json.begin_object().member("lane", lane_name(lane));
    json.member("waiting", snapshot.store.waiting[i]);
    json.member("oldest_age_seconds", as_seconds(oldest_age(snapshot, lane))).end_object();
  }
  json.end_array();
}

void write_watermarks(const Snapshot& snapshot, JsonWriter& json) {
  const Pipeline::Watermarks& marks = snapshot.watermarks;
  const auto lag = watermark_lag(snapshot);
  json.key("watermarks").begin_object();
  json.member("devices", marks.devices).member("idle", marks.idle);
  maybe(json, "lowest", unless_epoch(marks.lowest));
  maybe(json, "highest", unless_epoch(marks.highest));
  maybe(json, "lag_seconds", lag ? std::optional(as_seconds(*lag)) : std::nullopt);
  json.end_object();
}

void write_link(const Snapshot& snapshot, JsonWriter& json) {
  json.key("link").begin_object().key("sources").begin_array();
  for (const Source::Status& source : snapshot.sources) {
    json.begin_object().member("name", source.name).member("peer", source.peer);
    json.member("connected", source.connected).member("state", source.state);
    json.member("paused", source.paused).member("unacknowledged", source.unacknowledged);
    json.member("connects", source.connects).member("disconnects", source.disconnects);
    json.member("messages", source.messages).member("received_bytes", source.bytes);
    json.member("oversized", source.oversized).member("malformed", source.malformed);
    json.member("refused_filters", source.refused_filters);
    json.end_object();
  }
  const Sink::Status& sink = snapshot.sink;
  json.end_array().key("sink").begin_object();
  json.member("name", sink.name).member("peer", sink.peer).member("connected", sink.connected);
  json.member("state", sink.state).member("delivery", sink.delivery);
  json.member("records", sink.records).member("sent_bytes", sink.bytes);
  json.member("transactions", sink.transactions).member("aborted", sink.aborted);
  json.member("errors", sink.errors).end_object().end_object();
}

void write_store(const Snapshot& snapshot, JsonWriter& json) {
  const Store::Stats& store = snapshot.store;
  const Histogram& commits = snapshot.commit_seconds;
  std::uint64_t timed = 0;
  for (const std::uint64_t bucket : commits.buckets) timed += bucket;
  json.key("store").begin_object().member("uuid", snapshot.store_uuid);
  maybe(json, "set_aside", snapshot.set_aside);
  maybe(json, "error", unless_empty(snapshot.store_error));
  json.member("over_limit", snapshot.store_over_limit);
  json.member("merging", snapshot.store_merging);
  json.member("database_bytes", count(store.database)).member("wal_bytes", count(store.wal));
  json.member("limit_bytes", count(snapshot.store_limit));
  json.member("journal_seq", snapshot.journal_seq);
  json.member("journal_records", store.journal_records);
  json.member("journal_bytes", store.journal_bytes).member("dead_letters", store.dead_letters);
  json.member("commits", store.commits).member("checkpoints", store.checkpoints);
  maybe(json, "commit_mean_seconds",
        timed > 0 ? std::optional(commits.sum / static_cast<double>(timed)) : std::nullopt);
  json.end_object();
}

void write_limits(const Snapshot& snapshot, JsonWriter& json) {
  const auto limit = [&](const char* name, std::uint64_t used, std::uint64_t bound) {
    json.key(name).begin_object().member("used", used).member("limit", bound).end_object();
  };
  json.key("limits").begin_object();
  limit("devices", snapshot.devices, snapshot.devices_limit);
  limit("series", snapshot.series, snapshot.series_limit);
  limit("inbox_bytes", snapshot.inbox.bytes, count(snapshot.inbox_limit));
  json.end_object();
}

void write_process(const Snapshot& snapshot, const ProcessUsage& process, JsonWriter& json) {
  json.key("process").begin_object();
  maybe(json, "resident_bytes", plain(process.resident));
  json.member("cpu_seconds", as_seconds(process.cpu));
  maybe(json, "written_bytes", plain(process.written));
  maybe(json, "open_files", process.open_files);
  json.member("pipeline_bytes", snapshot.pipeline_bytes);
  json.key("operators").begin_array();
  for (const Pipeline::OperatorMemory& of : snapshot.operator_memory)
    json.begin_object().member("name", of.name).member("bytes", of.bytes).end_object();
  json.end_array().end_object();
}

/// White space for people. Requires: one JSON document without any.
std::string indented(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_text = false;
  const auto new_line = [&] { out.append("\n").append(2 * depth, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      out += c;
      if (c == '\\') out += json[++i];
      if (c == '"') in_text = false;
      continue;
    }
    const bool closes = c == '}' || c == ']';
    const bool was_empty = closes && (json[i - 1] == '{' || json[i - 1] == '[');
    if (closes) --depth;
    if (closes && !was_empty) new_line();
    out += c;
    if (c == '"') in_text = true;
    if (c == ':') out += ' ';
    if (c == '{' || c == '[') {
      ++depth;
      if (json[i + 1] != '}' && json[i + 1] != ']') new_line();
    }
    if (c == ',') new_line();
  }
  return out + "\n";
}

}  // namespace

std::string status_json(const Snapshot& snapshot, const ProcessUsage& process) {
  JsonWriter json;
  json.begin_object();
  write_gateway(snapshot, json);
  write_ledger(snapshot, json);
  write_lanes(snapshot, json);
  write_watermarks(snapshot, json);
  write_link(snapshot, json);
  write_store(snapshot, json);
  write_limits(snapshot, json);
  write_process(snapshot, process, json);
  return indented(json.end_object().take());
}

}  // namespace weir
