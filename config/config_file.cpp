#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "config/document.hpp"
#include "config/expand.hpp"
#include "config/read_file.hpp"
#include "config/toml_reader.hpp"
#include "config/toml_writer.hpp"

namespace weir {
namespace detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes_max = 1u << 20;
/// All files of a configuration, and the tables that it names.
constexpr std::size_t text_bytes_max = 64u << 20;

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

bool is_tables(const Value& value) {
  return value.kind == Value::Kind::array && !value.items.empty() &&
         std::all_of(value.items.begin(), value.items.end(),
                     [](const Value& item) { return item.kind == Value::Kind::table; });
}

bool by_name(const Member& a, const Member& b) {
  return a.name < b.name;
}

/// Adds what a fragment says to what is there: tables merge, lists of tables append.
void merge(Document& document, Value& base, Value&& more, const std::string& path) {
  std::vector<Member> added;
  for (Member& member : more.members) {
    Value* const there = base.find(member.name);
    if (there == nullptr) {
      added.push_back(std::move(member));
    } else if (there->kind == Value::Kind::table && member.value.kind == Value::Kind::table) {
      merge(document, *there, std::move(member.value), join_path(path, member.name));
    } else if (is_tables(*there) && is_tables(member.value)) {
      std::move(member.value.items.begin(), member.value.items.end(),
                std::back_inserter(there->items));
    } else {
      document.problems.add(
          document.place(member.at), join_path(path, member.name),
          "is given already at " + document.place(there->at).text() + "; remove one of the two");
    }
  }
  const auto middle = static_cast<std::ptrdiff_t>(base.members.size());
  std::move(added.begin(), added.end(), std::back_inserter(base.members));
  std::inplace_merge(base.members.begin(), base.members.begin() + middle, base.members.end(),
                     by_name);
}

/// Replaces the variables in every text.
void expand_all(Document& document, Value& value, const std::string& path) {
  if (value.kind == Value::Kind::text && value.written.find("${") != std::string::npos) {
    Result<Expanded> expanded = expand(value.written, document.environment);
    if (expanded) {
      value.expanded = std::move(expanded->text);
      value.from_variables = expanded->from_variables;
    } else {
      value.unusable = true;
      document.problems.add(document.place(value.at), path, expanded.error().message);
    }
  }
  for (std::size_t i = 0; i < value.items.size(); ++i)
    expand_all(document, value.items[i], path + "[" + std::to_string(i) + "]");
  for (Member& member : value.members)
    expand_all(document, member.value, join_path(path, member.name));
}

void add_text(Document& document, std::string_view text, std::string name) {
  const auto file = static_cast<std::uint32_t>(document.files.size());
  document.files.push_back(std::move(name));
  tl::expected<Value, SyntaxError> table = read_toml(text, file);
  if (table) {
    merge(document, document.root, *std::move(table), "");
  } else {
    document.incomplete = true;
    document.problems.add(document.place(table.error().at), "", table.error().message);
  }
}

void add_file(Document& document, const std::string& path) {
  const Result<std::string> text = read_file(path, file_bytes_max);
  if (text) return add_text(document, *text, path);
  document.incomplete = true;
  document.problems.add({path, 0, 0}, "",
                        text.error().message + "; a configuration is a TOML file of at most 1MiB");
}

/// `conf.d/*.toml` beside the file, in the order of their names; hidden ones are an editor's.
std::vector<std::string> fragments(Document& document, const std::string& main_path) {
  const fs::path folder = fs::path(main_path).parent_path() / "conf.d";
  std::vector<std::string> paths;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return paths;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() == ".toml" && !path.filename().string().starts_with('.'))
      paths.push_back(path.string());
  }
  if (error) {
    document.incomplete = true;
    document.problems.add({folder.string(), 0, 0}, "",
                          "can't list the fragments in it: " + error.message());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::shared_ptr<Document> new_document(ConfigFile::Environment environment) {
  auto document = std::make_shared<Document>();
  document->environment = environment ? std::move(environment) : process_environment;
  return document;
}

void complete(Document& document) {
  document.root.at = {0, 1, 1};
  expand_all(document, document.root, "");
  document.top = std::make_unique<Node>(document, "", "", &document.root, document.root.at);
}

}  // namespace
}  // namespace detail

ConfigFile::ConfigFile(std::shared_ptr<detail::Document> document)
    : document_(std::move(document)) {}

ConfigFile ConfigFile::load(const std::string& path, Environment environment) {
  auto document = detail::new_document(std::move(environment));
  detail::add_file(*document, path);
  for (const std::string& fragment : detail::fragments(*document, path))
    detail::add_file(*document, fragment);
  detail::complete(*document);
  return ConfigFile(std::move(document));
}

ConfigFile ConfigFile::parse(std::string_view text, std::string name, Environment environment) {
  auto document = detail::new_document(std::move(environment));
  if (text.size() > detail::text_bytes_max) {
    document->incomplete = true;
    document->problems.add({name, 0, 0}, "", "is larger than 64MiB");
    document->files.push_back(std::move(name));
  } else {
    detail::add_text(*document, text, std::move(name));
  }
  detail::complete(*document);
  return ConfigFile(std::move(document));
}

Params ConfigFile::root() {
  return Params(std::shared_ptr<detail::Node>(document_, document_->top.get()));
}

Problems& ConfigFile::problems() {
  return document_->problems;
}

std::string ConfigFile::toml(std::initializer_list<std::string_view> keys) const {
  std::string text;
  for (const std::string_view key : keys) {
    const detail::Value* value = document_->root.find(key);
    if (value == nullptr) continue;
    text += std::string(key) + " = ";
    detail::write_toml(*value, text);
    text += '\n';
  }
  return text;
}

std::vector<Option> ConfigFile::options() const {
  return document_->options;
}

}  // namespace weir
