#include "firmware-bridge/topic.hpp"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

/// Takes the next level off `rest`; the last one leaves `more` false.
std::string_view next_level(std::string_view& rest, bool& more) {
  const std::size_t slash = rest.find('/');
  more = slash != std::string_view::npos;
  const std::string_view level = rest.substr(0, slash);
  rest.remove_prefix(more ? slash + 1 : rest.size());
  return level;
}

tl::unexpected<Error> bad(std::size_t at, std::string_view why) {
  return fail(ErrorKind::invalid,
              "at character " + std::to_string(at + 1) + ": " + std::string(why));
}

}  // namespace

Result<TopicTemplate> TopicTemplate::parse(std::string_view text) {
  if (text.empty()) return fail(ErrorKind::invalid, "a topic has at least one character");
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return bad(nul, "a topic holds no NUL");

  TopicTemplate made;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t at = text.size() - rest.size();
    const std::string_view level = next_level(rest, more);
    Level parsed{Level::Kind::text, {}, false};
    if (level == "+" || level == "#") {
      parsed.kind = level == "+" ? Level::Kind::one : Level::Kind::rest;
    } else if (level.size() >= 2 && level.front() == '{' && level.back() == '}') {
      std::string_view name = level.substr(1, level.size() - 2);
      parsed = {Level::Kind::one, {}, true};
      if (name.ends_with('#')) {
        parsed.kind = Level::Kind::rest;
        name.remove_suffix(1);
      }
      if (name.empty()) return bad(at, "a capture needs a name");
      if (name.find_first_of("{}+#") != std::string_view::npos)
        return bad(at, "the name of a capture holds none of { } + #");
      if (std::find(made.names_.begin(), made.names_.end(), name) != made.names_.end())
        return bad(at, "two captures have the name '" + std::string(name) + "'");
      made.names_.emplace_back(name);
    } else if (level.find_first_of("{}+#") != std::string_view::npos) {
      return bad(at, "a wildcard or a capture takes a whole level between slashes");
    } else {
      parsed.text = level;
    }
    if (parsed.kind == Level::Kind::rest && more)
      return bad(at, "# stands only at the end of a topic");

    if (!made.levels_.empty()) made.filter_ += '/';
    if (parsed.kind == Level::Kind::text) made.filter_ += parsed.text;
    if (parsed.kind == Level::Kind::one) made.filter_ += '+';
    if (parsed.kind == Level::Kind::rest) made.filter_ += '#';
    made.levels_.push_back(std::move(parsed));
  }
  if (made.filter_.size() > 65535)
    return fail(ErrorKind::invalid, "a topic has at most 65535 bytes");
  return made;
}

bool TopicTemplate::match(std::string_view topic, std::vector<std::string_view>& values) const {
  values.clear();
  if (topic.empty()) return false;
  if (topic.front() == '$' && levels_.front().kind != Level::Kind::text) return false;

  std::string_view rest = topic;
  bool more = true;
  for (const Level& level : levels_) {
    if (level.kind == Level::Kind::rest) {
      // "sport/#" matches "sport" too (MQTT 3.1.1, 4.7.1.2), but there is nothing to capture then.
      if (!more) return !level.captured;
      if (level.captured) values.push_back(rest);
      return true;
    }
    if (!more) return false;
    const std::string_view found = next_level(rest, more);
    if (level.kind == Level::Kind::text && found != level.text) return false;
    if (level.captured) values.push_back(found);
  }
  return !more;
}

}  // namespace weir
