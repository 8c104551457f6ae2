#include <filesystem>

#include "store/audit.hpp"
#include "store/checkpoints.hpp"
#include "store/directory.hpp"
#include "store/journal.hpp"
#include "store/row.hpp"
#include "store/schema.hpp"
#include "store/store.hpp"

namespace weir {

namespace {

std::string database_path(const std::string& directory) {
  return directory + "/weir.db";
}

/// Who has a database open has a log and its index beside it. Without the index nobody has, and a
/// copy, or one on a read-only disk, can be read without making files there.
Database::Mode mode_of(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path + "-wal", error)) return Database::Mode::immutable;
  if (!std::filesystem::exists(path + "-shm", error)) return Database::Mode::unshared;
  return Database::Mode::read_only;
}

class SqliteInspector : public StoreInspector {
 public:
  /// `alone`: the database is read without locks, as nobody has it open.
  SqliteInspector(std::string directory, std::unique_ptr<Database> database, bool alone)
      : directory_(std::move(directory)), database_(std::move(database)), alone_(alone) {}

  Result<std::vector<DeadLetter>> dead_letters(std::optional<std::string> reason,
                                               std::size_t limit) override {
    std::vector<DeadLetter> letters;
    auto select = database_->prepare("SELECT id, body FROM dead_letters ORDER BY id DESC");
    if (!select) return fail(select.error());
    Rows rows = select->query();
    while (letters.size() < limit) {
      const auto found = rows.next();
      if (!found) return fail(found.error());
      if (!*found) break;
      auto letter = read_letter(rows.integer(0), rows.blob(1));
      if (letter && (!reason || letter->reason == *reason)) letters.push_back(std::move(*letter));
    }
    return letters;
  }

  Result<DeadLetter> dead_letter(std::int64_t id) override {
    auto select = database_->prepare("SELECT id, body FROM dead_letters WHERE id = ?1");
    if (!select) return fail(select.error());
    Rows rows = select->query(id);
    const auto found = rows.next();
    if (!found) return fail(found.error());
    if (!*found) return fail(ErrorKind::invalid, "there is no dead letter " + std::to_string(id));
    return read_letter(id, rows.blob(1));
  }

  Result<Store::Checkpoint> checkpoint() override {
    auto checkpoints = Checkpoints::open(*database_);
    if (!checkpoints) return fail(checkpoints.error());
    return checkpoints->read();
  }

  Result<void> replay(std::uint64_t after,
                      const std::function<void(JournalRecord&&)>& record) override {
    auto journal = Journal::open(*database_);
    if (!journal) return fail(journal.error());
    return replay_journal(*journal, after, record);
  }

  Result<std::string> uuid() override {
    return database_->text("SELECT value FROM meta WHERE key = 'uuid'");
  }

  Result<StoreAudit> audit(const Position& delivered, const AuditProgress& progress) override {
    auto audit = audit_database(*database_, delivered, progress);
    if (!audit) return audit;
    const std::string path = database_path(directory_);
    std::error_code error;
    if (alone_ && std::filesystem::exists(path + "-shm", error))
      return fail(ErrorKind::unavailable,
                  "a weir was started on " + directory_ + " meanwhile; ask again");
    const auto size_of = [&](const std::string& file) {
      const auto size = std::filesystem::file_size(file, error);
      return Bytes{error ? 0 : size};
    };
    audit->database = size_of(path);
    audit->wal = size_of(path + "-wal");
    const auto space = std::filesystem::space(directory_, error);
    if (!error) audit->free = Bytes{space.available};
    audit->check_wanted = check_wanted(directory_);
    for (const std::uint64_t n : damaged_numbers(directory_))
      audit->set_aside.push_back("weir.db.damaged-" + std::to_string(n));
    return audit;
  }

 private:
  static Result<DeadLetter> read_letter(std::int64_t id, std::string_view body) {
    const auto content = open_row(body, RowKind::dead_letter, static_cast<std::uint64_t>(id));
    if (!content) return fail(content.error());
    auto letter = read_dead_letter(*content);
    if (letter) letter->id = id;
    return letter;
  }

  const std::string directory_;
  const std::unique_ptr<Database> database_;
  const bool alone_;
};

}  // namespace

Result<std::unique_ptr<StoreInspector>> StoreInspector::open(const std::string& directory) {
  const std::string path = database_path(directory);
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return fail(ErrorKind::unavailable, "there is no database " + path);
  const Database::Mode mode = mode_of(path);
  auto database = Database::open(path, mode);
  if (!database) return fail(database.error());
  const auto version = (*database)->number("PRAGMA user_version");
  if (!version) return fail(version.error().kind, path + ": " + version.error().message);
  if (*version != schema_version)
    return fail(ErrorKind::unsupported, path + " is of schema " + std::to_string(*version) +
                                            ", this weir knows " + std::to_string(schema_version));
  return std::make_unique<SqliteInspector>(directory, std::move(*database),
                                           mode != Database::Mode::read_only);
}

}  // namespace weir
