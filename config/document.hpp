#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "config/params.hpp"

/// What stands behind Params and ConfigFile; nothing outside config/ includes this.
namespace weir::detail {

/// A place, with the file as an index into Document::files.
struct Position {
  std::uint32_t file = 0, line = 0, column = 0;
  bool before(const Position& other) const {
    return std::tie(file, line, column) < std::tie(other.file, other.line, other.column);
  }
};

struct Member;

/// One value of a configuration, free of the parser that read it.
struct Value {
  enum class Kind { text, integer, number, boolean, date, array, table };

  Kind kind = Kind::table;
  Position at;
  std::string written;   ///< a text as it stands in the file; a date as TOML writes it
  std::string expanded;  ///< a text with its variables replaced
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  bool from_variables = false;  ///< `expanded` must never be shown
  bool unusable = false;        ///< its problem is recorded already
  std::vector<Value> items;     ///< of an array
  std::vector<Member> members;  ///< of a table, sorted by name

  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
};

struct Member {
  std::string name;
  Position at;  ///< of the key
  Value value;
};

/// The members of a table in the order of the file.
std::vector<const Member*> in_file_order(const Value& table);

struct Document;

/// One table as its readers see it: what was asked for, and where to report. Made once for each
/// table, also for one that is absent, and owned by its parent.
class Node {
 public:
  /// `table` is null for an absent table; `at` is then the place of the nearest ancestor.
  Node(Document& document, std::string path, std::string option_path, const Value* table,
       Position at);

  /// The value of `key`, or null. The key counts as known from now on, and as an option that has
  /// this default (as TOML).
  const Value* ask(std::string_view key, std::string default_value);
  const Value* find(std::string_view key) const;
  void know(std::string_view key) { known_.emplace(key); }
  /// From now on no message shows the value of `key`.
  void keep_secret(std::string_view key) { secrets_.emplace(key); }
  /// The node of the sub-table `key`, or of its element `index` if `value` is an array's.
  Node& child(std::string_view key, const Value* table, const std::size_t* index = nullptr);

  void report(Position at, std::string key_path, std::string message);
  /// `message` may quote the value of `key`: what a variable or a secret put there is taken out.
  void report_at_key(std::string_view key, std::string message);
  void report_missing(std::string_view key, std::string_view expected);
  /// Nothing below here is reported from now on: the table itself is wrong.
  void mute() { muted_ = true; }
  void finish();

  std::string path_of(std::string_view key) const;
  const std::string& path() const { return path_; }
  const Value* table() const { return table_; }
  Position at() const { return at_; }
  Document& document() const { return document_; }

 private:
  void report_unknown(const Member& member, const std::vector<std::string>& known);

  Document& document_;
  std::string path_, option_path_;
  const Value* table_;
  Position at_;
  bool muted_ = false;
  std::set<std::string, std::less<>> known_, secrets_;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children_;
};

/// Everything of one configuration; shared by all views of it.
struct Document {
  std::vector<std::string> files;
  Value root;
  /// A file could not be read or parsed: what seems missing or unknown may only be unread, so that
  /// nothing more is reported.
  bool incomplete = false;
  ConfigFile::Environment environment;
  Problems problems;
  std::vector<Option> options;
  std::set<std::string> option_paths;
  std::unique_ptr<Node> top;

  Place place(Position at) const;
};

/// "source[0].time"; a key that TOML would have in quotes stands in quotes here too.
std::string join_path(std::string_view parent, std::string_view key);

}  // namespace weir::detail
