#include "firmware-bridge/json_path.hpp"

#include <charconv>
#include <utility>

namespace weir {
namespace {

constexpr std::size_t steps_max = 64;

std::optional<std::size_t> as_index(std::string_view key) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return index;
}

/// Takes a quoted key off `rest`, which begins with its quote; false if it does not end.
bool take_quoted(std::string_view& rest, std::string& key) {
  rest.remove_prefix(1);
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '\'') {
      key += c;
    } else if (rest.starts_with('\'')) {
      key += '\'';
      rest.remove_prefix(1);
    } else {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<JsonPath> parse_json_path(std::string_view text, bool each_allowed) {
  JsonPath path;
  std::string_view rest = text;
  while (true) {
    JsonStep step;
    if (rest.starts_with('\'')) {
      if (!take_quoted(rest, step.key))
        return fail(ErrorKind::invalid, "a quote is opened in the path and not closed");
    } else {
      step.key = rest.substr(0, rest.find('.'));
      rest.remove_prefix(step.key.size());
      if (step.key.empty())
        return fail(ErrorKind::invalid, "a step of the path is empty: '' stands for an empty key");
      step.each = step.key == "*";
      if (step.each && !each_allowed)
        return fail(ErrorKind::invalid, "* is only allowed in each; '*' in quotes is a key");
      step.index = as_index(step.key);
    }
    path.push_back(std::move(step));
    if (path.size() > steps_max) return fail(ErrorKind::invalid, "a path has at most 64 steps");
    if (rest.empty()) return path;
    if (rest.front() != '.')
      return fail(ErrorKind::invalid, "a dot is missing behind a closing quote in the path");
    rest.remove_prefix(1);
  }
}

void append_json_step(std::string& path, std::string_view key) {
  if (!path.empty()) path += '.';
  const bool plain =
      !key.empty() && key.front() != '\'' && key != "*" && key.find('.') == std::string_view::npos;
  if (plain) {
    path += key;
    return;
  }
  path += '\'';
  for (const char c : key) {
    path += c;
    if (c == '\'') path += c;
  }
  path += '\'';
}

std::string json_path_text(const JsonPath& path) {
  std::string text;
  for (const JsonStep& step : path) {
    if (step.each) {
      text += text.empty() ? "*" : ".*";
    } else {
      append_json_step(text, step.key);
    }
  }
  return text;
}

}  // namespace weir
