// config/weir.toml against what the program really asks for.

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "config/params.hpp"
#include "runtime/settings.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

/// The sample with every option in it switched on: "#key = …" becomes "key = …".
std::string switched_on() {
  std::ifstream sample(WEIR_SOURCE_DIR "/config/weir.toml");
  std::string line, all;
  while (std::getline(sample, line)) {
    const bool option = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    all += (option ? line.substr(1) : line) + '\n';
  }
  return all;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// A line's value without the comment behind it.
std::string value_in(const std::string& text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '#' && !quoted) return trimmed(text.substr(0, i));
  }
  return trimmed(text);
}

using Shown = std::multimap<std::string, std::string>;  ///< path of an option → values shown
constexpr auto alternative = "any";  ///< shown beside another option: "# or KEY = EXAMPLE"

void show(Shown& shown, const std::string& path, const std::string& value) {
  shown.emplace(path, value);
  if (value.starts_with("[{")) return show(shown, path + "[]", value.substr(1, value.size() - 2));
  if (!value.starts_with("{")) return;
  std::istringstream inner(value.substr(1, value.size() - 2));
  for (std::string item; std::getline(inner, item, ',');) {
    const auto equals = item.find('=');
    if (equals != std::string::npos)
      shown.emplace(path + "." + trimmed(item.substr(0, equals)), trimmed(item.substr(equals + 1)));
  }
}

Shown shown_options(const std::string& text) {
  Shown shown;
  std::istringstream lines(text);
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find(" = ");
    if (line.starts_with("[["))
      table = line.substr(2, line.find(']') - 2) + "[]";
    else if (line.starts_with("["))
      shown.emplace(table = line.substr(1, line.find(']') - 1), "{}");
    else if (!line.starts_with("#") && equals != std::string::npos)
      show(shown, table + "." + line.substr(0, equals), value_in(line.substr(equals + 3)));
    const auto other = line.find("# or ");
    if (other == std::string::npos) continue;
    const std::string key = line.substr(other + 5);
    shown.emplace(table + "." + key.substr(0, key.find(' ')), alternative);
  }
  return shown;
}

bool shows(const Shown& shown, const Option& option) {
  const auto [first, last] = shown.equal_range(option.path);
  return std::any_of(first, last, [&](const auto& one) {
    return option.default_value.empty() || one.second == option.default_value ||
           one.second == alternative;
  });
}

}  // namespace

TEST_CASE("the sample is a configuration, with every option in it switched on, too") {
  ConfigFile as_it_is = ConfigFile::load(WEIR_SOURCE_DIR "/config/weir.toml");
  read_settings(as_it_is);
  CHECK(as_it_is.problems().text() == "");
  ConfigFile all = ConfigFile::parse(switched_on(), "weir.toml");
  read_settings(all);
  CHECK(all.problems().text() == "");
}

TEST_CASE("every option stands in the sample, with the default that the program has") {
  const std::string text = switched_on();
  ConfigFile config = ConfigFile::parse(text, "weir.toml");
  read_settings(config);
  const Shown shown = shown_options(text);
  CHECK(config.options().size() > 70);
  for (const Option& option : config.options()) {
    INFO(option.path << ", by default " << option.default_value);
    CHECK(shows(shown, option));
  }
}
