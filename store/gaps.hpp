#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "store/codec.hpp"
#include "store/sqlite.hpp"

namespace weir {

/// Results of one lane that were given up for one reason, until the centre is told.
struct Gap {
  std::uint64_t first_seq = 0, last_seq = 0;  ///< of those that had one; 0: none had
  std::uint64_t results = 0;
  std::optional<Window> windows;  ///< from the first start to the last end, where they are known
  Duration since{0};              ///< elapsed time of the first
  friend bool operator==(const Gap&, const Gap&) = default;
};

using Gaps = std::map<std::pair<Lane, std::string>, Gap>;  ///< by lane and reason

/// One result given up; its window is known if `output` is not null. Nothing if it was itself about
/// a gap: that is not announced again.
std::optional<Gap> gap_of(std::uint64_t seq, const Output* output);

/// Adds what was given up to what is known under the same lane and reason.
void add_gap(Gaps& gaps, Lane lane, std::string_view reason, const Gap& gap);

/// What the centre is told. RECORDS.md describes it.
Output announce_gap(const Gaps::value_type& gap, const std::string& topic, const Moment& now);

/// The content of a row; nothing if it is damaged.
std::optional<Gaps::value_type> read_gap(std::string_view content);

/// The table of gaps that are not announced yet: a handful of rows.
class GapTable {
 public:
  static Result<GapTable> open(Database& database);

  /// Damaged rows are left out: the ledger has what they counted.
  Result<Gaps> read();
  Result<void> write(const Gaps& gaps);  ///< in place of what is there

 private:
  Statement select_, insert_, clear_;
};

}  // namespace weir
