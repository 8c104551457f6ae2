#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/result.hpp"

struct sqlite3;
struct sqlite3_file;
struct sqlite3_stmt;

namespace weir {

class Database;

/// The rows of one query. Resets its statement at the end of its life, which ends the read.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement, const Database* database)
      : statement_(statement), database_(database) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  Result<bool> next();  ///< false: there are no more
  std::int64_t integer(int column) const;
  std::string_view blob(int column) const;  ///< valid until the next call of `next`
  int columns() const;
  std::string_view name(int column) const;

 private:
  sqlite3_stmt* statement_;
  const Database* database_;
};

/// A prepared statement, kept for the life of its Database and never beyond it. One query at a
/// time.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  /// Runs it to its end; returns how many rows it changed.
  template <class... Values>
  Result<std::int64_t> run(const Values&... values) {
    int i = 0;
    (bind(++i, values), ...);
    return finish();
  }

  /// Texts and blobs handed in must live as long as the Rows.
  template <class... Values>
  Rows query(const Values&... values) {
    int i = 0;
    (bind(++i, values), ...);
    return Rows(statement_, database_);
  }

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, Database* database)
      : statement_(statement), database_(database) {}
  void bind(int i, std::int64_t value);
  void bind(int i, std::uint64_t value) { bind(i, static_cast<std::int64_t>(value)); }
  void bind(int i, std::string_view blob);
  Result<std::int64_t> finish();

  sqlite3_stmt* statement_ = nullptr;
  Database* database_ = nullptr;
};

/// One connection to SQLite; the only door to that library. One thread at a time.
///
/// What went wrong is told by ErrorKind: `full` (no room on the disk or in the bound),
/// `unavailable` (I/O error, read-only, busy: may pass), `corrupt` (not a database, or a damaged
/// one), `fatal` (a failed sync: what is on the disk is unknown; or a mistake of ours).
class Database {
 public:
  enum class Mode {
    read_write,  ///< made if absent
    read_only,
    immutable,  ///< read-only, of a file that nobody writes: needs no other file beside it
    unshared,   ///< the same with its write-ahead log; takes no lock and makes no file
  };
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode,
                                                const std::string& vfs = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> execute(const std::string& sql);  ///< one or more statements, rows ignored
  Result<Statement> prepare(std::string_view sql);
  Result<std::int64_t> number(std::string_view sql);  ///< first column of the first row, or 0
  Result<std::string> text(std::string_view sql);     ///< the same as text, or ""

  /// Whether a commit returns only when the disk has it (synchronous FULL), or when the system has
  /// it (NORMAL: the database stays whole in a power cut, the last commits may be lost).
  Result<void> sync_commits(bool sync);

  /// Syncs the write-ahead log: what is committed survives a power cut.
  /// # Errors
  /// `fatal`: the sync failed.
  Result<void> sync_wal();

  /// Writes every byte of the write-ahead log again, and syncs it. After a sync that failed the
  /// system takes pages for clean that never reached the disk, and no later sync would write them.
  /// # Errors
  /// `unavailable`, `full`, `fatal`: try again with a new connection.
  Result<void> rewrite_wal();

  /// Pages in the write-ahead log after the last commit, those of before its restart left out.
  std::uint64_t wal_pages() const { return wal_pages_; }

  /// Copies what it can from the write-ahead log to the database. True if that was all of it: the
  /// next commit then starts the log again. `wait`: for readers, up to the busy time-out.
  Result<bool> move_wal(bool wait);

  bool in_transaction() const;
  Error error(std::string_view doing) const;  ///< of the last call on this connection

 private:
  friend class Statement;
  Database() = default;
  sqlite3_file* wal();  ///< null: there is none yet

  sqlite3* handle_ = nullptr;
  std::uint64_t wal_pages_ = 0;
};

/// All or nothing: rolled back at the end of its life unless `commit` succeeded. SQLite rolls back
/// by itself after some errors; a statement after that would commit alone, so nothing may run
/// behind the first error.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Result<void> begin() { return database_.execute("BEGIN IMMEDIATE"); }
  Result<void> begin_read() { return database_.execute("BEGIN"); }  ///< for a snapshot
  Result<void> commit() { return database_.execute("COMMIT"); }

 private:
  Database& database_;
};

}  // namespace weir
