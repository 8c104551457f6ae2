#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "runtime/seeded_random.hpp"

namespace weir {

/// What a disk keeps when the power fails. It watches the writes to a few files and remembers, for
/// each sector of 512 bytes that was changed since the file was last synced, what it held before.
/// At a cut each of these sectors is kept, lost or torn, in any combination, so also reordered; a
/// file that was never synced may be gone, a change of its size may be undone.
///
/// The hooks are called by FaultVfs before the call goes to the file. One thread; no two writers of
/// a file in parallel.
class DiskModel {
 public:
  explicit DiskModel(std::uint64_t seed) : random_(seed) {}
  ~DiskModel();
  DiskModel(const DiskModel&) = delete;
  DiskModel& operator=(const DiskModel&) = delete;

  /// The power fails at the `steps`-th changing call from now on; that call may be half done, and
  /// no later one has any effect.
  void arm(std::uint64_t steps) { left_ = steps; }
  /// A card that lies: one sync in `n` says it is done and does nothing. 0: never.
  void lie_once_in(std::uint64_t n) { lie_ = n; }
  bool dead() const { return dead_; }
  std::uint64_t lost_sectors() const { return lost_; }

  /// The process is killed: none of its calls has any effect any more, until `revive`. What it
  /// wrote is in the system's memory, synced or not.
  void kill() { dead_ = true; }
  void revive() {
    dead_ = false;
    left_ = 0;
  }

  /// Once every database is closed: what was not synced is decided, and the power is back.
  void reboot();

  // Hooks. False: the call is to fail.
  bool opening(const std::string& path);
  bool writing(const std::string& path, std::uint64_t at, std::uint64_t size);
  bool truncating(const std::string& path, std::uint64_t size);
  bool syncing(const std::string& path);
  /// A sync fails: the system takes the pages for clean all the same, so that no later sync writes
  /// them, unless they are changed again.
  void sync_failed(const std::string& path);
  bool removing(const std::string& path);

 private:
  static constexpr std::uint64_t sector_size = 512;
  using Sector = std::array<char, sector_size>;
  struct File {
    int handle = -1;
    bool durable = false;  ///< it exists after a cut for certain
    std::uint64_t durable_size = 0;
    std::map<std::uint64_t, Sector> before;         ///< by number of the sector
    std::map<std::uint64_t, Sector> never_written;  ///< the same, of those that a sync gave up
  };

  bool step();
  File* file(const std::string& path);
  static std::uint64_t size_of(const File& file);
  void remember(File& file, std::uint64_t begin, std::uint64_t end);
  void settle(File& file, std::uint64_t kept_of_ten);

  SeededRandom random_;
  std::map<std::string, File> files_;
  std::uint64_t left_ = 0, lie_ = 0, lost_ = 0;
  bool dead_ = false;
};

}  // namespace weir
