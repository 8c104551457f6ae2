#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace weir {

class DiskModel;

/// SQLite's file layer with faults: hands everything to the system's and makes chosen calls fail.
/// Registered under `name()` for as long as it lives; outlives every database opened with it.
/// Any thread.
class FaultVfs {
 public:
  enum class Fault {
    disk_full,    ///< ENOSPC of a write
    io_error,     ///< EIO of a write, an open, a truncation
    short_write,  ///< half of a write reaches the file, then EIO
    sync_error,   ///< EIO of a sync; nothing else fails
    read_error,   ///< EIO of a read; nothing else fails
  };
  struct Plan {
    Fault fault = Fault::io_error;
    std::uint64_t nth = 1;  ///< of the calls that this fault can hit, counted from `arm` on
    bool for_good = false;  ///< and every one after it, until `heal`
  };

  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const;
  void arm(const Plan& plan);
  void heal();
  /// From now on `disk` watches, and decides what fails; null: nobody does. Before any database is
  /// open. The randomness that SQLite asks for is then `seed`'s, so that runs can be repeated.
  void watch(DiskModel* disk, std::uint64_t seed);
  std::uint64_t failed() const;  ///< calls made to fail since `arm`
  std::uint64_t syncs() const;   ///< since construction, of every file

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace weir
