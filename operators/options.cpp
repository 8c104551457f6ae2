#include "operators/options.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "operators/registry.hpp"
#include "operators/saturate.hpp"

namespace weir {

namespace {

constexpr Duration shortest_window = std::chrono::milliseconds(1);
constexpr Duration longest_window = std::chrono::hours(24 * 366);

template <class Entry>
std::vector<std::string> names_of(std::span<const Entry* const> entries) {
  std::vector<std::string> names;
  for (const Entry* entry : entries) names.emplace_back(entry->name);
  return names;
}

// "unknown source "pres"; did you mean "press"?", or with the whole list if nothing is near.
std::string unknown(std::string_view what, const std::string& word,
                    const std::vector<std::string>& known) {
  std::string message = "unknown " + std::string(what) + " \"" + word + "\"";
  if (const std::string near = nearest_word(word, known); !near.empty()) {
    return message + "; did you mean \"" + near + "\"?";
  }
  if (known.empty()) return message + "; there is none";
  message += "; known: ";
  for (const std::string& name : known) message += (&name == &known[0] ? "" : ", ") + name;
  return message;
}

void refuse_repeats(Params& params, std::string_view key, const std::vector<std::string>& words) {
  std::set<std::string_view> seen;
  for (const std::string& word : words) {
    if (!seen.insert(word).second) params.problem(key, "\"" + word + "\" is given twice");
  }
}

// The name of a table, unique among its kind.
std::string read_name(Params& params, std::set<std::string>& taken) {
  std::string name = params.required_text("name");
  if (!name.empty() && !taken.insert(name).second) {
    params.problem("name", "\"" + name + "\" is the name of another one already");
  }
  return name;
}

const SourceOptions* read_source(Params& params, std::span<const SourceOptions> sources) {
  const std::string from = params.required_text("from");
  std::vector<std::string> known;
  for (const SourceOptions& source : sources) {
    if (source.name == from) return &source;
    known.push_back(source.name);
  }
  if (!from.empty()) params.problem("from", unknown("source", from, known));
  return nullptr;
}

std::vector<std::string> read_by(Params& params, const SourceOptions* source) {
  std::vector<std::string> by = params.texts("by", {});
  if (source == nullptr) return by;
  if (by.empty()) return source->tag_names;
  refuse_repeats(params, "by", by);
  for (const std::string& tag : by) {
    if (std::find(source->tag_names.begin(), source->tag_names.end(), tag) ==
        source->tag_names.end()) {
      params.problem("by", unknown("tag", tag, source->tag_names));
    }
  }
  return by;
}

AggregateOptions read_aggregate_options(Params& params) {
  constexpr std::size_t most_states = 16;
  AggregateOptions options;
  options.relative_error = params.number("relative_error", options.relative_error, {0.001, 0.2});
  options.per_seconds =
      seconds(params.duration("per", std::chrono::seconds(1), {shortest_window, longest_window}));
  options.states = params.number_entries("percent_in");
  if (options.states.size() > most_states) params.problem("percent_in", "has more than 16 states");
  return options;
}

std::vector<Aggregate> read_aggregates(Params& params) {
  const auto words = params.texts("aggregates", {"count", "mean", "min", "max"});
  if (words.empty()) params.problem("aggregates", "names none; leave it out for the default");
  const AggregateOptions options = read_aggregate_options(params);
  std::vector<Aggregate> chosen;
  for (const std::string& word : words) {
    const AggregateEntry* entry = find_aggregate(word);
    if (entry == nullptr) {
      auto known = names_of(aggregates());
      known.insert(known.end(), {"p50", "p99.9"});
      params.problem("aggregates", unknown("aggregate", word, known));
      continue;
    }
    const auto found =
        entry->choose != nullptr ? entry->choose(word, options) : std::vector<Aggregate>{entry};
    if (found.empty()) {
      params.problem("aggregates", "\"" + word +
                                       "\" needs the values of its states beside this, for example "
                                       "percent_in = { running = 1 }");
    }
    chosen.insert(chosen.end(), found.begin(), found.end());
  }
  const bool states = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word.starts_with("percent_in");
  });
  if (!states && !options.states.empty())
    params.problem("percent_in", "is given, but aggregates does not name percent_in");
  std::vector<std::string> fields;
  fields.reserve(chosen.size());
  for (const Aggregate& aggregate : chosen) fields.push_back(aggregate.name);
  refuse_repeats(params, "aggregates", fields);
  return chosen;
}

RollupOptions read_rollup(Params& params, std::span<const SourceOptions> sources,
                          std::set<std::string>& names) {
  RollupOptions rollup;
  rollup.name = read_name(params, names);
  const SourceOptions* source = read_source(params, sources);
  if (source != nullptr) rollup.from = source->name;
  rollup.metrics = params.texts("metrics", {});
  refuse_repeats(params, "metrics", rollup.metrics);
  rollup.by = read_by(params, source);
  Params window = params.table("window");
  if (!params.has("window")) {
    params.problem("window", "is required, for example { tumbling = \"1m\" }");
  } else {
    rollup.size = window.required_duration("tumbling", {shortest_window, longest_window});
    rollup.offset = window.duration("offset", Duration(0), {Duration(0), longest_window});
  }
  rollup.aggregates = read_aggregates(params);
  rollup.topic = params.text("topic", "telemetry.rollups");
  params.finish();
  return rollup;
}

std::vector<std::string> read_metrics(Params& params) {
  auto metrics = params.texts("metrics", {});
  refuse_repeats(params, "metrics", metrics);
  if (auto metric = params.optional_text("metric")) {
    if (!metrics.empty()) params.problem("metric", "give either metric or metrics");
    return {std::move(*metric)};
  }
  return metrics;
}

DetectorOptions read_one_detector(Params& params, std::span<const SourceOptions> sources,
                                  std::set<std::string>& names) {
  DetectorOptions detector;
  detector.name = read_name(params, names);
  if (const SourceOptions* source = read_source(params, sources)) detector.from = source->name;
  detector.metrics = read_metrics(params);
  detector.topic = params.text("topic", "telemetry.alerts");
  detector.method = params.required_text("method");
  const DetectorEntry* entry = find_detector(detector.method);
  if (entry == nullptr) {
    if (!detector.method.empty()) {
      params.problem("method", unknown("method", detector.method, names_of(detectors())));
    }
    // Which other keys are right only the method knows, so `finish` would complain in vain.
    return detector;
  }
  if (entry->streaks) {
    const auto streak = [&params](std::string_view key, std::int64_t fallback) {
      return static_cast<std::uint32_t>(params.integer(key, fallback, {1, 1'000'000}));
    };
    detector.raise_after = streak("raise_after", 1);
    detector.clear_after = streak("clear_after", 3);
  }
  detector.make = entry->read(params);
  params.finish();
  return detector;
}

}  // namespace

void PipelineOptionsDeleter::operator()(PipelineOptions* options) const {
  delete options;
}

PipelineOptionsPtr read_pipeline_options(Params& root, std::span<const SourceOptions> sources) {
  PipelineOptionsPtr options(new PipelineOptions());
  std::set<std::string> rollups, detector_names;
  for (Params& table : root.tables("rollup")) {
    options->rollups.push_back(read_rollup(table, sources, rollups));
  }
  for (Params& table : root.tables("detector")) {
    options->detectors.push_back(read_one_detector(table, sources, detector_names));
  }
  return options;
}

}  // namespace weir
