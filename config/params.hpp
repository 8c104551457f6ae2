#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/units.hpp"

namespace weir {

/// Where a value stands in a configuration file; line and column count from 1, 0 = nowhere.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  std::string text() const;  ///< "weir.toml:12:8"; without line and column where there are none
};

/// One thing that is wrong with a configuration: what was found, what was expected, the remedy.
struct Problem {
  Place place;
  std::string key;      ///< dotted path, "source[0].time.unit"; empty for a syntax error
  std::string message;  ///< never holds the value of a secret

  std::string text() const;  ///< "weir.toml:12:8: source[0].time.unit: …"
};

/// Every problem of a configuration in the order of file and line, so that all are reported at
/// once.
class Problems {
 public:
  void add(Place place, std::string key, std::string message);
  bool empty() const { return list_.empty(); }
  const std::vector<Problem>& list() const { return list_; }
  std::string text() const;  ///< one problem a line, sorted by place

 private:
  std::vector<Problem> list_;
};

/// One option that somebody asked for: what the sample and the manual are checked against.
struct Option {
  std::string path;           ///< "kafka.delivery", "source[].time.unit"
  std::string default_value;  ///< as TOML; empty: required or without a default
};

/// A number's allowed range, both ends included.
template <class T>
struct Range {
  T low;
  T high;
};

namespace detail {
class Node;
struct Document;
}  // namespace detail

/// A strict, typed view of one TOML table. A getter returns the value, or the default if the key is
/// absent; on a wrong type, unit or range it records a Problem and returns the default (or an empty
/// value), so that one pass finds everything that is wrong. `finish()` records the keys nobody
/// asked for, with the nearest known one. Strings have had their `${VAR}` forms expanded; one that
/// held a variable may also stand for a number or a boolean. No message shows what a variable
/// holds.
///
/// Not thread-safe. Cheap to copy; a copy is the same view. Outlives nothing: it keeps the parsed
/// document alive.
class Params {
 public:
  std::string text(std::string_view key, std::string_view default_value);
  std::string required_text(std::string_view key);
  std::optional<std::string> optional_text(std::string_view key);

  bool boolean(std::string_view key, bool default_value);
  std::int64_t integer(std::string_view key, std::int64_t default_value, Range<std::int64_t> range);
  double number(std::string_view key, double default_value, Range<double> range);
  std::optional<double> optional_number(std::string_view key);
  Duration duration(std::string_view key, Duration default_value, Range<Duration> range);
  Duration required_duration(std::string_view key, Range<Duration> range);
  std::optional<Duration> optional_duration(std::string_view key, Range<Duration> range);
  Bytes bytes(std::string_view key, Bytes default_value, Range<Bytes> range);

  std::vector<std::string> texts(std::string_view key, std::vector<std::string> default_value);
  std::vector<std::string> required_texts(std::string_view key);  ///< at least one

  /// One of a fixed set of words: `params.choice("qos_mode", Mode::fast, {{"fast", Mode::fast},
  /// …})`.
  template <class E>
  E choice(std::string_view key, E default_value,
           std::initializer_list<std::pair<std::string_view, E>> words) {
    std::vector<std::string_view> names;
    std::size_t fallback = 0;
    for (const auto& [name, value] : words) {
      if (value == default_value) fallback = names.size();
      names.push_back(name);
    }
    const std::size_t index = choice_index(key, names, fallback);
    return (words.begin() + index)->second;
  }

  /// The value of `key`, of the file that `key_file` names (its first line), or of the systemd
  /// credential of that name ("mqtt.password"); at most one of the first two may be given. An empty
  /// text is as good as none.
  std::optional<std::string> secret(std::string_view key);

  /// A sub-table; an absent one reads as an empty table, so that its defaults apply. Its own
  /// unknown keys are reported by this table's `finish()`.
  Params table(std::string_view key);
  bool has(std::string_view key) const;

  /// What form a value has, for keys that take several ("temperature" or { path = "…" }).
  enum class Form { absent, text, number, boolean, table, array };
  Form form(std::string_view key) const;

  /// `[[key]]`, in file order.
  std::vector<Params> tables(std::string_view key);

  /// The keys of a free-form table (`[kafka.properties]`, `tags = { host = "…" }`), in file order;
  /// asking makes all of them known. Values that are not strings are returned as TOML writes them.
  std::vector<std::pair<std::string, std::string>> entries(std::string_view key);
  /// The same where every value is a number (`words = { ON = 1, OFF = 0 }`).
  std::vector<std::pair<std::string, double>> number_entries(std::string_view key);

  /// From now on the table says `text` there, as if it stood in the file in place of what `like`
  /// says. Requires: it is a table of the file, and no table in it was asked for yet.
  void put_text(std::string_view key, std::string text, std::string_view like);

  /// Records a problem at `key` (or at the table itself if the key is absent). The message may
  /// quote the value: what came from a variable is shown as it is written, a secret not at all.
  void problem(std::string_view key, std::string message);
  Place place(std::string_view key) const;
  const std::string& path() const;

  /// Call once when every key has been asked for: unknown keys, here and in sub-tables that were
  /// asked for, become problems.
  void finish();

 private:
  friend class ConfigFile;
  explicit Params(std::shared_ptr<detail::Node> node);
  std::size_t choice_index(std::string_view key, const std::vector<std::string_view>& names,
                           std::size_t fallback);
  std::shared_ptr<detail::Node> node_;
};

/// A configuration: one TOML file and the fragments `conf.d/*.toml` beside it, in name order.
/// Tables merge; a key given twice in different files is a problem that names both places; arrays
/// of tables (`[[source]]`) append.
class ConfigFile {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string&)>;

  /// Reads and parses; never throws. Syntax errors and missing variables are in `problems()`. After
  /// a file that could not be read or parsed nothing else is recorded: it may only be unread.
  /// `environment` answers `${VAR}`; the default asks the process's.
  static ConfigFile load(const std::string& path, Environment environment = {});
  /// The same from a text, for tests; `name` stands for the file in messages. No fragments.
  static ConfigFile parse(std::string_view text, std::string name, Environment environment = {});

  Params root();
  Problems& problems();
  /// These values of the root as TOML, a line each, variables replaced and keys in the order of
  /// their names: the same text for configurations that say the same, and one that `parse` reads.
  std::string toml(std::initializer_list<std::string_view> keys) const;
  /// Every option that was asked for so far, in the order of asking, without repeats.
  std::vector<Option> options() const;

 private:
  explicit ConfigFile(std::shared_ptr<detail::Document> document);
  std::shared_ptr<detail::Document> document_;
};

/// The word of `known` nearest to `word` by edit distance; empty if none is near (a third of its
/// length, at least 1).
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

}  // namespace weir
