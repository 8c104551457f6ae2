#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/codec.hpp"
#include "store/sqlite.hpp"

namespace weir {

/// The table of checkpoints: the newest, and the one before it.
class Checkpoints {
 public:
  struct Header {
    std::uint64_t generation = 0;
    std::uint64_t journal_seq = 0, state_size = 0, parts = 0;
    Tail tail;  ///< what the outbox held behind journal_seq
  };

  /// Reads the headers; the states are left where they are.
  static Result<Checkpoints> open(Database& database);

  /// The newest whose CRCs hold. Those that fail are forgotten, so that the next `write` keeps the
  /// one that was returned. See Store::checkpoint.
  Result<Store::Checkpoint> read();

  const Header* newest() const { return headers_.empty() ? nullptr : &headers_.back(); }

  /// What is kept in case the newest can't be read; nothing behind its journal_seq may go.
  const Header* kept() const { return headers_.size() < 2 ? nullptr : &headers_.front(); }

  /// What `write` needs to know of its owner.
  struct Terms {
    bool sync = true;  ///< whether the last transaction is to be synced; those before need not be
    std::function<Result<void>(std::uint64_t bytes)> make_room;  ///< called before each
  };
  /// Writes the state in parts; the newest before it becomes the one that is kept.
  Result<void> write(std::string_view state, std::uint64_t journal_seq, const Tail& tail,
                     const Terms& terms);

 private:
  explicit Checkpoints(Database& database) : database_(&database) {}
  Result<std::string> read_state(const Header& header);
  Result<void> write_parts(std::string_view state, Header& header, const Terms& terms);

  Database* database_;
  Statement insert_, remove_below_, remove_from_, part_;
  std::vector<Header> headers_;  ///< oldest first
  std::uint64_t last_generation_ = 0;
  bool any_damaged_ = false;
};

}  // namespace weir
