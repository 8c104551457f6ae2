#include "config/params.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "config/convert.hpp"
#include "config/document.hpp"
#include "config/read_file.hpp"

namespace weir {
namespace {

using detail::Node;
using detail::Value;

constexpr std::size_t secret_file_bytes_max = 64u << 10;
constexpr Range<double> any_number{-std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::infinity()};

/// What stands at `key`, if it is there and usable. What is wrong with it is reported.
template <class Convert>
auto read(Node& node, std::string_view key, std::string default_value, Convert convert)
    -> std::optional<typename decltype(convert(std::declval<const Value&>()))::value_type> {
  const Value* const value = node.ask(key, std::move(default_value));
  if (value == nullptr || value->unusable) return std::nullopt;
  auto converted = convert(*value);
  if (converted) return *std::move(converted);
  node.report(value->at, node.path_of(key), converted.error().message);
  return std::nullopt;
}

/// A list of texts; each wrong element is reported at its own place.
std::optional<std::vector<std::string>> read_texts(Node& node, std::string_view key,
                                                   std::string default_value) {
  const Value* const list = node.ask(key, std::move(default_value));
  if (list == nullptr || list->unusable) return std::nullopt;
  if (list->kind != Value::Kind::array) {
    node.report(list->at, node.path_of(key),
                detail::mismatch(*list, "a list of texts: put it in [brackets]"));
    return std::nullopt;
  }
  std::vector<std::string> texts;
  bool usable = true;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Value& item = list->items[i];
    Result<std::string> text = detail::to_text(item);
    usable = usable && text && !item.unusable;
    if (text) {
      texts.push_back(*std::move(text));
    } else {
      node.report(item.at, node.path_of(key) + "[" + std::to_string(i) + "]", text.error().message);
    }
  }
  return usable ? std::optional(std::move(texts)) : std::nullopt;
}

/// Calls `take(name, value)` for every usable entry of a free-form table; its result is an error
/// message, if any.
template <class Take>
void read_entries(Node& node, std::string_view key, std::string_view expected, Take take) {
  const Value* const table = node.ask(key, "{}");
  if (table == nullptr || table->unusable) return;
  if (table->kind != Value::Kind::table) {
    node.report(table->at, node.path_of(key), detail::mismatch(*table, expected));
    return;
  }
  Node& entries = node.child(key, table);
  for (const detail::Member* member : detail::in_file_order(*table)) {
    entries.know(member->name);
    const Value& value = member->value;
    if (value.unusable) continue;
    const Result<void> taken = take(member->name, value);
    if (!taken) entries.report(value.at, entries.path_of(member->name), taken.error().message);
  }
}

/// The first line of the file.
Result<std::string> secret_in(const std::string& path) {
  const Result<std::string> text = detail::read_file(path, secret_file_bytes_max);
  if (!text) return fail(text.error().kind, path + " " + text.error().message);
  std::string first_line = text->substr(0, text->find_first_of("\r\n"));
  if (first_line.empty())
    return fail(ErrorKind::invalid, path + " has no text in its first line, where it should be");
  return first_line;
}

/// The path of the systemd credential "mqtt.password", if there is one.
std::optional<std::string> systemd_credential(const Node& node, std::string_view key) {
  const auto folder = node.document().environment("CREDENTIALS_DIRECTORY");
  if (!folder || folder->empty()) return std::nullopt;
  std::string path = *folder + "/" + node.path_of(key);
  std::error_code error;
  return std::filesystem::exists(path, error) ? std::optional(std::move(path)) : std::nullopt;
}

}  // namespace

Params::Params(std::shared_ptr<detail::Node> node) : node_(std::move(node)) {}

std::string Params::text(std::string_view key, std::string_view default_value) {
  return read(*node_, key, detail::toml_string(default_value), detail::to_text)
      .value_or(std::string(default_value));
}

std::string Params::required_text(std::string_view key) {
  const auto text = read(*node_, key, "", detail::to_text);
  constexpr std::string_view expected = "a text in \"quotes\"";
  if (!has(key)) node_->report_missing(key, expected);
  if (text && text->empty()) node_->report_at_key(key, "is empty; a value is required here");
  return text.value_or("");
}

