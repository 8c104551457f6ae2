#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/params.hpp"

namespace weir::test {

using Variables = std::map<std::string, std::string>;

/// A configuration from a text, with these variables and no others.
inline ConfigFile parse(std::string_view text, Variables variables = {}) {
  return ConfigFile::parse(
      text, "weir.toml", [variables = std::move(variables)](const std::string& name) {
        const auto at = variables.find(name);
        return at == variables.end() ? std::nullopt : std::optional(at->second);
      });
}

/// The problems after `root` was read by `reader`, which may or may not finish it.
template <class Reader>
std::string problems(std::string_view text, Reader reader, Variables variables = {}) {
  ConfigFile file = parse(text, std::move(variables));
  Params root = file.root();
  reader(root);
  return file.problems().text();
}

}  // namespace weir::test
