#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "config/params.hpp"

/// Any text as a configuration: no crash, no leak, and the value of a variable in no message.
namespace {

using namespace weir;

constexpr std::string_view hidden = "hunter2-hunter2";
constexpr int depth_max = 4;

std::optional<std::string> environment(const std::string& name) {
  if (name == "SECRET") return std::string(hidden);
  if (name == "NUMBER") return "7";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void read_values(Params& table, std::string_view key) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  table.text(key, "default");
  table.required_text(key);
  table.optional_text(key);
  table.boolean(key, true);
  const std::int64_t integer = table.integer(key, 3, {-5, 5'000});
  require(integer >= -5 && integer <= 5'000);
  require(table.number(key, 0.5, {0, 1}) <= 1);
  require(table.optional_number(key).value_or(0) < infinity);
  table.duration(key, Duration(1), {Duration(0), Duration(1'000'000)});
  table.required_duration(key, {Duration(1), Duration::max()});
  table.bytes(key, Bytes{1}, {Bytes{0}, Bytes{1u << 20}});
  table.texts(key, {"a"});
  table.required_texts(key);
  table.choice(key, 1, {{"one", 1}, {"two", 2}});
  table.problem(key, "'" + table.text(key, "") + "' is odd");
}

void walk(Params table, int depth) {
  for (const std::string_view key : {"a", "b", "c", "mqtt", "source", "secret", "tags"}) {
    const Params::Form form = table.form(key);
    require(table.has(key) == (form != Params::Form::absent));
    read_values(table, key);
    table.place(key);
    if (key == "tags") {
      table.entries(key);
      table.number_entries(key);
    }
    if (depth == depth_max) continue;
    if (form == Params::Form::table || (depth == 0 && key == "c"))
      walk(table.table(key), depth + 1);
    for (Params& element : table.tables(key)) walk(element, depth + 1);
  }
}

void parse_units(std::string_view text) {
  if (const auto duration = parse_duration(text))
    require(parse_duration(format_duration(*duration)) == *duration);
  if (const auto size = parse_bytes(text)) require(parse_bytes(format_bytes(*size)) == *size);
  if (const auto time = parse_time(text)) require(parse_time(format_time(*time)) == *time);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_units(text);
  ConfigFile file = ConfigFile::parse(text, "weir.toml", environment);
  const bool parsed = file.problems().empty();
  Params root = file.root();
  walk(root, 0);
  root.finish();
  require(text.find("hunter2") != std::string_view::npos ||
          file.problems().text().find("hunter2") == std::string::npos);
  require(parsed || !file.problems().empty());
  require(!file.options().empty());
  return 0;
}