std::optional<std::string> Params::optional_text(std::string_view key) {
  return read(*node_, key, "", detail::to_text);
}

bool Params::boolean(std::string_view key, bool default_value) {
  return read(*node_, key, default_value ? "true" : "false", detail::to_boolean)
      .value_or(default_value);
}

std::int64_t Params::integer(std::string_view key, std::int64_t default_value,
                             Range<std::int64_t> range) {
  return read(*node_, key, std::to_string(default_value),
              [&](const Value& value) { return detail::to_integer(value, range); })
      .value_or(default_value);
}

double Params::number(std::string_view key, double default_value, Range<double> range) {
  return read(*node_, key, detail::toml_number(default_value),
              [&](const Value& value) { return detail::to_number(value, range); })
      .value_or(default_value);
}

std::optional<double> Params::optional_number(std::string_view key) {
  return read(*node_, key, "",
              [](const Value& value) { return detail::to_number(value, any_number); });
}

Duration Params::duration(std::string_view key, Duration default_value, Range<Duration> range) {
  return read(*node_, key, detail::toml_string(format_duration(default_value)),
              [&](const Value& value) { return detail::to_duration(value, range); })
      .value_or(default_value);
}

Duration Params::required_duration(std::string_view key, Range<Duration> range) {
  const auto duration = optional_duration(key, range);
  if (!has(key)) node_->report_missing(key, "a duration, as \"30s\"");
  return duration.value_or(Duration(0));
}

std::optional<Duration> Params::optional_duration(std::string_view key, Range<Duration> range) {
  return read(*node_, key, "",
              [&](const Value& value) { return detail::to_duration(value, range); });
}

Bytes Params::bytes(std::string_view key, Bytes default_value, Range<Bytes> range) {
  return read(*node_, key, detail::toml_string(format_bytes(default_value)),
              [&](const Value& value) { return detail::to_bytes(value, range); })
      .value_or(default_value);
}

std::vector<std::string> Params::texts(std::string_view key,
                                       std::vector<std::string> default_value) {
  return read_texts(*node_, key, detail::toml_list(default_value))
      .value_or(std::move(default_value));
}

std::vector<std::string> Params::required_texts(std::string_view key) {
  const auto texts = read_texts(*node_, key, "");
  if (!has(key)) node_->report_missing(key, "a list of texts, as [\"a\", \"b\"]");
  if (texts && texts->empty()) node_->report_at_key(key, "is empty; at least one is required");
  return texts.value_or(std::vector<std::string>());
}

std::size_t Params::choice_index(std::string_view key, const std::vector<std::string_view>& names,
                                 std::size_t fallback) {
  return read(*node_, key, detail::toml_string(names[fallback]),
              [&](const Value& value) { return detail::to_choice(value, names); })
      .value_or(fallback);
}

std::optional<std::string> Params::secret(std::string_view key) {
  const std::string file_key = std::string(key) + "_file";
  node_->keep_secret(key);
  const Value* const value = node_->ask(key, "\"\"");
  const Value* const file = node_->ask(file_key, "");
  if (value != nullptr && file != nullptr)
    node_->report_at_key(file_key, "stands beside " + std::string(key) + "; give one of the two");
  if (value != nullptr && value->kind != Value::Kind::text)
    node_->report_at_key(key, "found " + std::string(detail::describe_kind(*value)) +
                                  ", expected a text: put it in \"quotes\"");
  const auto path = read(*node_, file_key, "", detail::to_text);
  if (value != nullptr && value->unusable) return std::nullopt;
  // An empty text is the default, written out: it stands for none.
  if (value != nullptr && !value->expanded.empty()) return value->expanded;
  const bool from_file = path && !path->empty();
  const auto source = from_file ? path : systemd_credential(*node_, key);
  if (!source) return std::nullopt;
  Result<std::string> secret = secret_in(*source);
  if (secret) return *std::move(secret);
  node_->report_at_key(from_file ? file_key : std::string(key), secret.error().message);
  return std::nullopt;
}

