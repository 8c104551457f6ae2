#include "config/convert.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

namespace weir::detail {
namespace {

using Kind = Value::Kind;

constexpr std::size_t shown_max = 60;
/// What no check of `[low, high]` needs to name.
constexpr Bytes bytes_unbounded{1ULL << 63};

/// "1s to 15m", "at least 1s", or nothing for a range that allows everything.
template <class T, class Format>
std::string range_text(Range<T> range, T lowest, T highest, Format format) {
  if (range.high >= highest) return range.low <= lowest ? "" : "at least " + format(range.low);
  if (range.low <= lowest) return "at most " + format(range.high);
  return format(range.low) + " to " + format(range.high);
}

/// "a duration", or "a duration of 1s to 15m"
std::string in_words(std::string_view thing, std::string_view joint, const std::string& range) {
  std::string text(thing);
  if (!range.empty()) text.append(joint).append(range);
  return text;
}

/// The whole of the text as a number; a text stands for a number only if it holds a variable.
template <class T>
std::optional<T> number_in(const Value& value) {
  if (value.kind != Kind::text || !value.from_variables) return std::nullopt;
  const char* const end = value.expanded.data() + value.expanded.size();
  T number{};
  const auto [stop, error] = std::from_chars(value.expanded.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

tl::unexpected<Error> wrong(const Value& value, const std::string& expected) {
  return fail(ErrorKind::invalid, mismatch(value, expected));
}

tl::unexpected<Error> unreadable(const Value& value, const Error& error) {
  return fail(ErrorKind::invalid, "found " + describe(value) + "; " + error.message);
}

/// Cut at the start of a character, so that UTF-8 stays UTF-8.
std::string_view shortened(std::string_view text) {
  if (text.size() <= shown_max) return text;
  std::size_t n = shown_max;
  while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
  return text.substr(0, n);
}

}  // namespace

std::string toml_string(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append("\\").push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string toml_number(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char text[32];
  std::string out(text, std::to_chars(text, text + sizeof(text), number).ptr);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts)
    out.append(out.size() > 1 ? ", " : "").append(toml_string(text));
  return out + "]";
}

std::string toml_scalar(const Value& value) {
  if (value.kind == Kind::integer) return std::to_string(value.integer);
  if (value.kind == Kind::number) return toml_number(value.number);
  if (value.kind == Kind::boolean) return value.boolean ? "true" : "false";
  return value.written;
}

std::string_view describe_kind(const Value& value) {
  switch (value.kind) {
    case Kind::text:
      return "a text";
    case Kind::integer:
    case Kind::number:
      return "a number";
    case Kind::boolean:
      return "a boolean";
    case Kind::date:
      return "a date or time";
    case Kind::array:
      return "a list";
    case Kind::table:
      break;
  }
  return "a table";
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Kind::text: {
      const std::string_view shown = shortened(value.written);
      return toml_string(shown) + (shown.size() < value.written.size() ? "…" : "");
    }
    case Kind::integer:
    case Kind::number:
      return "the number " + toml_scalar(value);
    case Kind::boolean:
    case Kind::date:
      return toml_scalar(value) + " without quotes";
    case Kind::array:
    case Kind::table:
      break;
  }
  return std::string(describe_kind(value));
}

std::string mismatch(const Value& value, std::string_view expected) {
  return "found " + describe(value) + ", expected " + std::string(expected);
}

Result<std::string> to_text(const Value& value) {
  if (value.kind == Kind::text) return value.expanded;
  return wrong(value, "a text: put it in \"quotes\"");
}

Result<bool> to_boolean(const Value& value) {
  if (value.kind == Kind::boolean) return value.boolean;
  if (value.from_variables && (value.expanded == "true" || value.expanded == "false"))
    return value.expanded == "true";
  return wrong(value, "true or false, without quotes");
}

Result<std::int64_t> to_integer(const Value& value, Range<std::int64_t> range) {
  using Limits = std::numeric_limits<std::int64_t>;
  std::optional<std::int64_t> number = number_in<std::int64_t>(value);
  if (value.kind == Kind::integer) number = value.integer;
  if (number && *number >= range.low && *number <= range.high) return *number;
  const auto format = [](std::int64_t n) { return std::to_string(n); };
  const std::string limits = range_text(range, Limits::min(), Limits::max(), format);
  std::string expected =
      in_words("a whole number", limits.starts_with("at") ? " of " : " from ", limits);
  if (!number && value.kind == Kind::text) expected += ", without quotes";
  return wrong(value, expected);
}

Result<double> to_number(const Value& value, Range<double> range) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::optional<double> number = number_in<double>(value);
  if (value.kind == Kind::number) number = value.number;
  if (value.kind == Kind::integer) number = static_cast<double>(value.integer);
  const bool finite = number && std::isfinite(*number);
  if (finite && *number >= range.low && *number <= range.high) return *number;
  const std::string limits = range_text(range, -infinity, infinity, toml_number);
  std::string expected = in_words(number && !finite ? "a finite number" : "a number",
                                  limits.starts_with("at") ? " of " : " from ", limits);
  if (!number && value.kind == Kind::text) expected += ", without quotes";
  return wrong(value, expected);
}

Result<Duration> to_duration(const Value& value, Range<Duration> range) {
  if (value.kind != Kind::text)
    return wrong(value, "a duration in quotes, with its unit: \"250ms\", \"30s\", \"1h30m\"");
  Result<Duration> parsed = parse_duration(value.expanded);
  if (!parsed) return unreadable(value, parsed.error());
  if (*parsed >= range.low && *parsed <= range.high) return parsed;
  // Zero is what "no lower limit" means for something that can't be negative.
  const std::string limits = range_text(range, Duration(0), Duration::max(), format_duration);
  return wrong(value, in_words("a duration", " of ", limits));
}

Result<Bytes> to_bytes(const Value& value, Range<Bytes> range) {
  if (value.kind != Kind::text)
    return wrong(value, "a size in quotes, with its unit: \"512KiB\", \"64MiB\"");
  Result<Bytes> parsed = parse_bytes(value.expanded);
  if (!parsed) return unreadable(value, parsed.error());
  if (*parsed >= range.low && *parsed <= range.high) return parsed;
  const std::string limits = range_text(range, Bytes{0}, bytes_unbounded, format_bytes);
  return wrong(value, in_words("a size", " of ", limits));
}

Result<std::size_t> to_choice(const Value& value, const std::vector<std::string_view>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (value.kind == Kind::text && value.expanded == words[i]) return i;
    list.append(i > 0 ? ", " : "").append(toml_string(words[i]));
  }
  std::string expected = words.size() > 1 ? "one of " + list : list;
  // A variable's value must not show through the word that is nearest to it.
  if (value.kind == Kind::text && !value.from_variables) {
    const std::string near = nearest_word(value.expanded, {words.begin(), words.end()});
    if (!near.empty()) expected += "; did you mean " + toml_string(near) + "?";
  }
  return wrong(value, expected);
}

}  // namespace weir::detail
