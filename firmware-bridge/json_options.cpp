#include "firmware-bridge/json_options.hpp"

#include <algorithm>
#include <iterator>

#include "firmware-bridge/decoder.hpp"

namespace weir {
namespace {

JsonPath read_path(Params& table, std::string_view key, std::string_view text,
                   bool each_allowed = false) {
  Result<JsonPath> path = parse_json_path(text, each_allowed);
  if (path) return *std::move(path);
  table.problem(key, "'" + std::string(text) + "': " + path.error().message);
  return {};
}

void add_named(Params& source, std::string_view key, std::string name, std::string_view path,
               std::vector<JsonOptions::Named>& out) {
  if (name.empty() || name.size() > name_bytes_max)
    source.problem(key, "a name has 1 to 256 bytes");
  for (const JsonOptions::Named& other : out) {
    if (other.name == name) source.problem(key, "'" + name + "' stands here twice");
  }
  out.push_back({std::move(name), read_path(source, key, path)});
}

void read_metrics(Params& source, JsonOptions& out) {
  if (source.form("metrics") == Params::Form::table) {
    for (auto& [name, path] : source.entries("metrics"))
      add_named(source, "metrics", name, path, out.metrics);
    return;
  }
  for (const std::string& path : source.texts("metrics", {}))
    add_named(source, "metrics", path, path, out.metrics);
}

void read_pairs(Params& source, JsonOptions& out) {
  JsonOptions::Pairs pairs;
  const auto entries = source.entries("pairs");
  if (entries.empty()) return;
  for (const auto& [key, path] : entries) {
    if (key == "name") {
      pairs.name = read_path(source, "pairs", path);
    } else if (key == "value") {
      pairs.value = read_path(source, "pairs", path);
    } else {
      source.problem("pairs", "unknown key '" + key + "'; known are name and value");
    }
  }
  if (pairs.name.empty() || pairs.value.empty())
    source.problem("pairs", "needs both: { name = \"path\", value = \"path\" }");
  if (!out.metrics.empty())
    source.problem("pairs",
                   "metrics and pairs exclude each other: the names come from one of them");
  out.pairs = std::move(pairs);
}

void read_time(Params& source, JsonOptions& out) {
  Params time = source.table("time");
  const std::string field = time.text("field", "");
  if (!field.empty()) out.time = read_path(time, "field", field);
  out.time_format = time.choice("unit", TimeFormat::milliseconds,
                                {{"s", TimeFormat::seconds},
                                 {"ms", TimeFormat::milliseconds},
                                 {"us", TimeFormat::microseconds},
                                 {"ns", TimeFormat::nanoseconds},
                                 {"rfc3339", TimeFormat::rfc3339}});
  const std::optional<Duration> zone = parse_zone(time.text("zone", "Z"));
  if (!zone) time.problem("zone", "expected an offset from UTC: \"Z\", \"+01:00\"");
  out.zone = zone.value_or(Duration(0));
}

/// The stage of that name reads the same table (operators/stage_deduplicate.cpp).
void read_sequence(Params& source, JsonOptions& out) {
  if (!source.has("deduplicate")) return;
  Params deduplicate = source.table("deduplicate");
  const std::string by = deduplicate.text("by", "");
  if (by.empty()) return;
  if (by.size() > name_bytes_max) deduplicate.problem("by", "a name has 1 to 256 bytes");
  for (const JsonOptions::Named& metric : out.metrics) {
    if (metric.name == by)
      deduplicate.problem("by", "'" + by + "' is a metric already; what counts messages is none");
  }
  out.sequence = {by, read_path(deduplicate, "by", by)};
}

}  // namespace

JsonOptions JsonOptions::read(Params& source) {
  JsonOptions out;
  read_metrics(source, out);
  if (const std::string each = source.text("each", ""); !each.empty())
    out.each = read_path(source, "each", each, true);
  read_pairs(source, out);
  read_time(source, out);
  for (auto& [name, path] : source.entries("tags")) add_named(source, "tags", name, path, out.tags);
  read_sequence(source, out);
  out.words = source.number_entries("words");
  return out;
}

std::vector<std::string> JsonOptions::reserved_names() const {
  std::vector<const JsonPath*> paths;
  if (time) paths.push_back(&*time);
  if (sequence) paths.push_back(&sequence->path);
  for (const Named& tag : tags) paths.push_back(&tag.path);

  const auto same = [](const JsonStep& a, const JsonStep& b) { return !a.each && a.key == b.key; };
  std::vector<std::string> names;
  for (const JsonPath* path : paths) {
    names.push_back(json_path_text(*path));
    for (auto tail = each.begin(); tail != each.end(); ++tail) {
      const auto steps = each.end() - tail;
      if (steps >= std::ssize(*path)) continue;
      const auto rest = path->begin() + steps;
      if (std::equal(tail, each.end(), path->begin(), rest, same))
        names.push_back(json_path_text({rest, path->end()}));
    }
  }
  return names;
}

}  // namespace weir
