#include "config/document.hpp"

#include <algorithm>

#include "config/convert.hpp"

namespace weir::detail {
namespace {

void replace_all(std::string& text, const std::string& found, const std::string& by) {
  for (std::size_t at = text.find(found); at != std::string::npos;
       at = text.find(found, at + by.size()))
    text.replace(at, found.size(), by);
}

/// Puts what stands in the file in place of what its variables stand for; of a secret, nothing.
void conceal(std::string& message, const Value& value, bool secret) {
  if (value.kind == Value::Kind::text && !value.expanded.empty() &&
      (secret || value.from_variables))
    replace_all(message, value.expanded, secret ? "(a secret)" : value.written);
  for (const Value& item : value.items) conceal(message, item, secret);
  for (const Member& member : value.members) conceal(message, member.value, secret);
}

}  // namespace

const Value* Value::find(std::string_view name) const {
  const auto member = std::lower_bound(
      members.begin(), members.end(), name,
      [](const Member& before, std::string_view key) { return before.name < key; });
  return member != members.end() && member->name == name ? &member->value : nullptr;
}

Value* Value::find(std::string_view name) {
  return const_cast<Value*>(std::as_const(*this).find(name));
}

std::vector<const Member*> in_file_order(const Value& table) {
  std::vector<const Member*> members;
  members.reserve(table.members.size());
  for (const Member& member : table.members) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const Member* a, const Member* b) { return a->at.before(b->at); });
  return members;
}

std::string join_path(std::string_view parent, std::string_view key) {
  constexpr std::string_view bare =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  std::string path(parent);
  if (!path.empty()) path += '.';
  const bool quoted = key.empty() || key.find_first_not_of(bare) != std::string_view::npos;
  return path += quoted ? toml_string(key) : std::string(key);
}

Place Document::place(Position at) const {
  return {at.file < files.size() ? files[at.file] : std::string(), at.line, at.column};
}

Node::Node(Document& document, std::string path, std::string option_path, const Value* table,
           Position at)
    : document_(document),
      path_(std::move(path)),
      option_path_(std::move(option_path)),
      table_(table),
      at_(at) {}

std::string Node::path_of(std::string_view key) const {
  return key.empty() ? path_ : join_path(path_, key);
}

const Value* Node::find(std::string_view key) const {
  return table_ == nullptr ? nullptr : table_->find(key);
}

const Value* Node::ask(std::string_view key, std::string default_value) {
  know(key);
  std::string option = join_path(option_path_, key);
  if (document_.option_paths.insert(option).second)
    document_.options.push_back({std::move(option), std::move(default_value)});
  return find(key);
}

Node& Node::child(std::string_view key, const Value* table, const std::size_t* index) {
  know(key);
  std::string path = path_of(key), option_path = join_path(option_path_, key);
  if (index != nullptr) {
    path += "[" + std::to_string(*index) + "]";
    option_path += "[]";
  }
  std::unique_ptr<Node>& child = children_[path];
  if (!child) {
    child = std::make_unique<Node>(document_, path, std::move(option_path), table,
                                   table != nullptr ? table->at : at_);
    if (muted_) child->mute();
  }
  return *child;
}

void Node::report(Position at, std::string key_path, std::string message) {
  if (muted_ || document_.incomplete) return;
  document_.problems.add(document_.place(at), std::move(key_path), std::move(message));
}

void Node::report_at_key(std::string_view key, std::string message) {
  const Value* const value = find(key);
  if (value != nullptr) conceal(message, *value, secrets_.contains(key));
  report(value != nullptr ? value->at : at_, path_of(key), std::move(message));
}

void Node::report_missing(std::string_view key, std::string_view expected) {
  report(at_, path_of(key), "is missing; expected " + std::string(expected));
}

void Node::report_unknown(const Member& member, const std::vector<std::string>& known) {
  std::string message = member.value.kind == Value::Kind::table ? "unknown table" : "unknown key";
  const std::string nearest = nearest_word(member.name, known);
  if (!nearest.empty()) {
    message += "; did you mean " + join_path("", nearest) + "?";
  } else if (known.empty()) {
    message += "; nothing is known here: remove it";
  } else {
    message += "; known here are ";
    for (const std::string& key : known)
      message.append(&key == &known.front() ? "" : ", ").append(join_path("", key));
  }
  report(member.at, path_of(member.name), std::move(message));
}

void Node::finish() {
  if (table_ != nullptr) {
    const std::vector<std::string> known(known_.begin(), known_.end());
    for (const Member* member : in_file_order(*table_))
      if (!known_.contains(member->name)) report_unknown(*member, known);
  }
  for (auto& [path, child] : children_) child->finish();
}

}  // namespace weir::detail
