#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/seeded_random.hpp"
#include "store/audit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

namespace weir {

/// A rollup with a bit of everything.
Output sample_rollup(std::uint64_t i = 0);
Output sample_output(OutputKind kind, std::uint64_t i = 0);
DeadLetter sample_letter(std::uint64_t i = 0);

/// Messages of three metrics from a hundred devices: two decimals, random walks, times in ms.
class Fleet {
 public:
  explicit Fleet(std::uint64_t seed = 1);
  std::vector<Reading> take(std::size_t readings);

 private:
  SeededRandom random_;
  std::vector<std::int64_t> hundredths_;
  std::int64_t time_us_ = 1'772'366'400'000'000;
};

/// Same bits, so that -0.0 is not 0.0 and NaN is itself.
bool same(const Reading& a, const Reading& b);
bool same(const std::vector<Reading>& a, const std::vector<Reading>& b);

StoreOptions options_in(const std::string& directory);

/// Opens, or fails the test with the message.
std::unique_ptr<Store> open_store(const StoreOptions& options);
std::unique_ptr<OutboxReader> open_reader(const StoreOptions& options);

/// The next commit of this store, with a few readings that the ledger knows of.
Store::Commit next_commit(const Store& store, std::vector<Output> outputs = {});

/// What a restart would find: checkpoint, records behind it, the ledger of both.
struct Recovered {
  Store::Checkpoint checkpoint;
  std::vector<JournalRecord> records;
  Ledger ledger;  ///< of the records
};
Recovered recover(Store& store);

std::uint64_t waiting(const Store::Stats& stats);

/// Every entry of a lane, in order; fails the test on an error or a damaged one.
std::vector<OutboxEntry> read_lane(OutboxReader& reader, Lane lane, std::uint64_t after = 0);

/// Looks at everything, or fails the test with the message.
StoreAudit audit_of(
    const std::string& directory, const Position& delivered = {},
    const AuditProgress& progress = [](auto, auto) {});
/// Nothing is wrong with it, and the counts are those of the journal.
void check_whole(const StoreAudit& audit);

/// Of the database and its log.
std::uint64_t bytes_on_disk(const std::string& directory);

}  // namespace weir
