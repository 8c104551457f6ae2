#include "config/toml_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace weir::detail {

namespace {

/// `expands`: what looks like a variable when it is read is written so that it stands for itself.
void write_text(const std::string& text, bool expands, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (expands && c == '$' && i + 1 < text.size() && text[i + 1] == '{') out += '$';
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_number(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
    return;
  }
  // With an exponent always, so that it stays a float.
  std::array<char, 40> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific);
  out.append(text.data(), end.ptr);
}

}  // namespace

void write_toml(const Value& value, std::string& out) {
  const auto separated = [&out](char open, char close, const auto& list, const auto& write) {
    out += open;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out += ", ";
      write(list[i]);
    }
    out += close;
  };
  switch (value.kind) {
    case Value::Kind::text:
      return write_text(value.expanded, true, out);
    case Value::Kind::integer:
      out += std::to_string(value.integer);
      return;
    case Value::Kind::number:
      return write_number(value.number, out);
    case Value::Kind::boolean:
      out += value.boolean ? "true" : "false";
      return;
    case Value::Kind::date:
      out += value.written;
      return;
    case Value::Kind::array:
      return separated('[', ']', value.items, [&](const Value& item) { write_toml(item, out); });
    case Value::Kind::table:
      return separated('{', '}', value.members, [&](const Member& member) {
        write_text(member.name, false, out);
        out += " = ";
        write_toml(member.value, out);
      });
  }
}

}  // namespace weir::detail
