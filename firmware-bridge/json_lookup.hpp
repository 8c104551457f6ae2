#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "firmware-bridge/json_dom.hpp"
#include "firmware-bridge/json_path.hpp"

namespace weir {

/// The member or element of `parent` that this step leads to, if there is one.
std::optional<JsonDocument::Element> json_child(JsonDocument::Element parent, const JsonStep& step);

/// Finds out where a fixed set of paths leads from a record, or from what encloses it. Each level
/// is searched once, however many records it encloses, and in one pass for all paths: the time for
/// a document grows with its size only.
///
/// Protocol: levels are entered from the root on; level n+1 is inside what level n was last.
class JsonLookup {
 public:
  using Element = JsonDocument::Element;
  /// In the order of the paths; nothing where the path exists neither here nor further out.
  using Row = std::vector<std::optional<Element>>;

  JsonLookup() = default;
  JsonLookup(std::vector<JsonPath> paths, std::size_t levels);

  /// The row lives until this level or one further out is entered again.
  const Row& enter(Element element, std::size_t level);

 private:
  void search(simdjson::dom::object object, Row& row);

  std::vector<JsonPath> paths_;
  std::vector<Row> rows_;  ///< one a level
  std::vector<char> met_;  ///< paths whose first key was met in the object in hand
};

}  // namespace weir
