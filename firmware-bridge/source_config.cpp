#include "firmware-bridge/source_config.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "firmware-bridge/registry.hpp"
#include "operators/stage.hpp"

namespace weir {
namespace {

constexpr Duration year = std::chrono::hours(24 * 365);

void read_times(Params& source, SourceOptions& out) {
  const Range<Duration> any{Duration(0), year};
  out.out_of_order = source.duration("out_of_order", Duration(0), any);
  out.lateness = source.duration("lateness", std::chrono::seconds(30), any);
  out.max_skew = source.duration("max_skew", std::chrono::minutes(5), any);
  out.idle = source.duration("idle", std::chrono::minutes(2), {std::chrono::milliseconds(1), year});
  out.forget_after = source.duration("forget_after", Duration(0), any);
  if (out.forget_after > Duration(0) && out.forget_after < out.idle)
    source.problem("forget_after", "expected 0s, or at least as long as idle");
  out.late_topic = source.text("late_topic", "weir.late");
  if (out.late_topic.empty()) source.problem("late_topic", "a topic of Kafka, not an empty text");
  out.quarantine_topic = source.text("quarantine_topic", "");
}

/// Where each of `names` stands in `found`; empty if they are not the same names.
std::vector<std::size_t> order_of(const std::vector<std::string>& names,
                                  const std::vector<std::string>& found) {
  std::vector<std::size_t> order;
  if (names.size() != found.size()) return {};
  for (const std::string& name : names) {
    const auto at = std::find(found.begin(), found.end(), name);
    if (at == found.end()) return {};
    order.push_back(static_cast<std::size_t>(at - found.begin()));
  }
  return order;
}

void read_topics(Params& source, SourceConfig& out) {
  std::vector<std::string>& names = out.options.tag_names;
  for (const std::string& text : source.required_texts("topics")) {
    Result<TopicTemplate> pattern = TopicTemplate::parse(text);
    if (!pattern) {
      source.problem("topics", "'" + text + "': " + pattern.error().message);
      continue;
    }
    if (out.topics.empty()) names = pattern->names();
    std::vector<std::size_t> captures = order_of(names, pattern->names());
    if (captures.size() != names.size() || pattern->names().size() != names.size())
      source.problem("topics", "'" + text +
                                   "' does not capture the same names as the first topic: " +
                                   "a source has one set of tags");
    out.topics.push_back({*std::move(pattern), std::move(captures)});
  }
}

void add_payload_tags(Params& source, SourceConfig& out) {
  std::vector<std::string>& names = out.options.tag_names;
  const std::size_t captured = names.size();
  if (out.decoder) {
    for (const std::string& name : out.decoder->tag_names()) {
      const auto end = names.begin() + static_cast<std::ptrdiff_t>(captured);
      if (std::find(names.begin(), end, name) != end)
        source.problem("tags", "'" + name + "' is captured from the topic already");
      names.push_back(name);
    }
  }
  out.tagged_by_topic = names.empty();
  if (out.tagged_by_topic) names.emplace_back("topic");
}

std::vector<std::string_view> levels_of(std::string_view filter) {
  std::vector<std::string_view> levels;
  for (std::size_t at = 0; at <= filter.size();) {
    const std::size_t end = std::min(filter.find('/', at), filter.size());
    levels.push_back(filter.substr(at, end - at));
    at = end + 1;
  }
  return levels;
}

/// Whether every topic that `narrow` matches is matched by `wide`.
bool covers(std::string_view wide, std::string_view narrow) {
  if (narrow.starts_with('$') != wide.starts_with('$')) return false;
  const std::vector<std::string_view> wider = levels_of(wide), narrower = levels_of(narrow);
  for (std::size_t i = 0; i < wider.size(); ++i) {
    if (wider[i] == "#") return true;
    if (i == narrower.size() || narrower[i] == "#") return false;
    if (wider[i] != "+" && wider[i] != narrower[i]) return false;
  }
  return wider.size() == narrower.size();
}

}  // namespace

std::vector<SourceConfig> SourceConfig::read_all(Params root) {
  const std::vector<std::string> none;
  std::vector<SourceConfig> sources;
  for (Params& source : root.tables("source")) {
    SourceConfig read;
    read.options.name = source.required_text("name");
    for (const SourceConfig& other : sources) {
      if (!read.options.name.empty() && other.options.name == read.options.name)
        source.problem("name", "another source has the name '" + read.options.name + "' already");
    }
    read_topics(source, read);
    read.decoder = make_decoder(source);
    add_payload_tags(source, read);
    read.use_retained = source.choice("retained", false, {{"ignore", false}, {"use", true}});
    read_times(source, read.options);
    read_source_rules(source, read.decoder ? read.decoder->metric_names() : none, read.options);
    sources.push_back(std::move(read));
  }
  if (sources.empty()) root.problem("source", "there is no [[source]]: nothing would be read");
  return sources;
}

std::vector<std::string> subscriptions(std::span<const SourceConfig> sources) {
  std::vector<std::string> filters;
  for (const SourceConfig& source : sources) {
    for (const SourceConfig::Topic& topic : source.topics) {
      const std::string& filter = topic.pattern.filter();
      const auto wider = [&](const std::string& other) { return covers(other, filter); };
      if (std::any_of(filters.begin(), filters.end(), wider)) continue;
      std::erase_if(filters, [&](const std::string& other) { return covers(filter, other); });
      filters.push_back(filter);
    }
  }
  return filters;
}

}  // namespace weir
