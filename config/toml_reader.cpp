// toml++ has assertions that a damaged file can fail ("[&"): with NDEBUG it takes them for granted,
// without it ends the process. Here they throw, whatever the build.
namespace {
struct FailedAssertion {};
[[noreturn]] void fail_assertion() {
  throw FailedAssertion();
}
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(holds) ((holds) ? void() : fail_assertion())
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

#include "config/toml_reader.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

#include "config/toml_scan.hpp"

namespace weir::detail {
namespace {

Position position_of(const toml::source_position& at, std::uint32_t file) {
  return {file, at.line, at.column};
}

Position position_of(std::string_view text, std::size_t offset, std::uint32_t file) {
  const std::string_view before = text.substr(0, offset);
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto characters = std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return {file, static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(characters + 1)};
}

template <class T>
std::string as_toml(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

Value convert(const toml::node& node, std::uint32_t file);

void convert_members(const toml::table& table, std::uint32_t file, Value& value) {
  value.members.reserve(table.size());
  for (auto&& [key, node] : table) {
    value.members.push_back(
        {std::string(key.str()), position_of(key.source().begin, file), convert(node, file)});
  }
}

Value convert(const toml::node& node, std::uint32_t file) {
  Value value;
  value.at = position_of(node.source().begin, file);
  if (const auto* text = node.as_string()) {
    value.kind = Value::Kind::text;
    value.written = text->get();
    value.expanded = value.written;
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Value::Kind::integer;
    value.integer = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.kind = Value::Kind::number;
    value.number = number->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.kind = Value::Kind::boolean;
    value.boolean = boolean->get();
  } else if (const auto* array = node.as_array()) {
    value.kind = Value::Kind::array;
    value.items.reserve(array->size());
    for (const toml::node& item : *array) value.items.push_back(convert(item, file));
  } else if (const auto* table = node.as_table()) {
    value.kind = Value::Kind::table;
    convert_members(*table, file, value);
  } else {
    value.kind = Value::Kind::date;
    if (const auto* date = node.as_date()) value.written = as_toml(date->get());
    if (const auto* time = node.as_time()) value.written = as_toml(time->get());
    if (const auto* both = node.as_date_time()) value.written = as_toml(both->get());
  }
  return value;
}

/// The line the parser stopped in may hold a password, and its messages quote what they stopped at.
bool may_hold_a_secret(std::string_view text, std::uint32_t line) {
  for (; line > 1; --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  std::string lower(text.substr(0, text.find('\n')));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::array<std::string_view, 5> words = {"pass", "secret", "token", "credential",
                                                     "private"};
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

std::string explain(const toml::parse_error& error, std::string_view text) {
  if (may_hold_a_secret(text, error.source().begin.line))
    return "not valid TOML (what stands here is not shown, as it may be a secret); a text stands "
           "in \"quotes\"";
  std::string_view what = error.description();
  constexpr std::string_view opening = "Error while parsing ";
  std::string message = "not valid TOML: ";
  if (what.starts_with(opening)) {
    what.remove_prefix(opening.size());
    message += "in a ";
  }
  message += what;
  const bool bare_word = what.find("could not determine value type") != std::string_view::npos ||
                         what.starts_with("boolean");
  if (bare_word) message += "; a text stands in \"quotes\"";
  return message;
}

bool fails_assertion(std::string_view text) {
  try {
    const toml::table discarded = toml::parse(text);
  } catch (const FailedAssertion&) {
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
  return false;
}

/// A failed assertion has no place. The parser goes from the front to the back: the first line that
/// it fails with is the one.
Position place_of_failure(std::string_view text, std::uint32_t file) {
  std::vector<std::size_t> line_ends;
  for (std::size_t end = 0; end < text.size(); ++end) {
    end = std::min(text.find('\n', end), text.size());
    line_ends.push_back(end);
  }
  const auto line = std::partition_point(line_ends.begin(), line_ends.end(), [&](std::size_t end) {
    return !fails_assertion(text.substr(0, end));
  });
  return {file, static_cast<std::uint32_t>(line - line_ends.begin() + 1), 1};
}

}  // namespace

tl::expected<Value, SyntaxError> read_toml(std::string_view text, std::uint32_t file) {
  if (const auto obstacle = find_obstacle(text)) {
    return tl::unexpected(
        SyntaxError{position_of(text, obstacle->offset, file), std::string(obstacle->message)});
  }
  try {
    return convert(toml::parse(text), file);
  } catch (const FailedAssertion&) {
    return tl::unexpected(
        SyntaxError{place_of_failure(text, file), "not valid TOML: expected a key"});
  } catch (const toml::parse_error& error) {
    return tl::unexpected(
        SyntaxError{position_of(error.source().begin, file), explain(error, text)});
  }
}

}  // namespace weir::detail
