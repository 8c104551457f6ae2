#include <algorithm>

#include "store/directory.hpp"
#include "store/outbox.hpp"
#include "store/store.hpp"

namespace weir {

namespace {

class SqliteOutboxReader : public OutboxReader {
 public:
  static Result<std::unique_ptr<OutboxReader>> open(const StoreOptions& options) {
    auto reader = std::make_unique<SqliteOutboxReader>();
    reader->directory_ = options.directory;
    auto database =
        Database::open(options.directory + "/weir.db", Database::Mode::read_only, options.vfs);
    if (!database) return fail(database.error());
    reader->database_ = std::move(*database);
    if (auto set = reader->database_->execute("PRAGMA cache_size = -512;PRAGMA mmap_size = 0");
        !set)
      return fail(set.error());
    for (std::size_t i = 0; i < lane_count; ++i) {
      auto prepared =
          reader->database_->prepare("SELECT seq, body FROM outbox_" + std::to_string(i) +
                                     " WHERE seq > ?1 ORDER BY seq LIMIT ?2");
      if (!prepared) return fail(prepared.error());
      reader->select_[i] = std::move(*prepared);
      prepared = reader->database_->prepare("SELECT count(*) FROM (SELECT 1 FROM outbox_" +
                                            std::to_string(i) + " WHERE seq <= ?1 LIMIT ?2)");
      if (!prepared) return fail(prepared.error());
      reader->count_[i] = std::move(*prepared);
    }
    return reader;
  }

  Result<std::vector<OutboxEntry>> read(Lane lane, std::uint64_t after, std::size_t max_entries,
                                        Bytes max_bytes,
                                        std::vector<std::uint64_t>& damaged) override {
    std::vector<OutboxEntry> entries;
    Rows rows = select_[index(lane)].query(after, static_cast<std::uint64_t>(max_entries));
    for (std::uint64_t bytes = 0; bytes < std::max<std::uint64_t>(count(max_bytes), 1);) {
      const auto found = rows.next();
      if (!found) {
        if (found.error().kind == ErrorKind::corrupt) want_check(directory_);
        return fail(found.error());
      }
      if (!*found) break;
      bytes += rows.blob(1).size();
      const auto seq = static_cast<std::uint64_t>(rows.integer(0));
      if (auto entry = read_entry(lane, seq, rows.blob(1)))
        entries.push_back(std::move(*entry));
      else
        damaged.push_back(seq);
    }
    return entries;
  }

  Result<std::size_t> entries_up_to(Lane lane, std::uint64_t seq, std::size_t limit) override {
    if (seq == 0) return std::size_t{0};
    Rows rows = count_[index(lane)].query(seq, static_cast<std::uint64_t>(limit));
    const auto found = rows.next();
    if (!found) return fail(found.error());
    return static_cast<std::size_t>(rows.integer(0));
  }

 private:
  std::string directory_;
  std::unique_ptr<Database> database_;
  std::array<Statement, lane_count> select_, count_;
};

}  // namespace

Result<std::unique_ptr<OutboxReader>> OutboxReader::open(const StoreOptions& options) {
  return SqliteOutboxReader::open(options);
}

}  // namespace weir
