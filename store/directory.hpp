#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/result.hpp"

namespace weir {

/// Asks the next start to look at every page of the database, because something damaged was met.
/// Any thread; does what it can.
void want_check(const std::string& directory);

/// Whether somebody has, and no start has looked since.
bool check_wanted(const std::string& directory);

/// The numbers of the databases that were set aside, ascending: weir.db.damaged-N, and -wal behind
/// it, or that alone.
std::vector<std::uint64_t> damaged_numbers(const std::string& directory);

/// gateway.data_dir, held by this process alone. The kernel lets go of it when the process ends,
/// however it ends.
class DataDirectory {
 public:
  /// Makes the directory if it is absent, and takes its lock.
  /// # Errors
  /// `unavailable`: it can't be made or written to, or another weir holds it; the message names the
  /// path and the remedy.
  static Result<DataDirectory> take(const std::string& path);

  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&& other) noexcept;
  ~DataDirectory();

  const std::string& path() const { return path_; }
  std::string database() const { return path_ + "/weir.db"; }

  bool check_wanted() const { return weir::check_wanted(path_); }
  void check_done() const;

  /// There is a write-ahead log, but no database or an empty one: SQLite would throw the log away.
  bool lost_database() const;

  /// Renames the database and what belongs to it to weir.db.damaged-N and deletes all but the
  /// newest two of these, so that damage that comes back does not fill the disk.
  Result<void> set_aside() const;

  /// Path of the newest of these, if there is one.
  std::optional<std::string> newest_set_aside() const;

  /// Makes renamed and new files durable.
  Result<void> sync() const;

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string damaged(std::uint64_t number) const {
    return database() + ".damaged-" + std::to_string(number);
  }

  std::string path_;
  int lock_ = -1;
};

}  // namespace weir
