#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"

namespace weir {

/// A topic template: "plant/{line}/{device}/state", "zigbee2mqtt/{device#}". A `{name}` subscribes
/// as
/// `+` and captures one level; `{name#}`, only at the end, subscribes as `#` and captures one or
/// more; `+` and `#` match without capturing.
class TopicTemplate {
 public:
  /// # Errors
  /// `invalid`: an empty capture name, one used twice, `#` not at the end, a level that mixes text
  /// and a wildcard, a NUL, more than 65535 bytes; the message names the place.
  static Result<TopicTemplate> parse(std::string_view text);

  /// What to subscribe to.
  const std::string& filter() const { return filter_; }
  const std::vector<std::string>& names() const { return names_; }

  /// Whether the topic matches, by MQTT's rules ($-topics are not matched by a leading wildcard);
  /// then `values` are its captures in the order of `names()`, pointing into `topic`.
  bool match(std::string_view topic, std::vector<std::string_view>& values) const;

 private:
  struct Level {
    enum class Kind { text, one, rest } kind;
    std::string text;  ///< of a text level
    bool captured;
  };
  std::vector<Level> levels_;
  std::string filter_;
  std::vector<std::string> names_;
};

}  // namespace weir
