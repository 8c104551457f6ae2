#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/codec.hpp"
#include "store/sqlite.hpp"

namespace weir {

/// The lanes in the order in which they give up entries when room is short.
constexpr std::array<Lane, lane_count> eviction_order = {Lane::backlog, Lane::late, Lane::live,
                                                         Lane::alerts};

/// The four tables of waiting results, one a lane. Knows nothing of counts or transactions.
class Outbox {
 public:
  static Result<Outbox> open(Database& database);

  Result<void> insert(Lane lane, std::uint64_t seq, std::string_view body);
  Result<std::uint64_t> remove_up_to(Lane lane, std::uint64_t seq);  ///< how many there were
  /// All there are, without writing their pages once more, as the others do.
  Result<std::uint64_t> remove_all(Lane lane);
  Result<std::uint64_t> remove(Lane lane, std::uint64_t seq);  ///< 0 or 1
  /// The entry; nothing if there is none, or it is damaged.
  Result<std::optional<OutboxEntry>> read(Lane lane, std::uint64_t seq);
  Result<void> replace(Lane lane, std::uint64_t seq, std::string_view body);
  /// Calls `visit` with each entry behind `after`, in order, until it returns false. `entry` is
  /// null where it is damaged; `bytes` is the size of its row.
  using Visit = std::function<bool(std::uint64_t seq, const OutboxEntry* entry, std::size_t bytes)>;
  Result<void> scan(Lane lane, std::uint64_t after, const Visit& visit);
  /// The seq of the n-th entry of the lane, counted from 1; 0: it has fewer.
  Result<std::uint64_t> seq_at(Lane lane, std::uint64_t n);

  /// When the first entry of the lane was inserted; the epoch if there is none, or a damaged one.
  Result<Timestamp> oldest(Lane lane);

  Result<std::uint64_t> last_seq();  ///< of all lanes; 0: they are empty
  Result<Tail> count();              ///< reads every entry's page: for the rare case only

 private:
  struct Table {
    Statement insert, replace, remove_up_to, remove_all, remove, nth, first, scan, last, count;
  };
  std::array<Table, lane_count> tables_;
};

/// What stands in an outbox row before the output. Appends.
void write_inserted(Timestamp inserted, std::string& out);
Timestamp read_inserted(ByteReader& in);

/// # Errors
/// `corrupt`: its CRC does not hold or it can't be decoded.
Result<OutboxEntry> read_entry(Lane lane, std::uint64_t seq, std::string_view body);

}  // namespace weir
