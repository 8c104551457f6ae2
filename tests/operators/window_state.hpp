#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "operators/aggregate.hpp"
#include "operators/registry.hpp"
#include "tests/support/catch.hpp"

namespace weir::test {

/// The aggregates of these words, with options that are good for all of them.
inline std::vector<Aggregate> aggregates_of(const std::vector<std::string_view>& words) {
  AggregateOptions options;
  options.states = {{"run", 1}};
  std::vector<Aggregate> chosen;
  for (const std::string_view word : words) {
    const AggregateEntry* entry = find_aggregate(word);
    REQUIRE(entry != nullptr);
    const auto found =
        entry->choose != nullptr ? entry->choose(word, options) : std::vector<Aggregate>{entry};
    chosen.insert(chosen.end(), found.begin(), found.end());
  }
  return chosen;
}

inline std::vector<Aggregate> all_aggregates() {
  std::vector<std::string_view> words = {"p99"};
  for (const AggregateEntry* entry : aggregates()) words.push_back(entry->name);
  return aggregates_of(words);
}

/// One window's worth of state. The window ends where its readings do.
class WindowState {
 public:
  explicit WindowState(const AggregateSet& set) : set_(set), words_(set.state_bytes() / 8 + 1) {
    set_.init(bytes());
  }
  ~WindowState() { set_.release(bytes()); }
  WindowState(const WindowState&) = delete;
  WindowState& operator=(const WindowState&) = delete;

  void add(const Reading& reading) {
    set_.add(bytes(), reading);
    take({reading.time, reading.time, result_.count + 1});
  }
  void merge(const WindowState& other) {
    set_.merge(bytes(), other.bytes());
    if (other.result_.count == 0) return;
    take({other.result_.first, other.result_.last, result_.count + other.result_.count});
  }
  double number(std::string_view name) const {
    Output result = result_;
    result.window = {result.first, result.last};
    set_.append_fields(bytes(), result);
    for (const Field& field : result.fields) {
      if (field.name != name) continue;
      if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
        return static_cast<double>(*integer);
      }
      return std::get<double>(field.value);
    }
    return std::nan("");
  }
  std::string saved() const {
    std::string text;
    ByteWriter writer(text);
    set_.save(bytes(), writer);
    return text;
  }
  void try_load(const std::string& text) {
    ByteReader reader(text);
    set_.load(bytes(), reader);
  }
  void load(const std::string& text, std::uint64_t count) {
    ByteReader reader(text);
    set_.load(bytes(), reader);
    REQUIRE(reader.ok());
    REQUIRE(reader.at_end());
    result_.count = count;
  }

 private:
  struct Seen {
    Timestamp first, last;
    std::uint64_t count;
  };
  void take(const Seen& seen) {
    result_.first = result_.count == 0 ? seen.first : std::min(result_.first, seen.first);
    result_.last = result_.count == 0 ? seen.last : std::max(result_.last, seen.last);
    result_.count = seen.count;
  }

  std::byte* bytes() { return reinterpret_cast<std::byte*>(words_.data()); }
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(words_.data()); }

  const AggregateSet& set_;
  std::vector<std::uint64_t> words_;
  Output result_;
};

}  // namespace weir::test
