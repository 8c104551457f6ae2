#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/codec.hpp"
#include "store/schema.hpp"
#include "store/sqlite.hpp"

namespace weir {

/// The journal: a stream of records, cut into numbered blocks of one page each, kept in the slots
/// of a table that are written in place, over and over. So a commit changes the pages its record
/// fills, and no tree and no list of free pages with them.
///
/// The CRC of a slot covers all that stands in it. A damaged one costs the records that touch it.
class Journal {
 public:
  static Result<Journal> open(Database& database);

  /// Within a transaction, once: appends a record. Until `confirm` says that the transaction
  /// succeeded, the next `append` begins where this one did.
  Result<void> append(std::uint64_t seq, std::string_view record);
  void confirm();

  /// Records up to `seq` will not be asked for any more: their slots may be written again.
  void release(std::uint64_t seq);

  struct Record {
    std::uint64_t seq = 0;
    std::string bytes;
  };
  /// Calls `use` for each record behind `after` that can be read, in order, until it returns an
  /// error.
  /// # Errors
  /// `corrupt`: a block is damaged or missing. All records that do not touch one were handed over.
  Result<void> read(std::uint64_t after, const std::function<Result<void>(Record&&)>& use);

  /// The last record that can be read; seq 0 if there is none. Whether nothing is lost behind it
  /// is `whole()`.
  Result<Record> last();
  bool whole() const { return damaged_.empty(); }

  std::uint64_t bytes_behind(std::uint64_t seq) const;  ///< to within a block

  static constexpr std::size_t slot_size = page_size - 44;  ///< the largest that is alone in a page
  static constexpr std::size_t header_size = 4 + 8 + 8 + 2;
  static constexpr std::size_t payload_size = slot_size - header_size;

 private:
  /// Where a block is, and the first record that begins in it.
  struct Block {
    std::uint64_t number = 0;
    std::size_t slot = 0;
    std::uint64_t first_seq = 0;  ///< 0: none begins here
    std::size_t first_at = 0;
  };
  struct Slot {
    Block block;
    std::string_view payload;
  };
  class Stream;

  static std::optional<Slot> open_slot(std::size_t slot, std::string_view body);
  std::size_t free_slot() const;
  void begin_block();
  Result<void> write_block();
  void undo();
  std::size_t block_of(std::uint64_t seq) const;
  std::size_t next_start(std::size_t block, std::uint64_t seq) const;

  Statement select_, write_;
  std::deque<Block> blocks_;  ///< that are needed, by number
  std::vector<bool> used_;    ///< which slots they are in
  std::vector<std::size_t> damaged_;
  std::string payload_;  ///< of the last block, as far as it is written
  std::uint64_t next_number_ = 1;

  /// What an `append` that is not confirmed is undone to.
  struct Before {
    std::size_t blocks = 0, slots = 0;
    Block last;
    std::string payload;
    std::vector<std::size_t> damaged;
  };
  std::optional<Before> before_;
};

/// Calls `record` for every record behind `after`, in order; see Store::replay.
Result<void> replay_journal(Journal& journal, std::uint64_t after,
                            const std::function<void(JournalRecord&&)>& record);

}  // namespace weir
