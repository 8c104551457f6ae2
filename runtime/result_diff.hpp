#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "operators/output.hpp"

namespace weir {

/// What a consumer would have in the end from two runs of the same input, held against each other:
/// of each result (a record key and a window) the highest revision; of late and quarantined
/// readings each one. How often a result was revised and which topic it goes to are no difference.
///
/// Holds every result of both runs in memory.
class ResultDiff {
 public:
  enum class Side { before, after };
  explicit ResultDiff(std::string gateway) : gateway_(std::move(gateway)) {}

  void add(Side side, const Output& output);

  struct Summary {
    std::uint64_t added = 0, removed = 0, changed = 0, same = 0;
    bool different() const { return added + removed + changed > 0; }
  };
  /// One line for each difference, by kind, key and window:
  /// {"diff":"changed","before":{…},"after":{…}}, or "added" or "removed" with one of the two.
  Summary write(std::ostream& out) const;

 private:
  struct Pair {
    std::vector<Output> before, after;  ///< one, or all readings that look the same
  };
  void write(std::ostream& out, const char* what, const Output* before, const Output* after) const;
  std::string text(const Output& output) const;

  std::string gateway_;
  std::map<std::string, Pair> results_;
};

}  // namespace weir
