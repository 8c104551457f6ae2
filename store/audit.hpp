#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace weir {

/// What is true of a data directory, the database as one snapshot shows it. Facts; what they mean
/// for the one who asked is for `weir doctor` to say.
struct StoreAudit {
  /// The rows of one table, each looked at.
  struct Table {
    std::uint64_t rows = 0, bytes = 0;
    std::uint64_t damaged = 0;  ///< the CRC does not hold, or weir can't read what it covers
    std::string first_damage;   ///< a sentence about the first of them
    std::string error;          ///< why the walk ended before the table did; empty: it did not
    bool whole() const { return damaged == 0 && error.empty(); }
  };
  struct Lane : Table {
    std::uint64_t counted = 0;    ///< how many rows there are, as the journal says
    std::uint64_t last_seq = 0;   ///< of a row
    std::uint64_t delivered = 0;  ///< rows up to the position that was handed in
  };
  struct Checkpoint {
    std::uint64_t journal_seq = 0, size = 0;
    bool whole = false;        ///< every part is there, and as it was written
    std::uint64_t behind = 0;  ///< journal records behind it that can be read
    std::string error;         ///< why not all of them can; empty: all can
  };

  Bytes database{}, wal{};
  std::optional<Bytes> free;           ///< on the file system, for weir's user
  bool check_wanted = false;           ///< weir.check: something damaged was met
  std::vector<std::string> set_aside;  ///< names of databases that were, oldest first

  std::string uuid;
  std::string pages;  ///< "ok", or the first thing SQLite's own check complains about
  Table journal, checkpoints, dead_letters, gaps;
  std::array<Lane, lane_count> outbox;
  std::uint64_t letters_missing = 0;  ///< ids between the first and the last that have no row

  std::optional<Checkpoint> newest, before;
  std::uint64_t last_record = 0;  ///< of the journal; 0: there is none
  std::uint64_t issued = 0;       ///< the last outbox seq that was given out, as the journal says
  SeqRuns runs;                   ///< which seqs before it were
  std::string state;         ///< of the newest checkpoint that can be read; empty: there is none
  Ledger delta;              ///< of the records behind it
  std::string replay_error;  ///< why `delta` is not all of it; empty: it is
};

/// Called again and again with the name of a table and the rows of it that were looked at.
using AuditProgress = std::function<void(std::string_view table, std::uint64_t rows)>;

class Database;

/// Looks at every page and every row, in one read transaction, with little memory: that of one row,
/// of a checkpoint and of the numbers of the journal's blocks. Does not look at the files.
/// # Errors
/// `unavailable`, `corrupt`: nothing can be read at all. Whatever else is wrong is in the result.
Result<StoreAudit> audit_database(Database& database, const Position& delivered,
                                  const AuditProgress& progress);

}  // namespace weir
