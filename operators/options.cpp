#include "operators/options.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "operators/enrichment.hpp"
#include "operators/registry.hpp"
#include "operators/saturate.hpp"
#include "operators/unknown_word.hpp"

namespace weir {

namespace {

template <class Entry>
std::vector<std::string> names_of(std::span<const Entry* const> entries) {
  std::vector<std::string> names;
  for (const Entry* entry : entries) names.emplace_back(entry->name);
  return names;
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
  if (!from.empty()) params.problem("from", unknown_word("source", from, known));
  return nullptr;
}

std::vector<std::string> read_by(Params& params, const SourceOptions* source) {
  std::vector<std::string> by = params.texts("by", {});
  if (source == nullptr) return by;
  if (by.empty()) return source->tag_names;
  refuse_repeats(params, "by", by);
  const std::vector<std::string> known = all_tags(*source);
  for (const std::string& tag : by) {
    if (std::find(known.begin(), known.end(), tag) == known.end())
      params.problem("by", unknown_word("tag", tag, known));
  }
  return by;
}

AggregateOptions read_aggregate_options(Params& params) {
  constexpr std::size_t most_states = 16;
  AggregateOptions options;
  options.relative_error = params.number("relative_error", options.relative_error, {0.001, 0.2});
  options.per_seconds = as_seconds(params.duration("per", std::chrono::seconds(1), window_length));
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
      params.problem("aggregates", unknown_word("aggregate", word, known));
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

EmissionOptions read_emission(Params& params, const WindowOptions& window) {
  using Mode = EmissionOptions::Mode;
  constexpr Range<Duration> any{Duration(0), std::chrono::hours(1)};
  constexpr Range<Duration> some{std::chrono::milliseconds(100), any.high};
  EmissionOptions emission;
  emission.mode = params.choice<Mode>(
      "emit", Mode::revisions,
      {{"revisions", Mode::revisions}, {"final", Mode::final}, {"early", Mode::early}});
  emission.revise_every = params.duration("revise_every", Duration(0), any);
  emission.early_every = params.duration("early_every", std::chrono::seconds(10), some);
  const bool early = emission.mode == Mode::early, once = emission.mode == Mode::final;
  if (params.has("early_every") && !early)
    params.problem("early_every", "has a meaning only with emit = \"early\"");
  if (params.has("revise_every") && once)
    params.problem("revise_every", "has no meaning with emit = \"final\": nothing is revised");
  if (window.kind == nullptr) return emission;
  const std::string kind(window.kind->name);
  if (early && !window.kind->has_early)
    params.problem("emit", "a window that is " + kind + " has no previews");
  if (params.has("revise_every") && !window.kind->has_revise_every)
    params.problem("revise_every", "has no meaning for a window that is " + kind);
  return emission;
}

Duration read_period(Params& params, const WindowOptions& window) {
  const Duration period = params.duration("period", Duration(0), {Duration(0), window_length.high});
  if (period == Duration(0) || window.kind == nullptr) return period;
  if (!window.kind->has_length) {
    params.problem("period", "has no meaning for a window that is " +
                                 std::string(window.kind->name) +
                                 ": how long it is comes from its readings");
  } else if (window.size < period) {
    params.problem("period", "is longer than the window, which would hold less than one reading");
  }
  return period;
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
  rollup.window = read_window(params);
  rollup.emission = read_emission(params, rollup.window);
  rollup.period = read_period(params, rollup.window);
  if (source != nullptr) rollup.where = read_where(params, scope_behind(*source));
  rollup.aggregates = read_aggregates(params);
  rollup.state = params.boolean("state", false);
  if (rollup.state && !AggregateSet(rollup.aggregates).can_ship())
    params.problem("state", "none of the aggregates has a state that can be merged in any order");
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
  const SourceOptions* source = read_source(params, sources);
  if (source != nullptr) {
    detector.from = source->name;
    detector.where = read_where(params, scope_behind(*source));
  }
  detector.metrics = read_metrics(params);
  detector.topic = params.text("topic", "telemetry.alerts");
  detector.method = params.required_text("method");
  const DetectorEntry* entry = find_detector(detector.method);
  if (entry == nullptr) {
    if (!detector.method.empty()) {
      params.problem("method", unknown_word("method", detector.method, names_of(detectors())));
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
  detector.make = entry->read(params, source);
  params.finish();
  return detector;
}

}  // namespace

void PipelineOptionsDeleter::operator()(PipelineOptions* options) const {
  delete options;
}

PipelineOptionsPtr read_pipeline_options(Params& root, std::span<const SourceOptions> sources) {
  PipelineOptionsPtr options(new PipelineOptions());
  options->active_series =
      static_cast<std::uint32_t>(root.table("limits").integer("active_series", 0, {0, 1'000'000}));
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
