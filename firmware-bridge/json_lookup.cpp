#include "firmware-bridge/json_lookup.hpp"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

using Element = JsonDocument::Element;

/// Goes the steps of `path` behind its first; `out` stays as it is if they lead nowhere.
void follow(Element first, const JsonPath& path, std::optional<Element>& out) {
  std::optional<Element> at = first;
  for (std::size_t i = 1; at && i < path.size(); ++i) at = json_child(*at, path[i]);
  if (at) out = at;
}

}  // namespace

std::optional<Element> json_child(Element parent, const JsonStep& step) {
  Element found;
  simdjson::dom::object object;
  if (parent.get(object) == simdjson::SUCCESS) {
    if (object.at_key(step.key).get(found) == simdjson::SUCCESS) return found;
    return std::nullopt;
  }
  simdjson::dom::array array;
  if (step.index && parent.get(array) == simdjson::SUCCESS &&
      array.at(*step.index).get(found) == simdjson::SUCCESS)
    return found;
  return std::nullopt;
}

JsonLookup::JsonLookup(std::vector<JsonPath> paths, std::size_t levels)
    : paths_(std::move(paths)), rows_(levels, Row(paths_.size())), met_(paths_.size()) {}

const JsonLookup::Row& JsonLookup::enter(Element element, std::size_t level) {
  Row& row = rows_[level];
  if (level > 0) {
    row = rows_[level - 1];
  } else {
    std::fill(row.begin(), row.end(), std::nullopt);
  }
  simdjson::dom::object object;
  if (element.get(object) == simdjson::SUCCESS) {
    search(object, row);
  } else {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (const std::optional<Element> first = json_child(element, paths_[i].front()))
        follow(*first, paths_[i], row[i]);
    }
  }
  return row;
}

void JsonLookup::search(simdjson::dom::object object, Row& row) {
  std::fill(met_.begin(), met_.end(), 0);
  std::size_t left = paths_.size();
  for (const auto field : object) {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      // Of a key given twice the first counts.
      if (met_[i] || paths_[i].front().key != field.key) continue;
      met_[i] = 1;
      follow(field.value, paths_[i], row[i]);
      --left;
    }
    if (left == 0) return;
  }
}

}  // namespace weir
