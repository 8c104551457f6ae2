#include "store/sqlite.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace weir {

namespace {

constexpr int busy_timeout_ms = 2000;

ErrorKind kind_of(int extended) {
  switch (extended) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return ErrorKind::fatal;
    case SQLITE_IOERR_CORRUPTFS:
      return ErrorKind::corrupt;
    default:
      break;
  }
  switch (extended & 0xff) {
    case SQLITE_FULL:
      return ErrorKind::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:       // our statements are fixed: the schema is not what it was
    case SQLITE_CONSTRAINT:  // our ids are new: a tree is out of order
      return ErrorKind::corrupt;
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return ErrorKind::unavailable;
    default:
      return ErrorKind::fatal;
  }
}

}  // namespace

Rows::~Rows() {
  sqlite3_reset(statement_);
}

Result<bool> Rows::next() {
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return fail(database_->error("reading"));
}

std::int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Rows::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes ? std::string_view(bytes, static_cast<std::size_t>(size)) : std::string_view{};
}

int Rows::columns() const {
  return sqlite3_column_count(statement_);
}

std::string_view Rows::name(int column) const {
  const char* name = sqlite3_column_name(statement_, column);
  return name != nullptr ? name : "";
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), database_(other.database_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(database_, other.database_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::bind(int i, std::int64_t value) {
  sqlite3_bind_int64(statement_, i, value);
}

void Statement::bind(int i, std::string_view blob) {
  sqlite3_bind_blob64(statement_, i, blob.data() ? blob.data() : "", blob.size(), SQLITE_STATIC);
}

Result<std::int64_t> Statement::finish() {
  int rc = SQLITE_ROW;
  while (rc == SQLITE_ROW) rc = sqlite3_step(statement_);
  if (rc != SQLITE_DONE) {
    auto failed = fail(database_->error("writing"));
    sqlite3_reset(statement_);
    return failed;
  }
  sqlite3_reset(statement_);
  return sqlite3_changes(database_->handle_);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode,
                                                 const std::string& vfs) {
  std::unique_ptr<Database> database(new Database);
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |=
      mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  std::string name = path;
  if (mode == Mode::immutable) {
    flags |= SQLITE_OPEN_URI;
    name = "file:";
    for (const char c : path) {
      static constexpr char digits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      if (c == '%' || c == '?' || c == '#')
        name += {'%', digits[byte >> 4], digits[byte & 15]};
      else
        name += c;
    }
    name += "?immutable=1";
  }
  // Where there are no locks, and the log's index is in memory, nothing is made beside the file.
  const char* system = mode == Mode::unshared ? "unix-none" : nullptr;
  const int rc =
      sqlite3_open_v2(name.c_str(), &database->handle_, flags, vfs.empty() ? system : vfs.c_str());
  if (rc != SQLITE_OK) return fail(database->error("opening " + path));
  sqlite3_busy_timeout(database->handle_, busy_timeout_ms);
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (mode == Mode::unshared) {
    if (auto set = database->execute("PRAGMA locking_mode = EXCLUSIVE"); !set)
      return fail(set.error());
  }
  // In place of SQLite's own checkpointing: when the log is moved is for the store to decide.
  sqlite3_wal_hook(
      database->handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = static_cast<std::uint64_t>(pages);
        return SQLITE_OK;
      },
      database.get());
  return database;
}

Database::~Database() {
  // Statements that outlive us keep the connection until they are gone, instead of dangling.
  sqlite3_close_v2(handle_);
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return fail(error(std::string_view(sql).substr(0, 40)));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return fail(error(sql.substr(0, 40)));
  return Statement(statement, this);
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  Rows rows = statement->query();
  const auto found = rows.next();
  if (!found) return fail(found.error());
  return *found ? rows.integer(0) : 0;
}

Result<std::string> Database::text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  Rows rows = statement->query();
  const auto found = rows.next();
  if (!found) return fail(found.error());
  return *found ? std::string(rows.blob(0)) : std::string();
}

Result<void> Database::sync_commits(bool sync) {
  return execute(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

sqlite3_file* Database::wal() {
  sqlite3_file* log = nullptr;
  const int rc = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  return rc == SQLITE_OK && log != nullptr && log->pMethods != nullptr ? log : nullptr;
}

Result<void> Database::rewrite_wal() {
  sqlite3_file* log = wal();
  if (log == nullptr) return {};  // nothing is in it
  sqlite3_int64 size = 0;
  int rc = log->pMethods->xFileSize(log, &size);
  std::string piece(64u << 10, '\0');
  for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size;) {
    const auto bytes =
        static_cast<int>(std::min(size - at, static_cast<sqlite3_int64>(piece.size())));
    rc = log->pMethods->xRead(log, piece.data(), bytes, at);
    if (rc == SQLITE_OK) rc = log->pMethods->xWrite(log, piece.data(), bytes, at);
    at += bytes;
  }
  if (rc == SQLITE_OK) rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (rc == SQLITE_OK) return {};
  return fail(kind_of(rc), "the write-ahead log can't be written again");
}

Result<void> Database::sync_wal() {
  sqlite3_file* log = wal();
  if (log == nullptr) return {};  // nothing is in it
  if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK) return {};
  return fail(ErrorKind::fatal, "the write-ahead log can't be synced");
}

Result<bool> Database::move_wal(bool wait) {
  int in_log = 0;
  int moved = 0;
  const int rc = sqlite3_wal_checkpoint_v2(
      handle_, nullptr, wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, &in_log,
      &moved);
  if ((rc & 0xff) == SQLITE_BUSY) return false;
  if (rc != SQLITE_OK) return fail(error("moving the write-ahead log"));
  const bool all = in_log == moved;
  if (all) wal_pages_ = 0;
  return all;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

Error Database::error(std::string_view doing) const {
  if (!handle_) return {ErrorKind::unavailable, "SQLite has no memory for a connection"};
  return {kind_of(sqlite3_extended_errcode(handle_)),
          std::string(doing) + ": " + sqlite3_errmsg(handle_)};
}

Transaction::~Transaction() {
  // An error here means that SQLite has rolled back already.
  if (database_.in_transaction()) (void)database_.execute("ROLLBACK");
}

}  // namespace weir
