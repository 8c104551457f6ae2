#include "firmware-bridge/router.hpp"

#include <algorithm>
#include <utility>

namespace weir {

Router::Found Router::find(std::string_view topic) {
  if (const auto known = remembered_.find(topic); known != remembered_.end())
    return {known->second, true};
  match(topic, found_);
  return {found_, false};
}

void Router::remember(std::string_view topic) {
  if (remembered_.size() >= remembered_max || topic.size() > remembered_topic_bytes_max) return;
  const auto [entry, added] = remembered_.try_emplace(std::string(topic));
  if (!added) return;
  match(entry->first, entry->second);
  for (std::size_t i = 0; i < entry->second.size(); ++i) {
    Route& route = entry->second[i];
    route.device = found_[i].device;
    if (route.device) route.captures = {};
  }
}

void Router::match(std::string_view topic, std::vector<Route>& routes) {
  routes.clear();
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    for (const SourceConfig::Topic& candidate : sources_[i].topics) {
      if (!candidate.pattern.match(topic, values_)) continue;
      Route route;
      route.source = static_cast<std::uint32_t>(i);
      if (sources_[i].tagged_by_topic) route.captures.push_back(topic);
      for (const std::size_t capture : candidate.captures)
        route.captures.push_back(values_[capture]);
      routes.push_back(std::move(route));
      break;
    }
  }
}

}  // namespace weir
