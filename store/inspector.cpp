#include <filesystem>

#include "store/checkpoints.hpp"
#include "store/journal.hpp"
#include "store/row.hpp"
#include "store/schema.hpp"
#include "store/store.hpp"

namespace weir {

namespace {

class SqliteInspector : public StoreInspector {
 public:
  explicit SqliteInspector(std::unique_ptr<Database> database) : database_(std::move(database)) {}

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

 private:
  static Result<DeadLetter> read_letter(std::int64_t id, std::string_view body) {
    const auto content = open_row(body, RowKind::dead_letter, static_cast<std::uint64_t>(id));
    if (!content) return fail(content.error());
    auto letter = read_dead_letter(*content);
    if (letter) letter->id = id;
    return letter;
  }

  std::unique_ptr<Database> database_;
};

}  // namespace

Result<std::unique_ptr<StoreInspector>> StoreInspector::open(const std::string& directory) {
  const std::string path = directory + "/weir.db";
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return fail(ErrorKind::unavailable, "there is no database " + path);
  // Without a log beside it nobody writes the file, and a copy on a read-only disk can be read.
  const bool alone = !std::filesystem::exists(path + "-wal", error);
  auto database =
      Database::open(path, alone ? Database::Mode::immutable : Database::Mode::read_only);
  if (!database) return fail(database.error());
  const auto version = (*database)->number("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version != schema_version)
    return fail(ErrorKind::unsupported, path + " is of schema " + std::to_string(*version) +
                                            ", this weir knows " + std::to_string(schema_version));
  return std::make_unique<SqliteInspector>(std::move(*database));
}

}  // namespace weir