Params Params::table(std::string_view key) {
  const Value* const value = node_->find(key);
  const bool fits = value != nullptr && value->kind == Value::Kind::table;
  Node& child = node_->child(key, fits ? value : nullptr);
  if (value != nullptr && !fits) {
    node_->report(value->at, node_->path_of(key),
                  detail::mismatch(*value, "one table: [" + node_->path_of(key) + "]"));
    child.mute();
  }
  return Params(std::shared_ptr<Node>(node_, &child));
}

std::vector<Params> Params::tables(std::string_view key) {
  node_->know(key);
  std::vector<Params> tables;
  const Value* const value = node_->find(key);
  if (value == nullptr) return tables;
  const std::string expected = "tables: [[" + node_->path_of(key) + "]]";
  const auto add = [&](const Value& table, std::size_t index) {
    tables.push_back(Params(std::shared_ptr<Node>(node_, &node_->child(key, &table, &index))));
  };
  if (value->kind == Value::Kind::table) {
    node_->report(value->at, node_->path_of(key),
                  "found one table, expected " + expected + " in two pairs of brackets");
    add(*value, 0);
  } else if (value->kind != Value::Kind::array) {
    node_->report(value->at, node_->path_of(key), detail::mismatch(*value, expected));
  }
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    const Value& item = value->items[i];
    if (item.kind == Value::Kind::table) {
      add(item, i);
    } else {
      node_->report(item.at, node_->path_of(key) + "[" + std::to_string(i) + "]",
                    detail::mismatch(item, "a table"));
    }
  }
  return tables;
}

bool Params::has(std::string_view key) const {
  return node_->find(key) != nullptr;
}

Params::Form Params::form(std::string_view key) const {
  const Value* const value = node_->find(key);
  if (value == nullptr) return Form::absent;
  switch (value->kind) {
    case Value::Kind::integer:
    case Value::Kind::number:
      return Form::number;
    case Value::Kind::boolean:
      return Form::boolean;
    case Value::Kind::table:
      return Form::table;
    case Value::Kind::array:
      return Form::array;
    case Value::Kind::text:
    case Value::Kind::date:
      break;
  }
  return Form::text;
}

std::vector<std::pair<std::string, std::string>> Params::entries(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> found;
  const auto take = [&](const std::string& name, const Value& value) -> Result<void> {
    if (value.kind == Value::Kind::table)
      return fail(ErrorKind::invalid, detail::mismatch(value,
                                                       "a text; put a key that has dots in "
                                                       "\"quotes\""));
    if (value.kind == Value::Kind::array)
      return fail(ErrorKind::invalid, detail::mismatch(value, "a text, number or boolean"));
    const bool is_text = value.kind == Value::Kind::text;
    found.emplace_back(name, is_text ? value.expanded : detail::toml_scalar(value));
    return {};
  };
  read_entries(*node_, key, "a table: { name = \"text\" }", take);
  return found;
}

std::vector<std::pair<std::string, double>> Params::number_entries(std::string_view key) {
  std::vector<std::pair<std::string, double>> found;
  const auto take = [&](const std::string& name, const Value& value) -> Result<void> {
    const Result<double> number = detail::to_number(value, any_number);
    if (!number) return fail(number.error());
    found.emplace_back(name, *number);
    return {};
  };
  read_entries(*node_, key, "a table of numbers: { NAME = 1 }", take);
  return found;
}

void Params::put_text(std::string_view key, std::string text, std::string_view like) {
  // The document is ours; only its readers must not change it.
  Value& table = const_cast<Value&>(*node_->table());
  Value value;
  value.kind = Value::Kind::text;
  value.at = node_->find(like) != nullptr ? node_->find(like)->at : node_->at();
  value.written = value.expanded = std::move(text);
  if (Value* const there = table.find(key)) {
    *there = std::move(value);
    return;
  }
  const auto behind = std::ranges::lower_bound(table.members, key, {}, &detail::Member::name);
  table.members.insert(behind, {std::string(key), value.at, std::move(value)});
}

void Params::problem(std::string_view key, std::string message) {
  node_->report_at_key(key, std::move(message));
}

Place Params::place(std::string_view key) const {
  const Value* const value = node_->find(key);
  return node_->document().place(value != nullptr ? value->at : node_->at());
}

const std::string& Params::path() const {
  return node_->path();
}

void Params::finish() {
  node_->finish();
}

}  // namespace weir
