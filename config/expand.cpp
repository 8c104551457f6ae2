#include "config/expand.hpp"

#include <optional>

namespace weir::detail {
namespace {

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (const char c : text) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!fits) return false;
  }
  return true;
}

/// `form` is what stands between the braces.
Result<std::string> look_up(std::string_view form, const ConfigFile::Environment& environment) {
  const std::size_t colon = form.find(':');
  const std::string name(form.substr(0, colon));
  const std::string_view rest = colon == std::string_view::npos ? "" : form.substr(colon);
  const bool has_default = rest.starts_with(":-"), has_message = rest.starts_with(":?");
  const bool nested = rest.find("${") != std::string_view::npos;
  if (!is_name(name) || nested || (!rest.empty() && !has_default && !has_message))
    return fail(ErrorKind::invalid,
                "expected ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for ${ itself");

  const std::optional<std::string> value = environment(name);
  if (value && !(value->empty() && (has_default || has_message))) return *value;
  if (has_default) return std::string(rest.substr(2));
  if (has_message && rest.size() > 2)
    return fail(ErrorKind::invalid, name + ": " + std::string(rest.substr(2)));
  return fail(ErrorKind::invalid, "the variable " + name + " of the environment is " +
                                      (value ? "empty" : "not set") + "; set it, or write ${" +
                                      name + ":-default}");
}

}  // namespace

Result<Expanded> expand(std::string_view text, const ConfigFile::Environment& environment) {
  Expanded out;
  while (true) {
    const std::size_t dollar = text.find("${");
    if (dollar == std::string_view::npos) break;
    const bool literal = dollar > 0 && text[dollar - 1] == '$';
    out.text += text.substr(0, literal ? dollar - 1 : dollar);
    text.remove_prefix(dollar + 2);
    if (literal) {
      out.text += "${";
      continue;
    }
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos)
      return fail(ErrorKind::invalid, "${ without its }; write $${ for ${ itself");
    Result<std::string> value = look_up(text.substr(0, end), environment);
    if (!value) return fail(value.error());
    out.text += *value;
    out.from_variables = true;
    text.remove_prefix(end + 1);
  }
  out.text += text;
  return out;
}

}  // namespace weir::detail
