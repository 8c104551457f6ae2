#pragma once

#include <cstdint>

#include "store/codec.hpp"
#include "store/sqlite.hpp"

namespace weir {

/// The table of dead letters: a ring of the newest `limit`. Its ids have no gap, so that the rows
/// are counted by the first and the last.
class DeadLetters {
 public:
  static Result<DeadLetters> open(Database& database, const StoreOptions& options);

  /// How many one commit stores at most: a flood of rubbish must not wear the disk.
  static constexpr std::size_t per_commit = 16;

  /// Which rows there are: (first, last]. Changed by `insert`; the caller keeps what came of it if
  /// its transaction succeeds.
  struct Ids {
    std::uint64_t before_first = 0, last = 0;
    std::uint64_t rows() const { return last - before_first; }
  };
  const Ids& ids() const { return ids_; }
  void committed(const Ids& ids) { ids_ = ids; }

  /// Stores a letter, its texts cut to their bounds; the oldest goes if there are too many.
  /// Requires: the limit is not 0.
  Result<void> insert(DeadLetter letter, Ids& ids);

  std::uint64_t limit() const { return limit_; }

 private:
  Statement insert_, remove_;
  Ids ids_;
  std::uint64_t limit_ = 0;
  std::uint64_t payload_limit_ = 0;
};

}  // namespace weir
