#include "tests/support/fault_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <mutex>
#include <new>
#include <optional>

#include "runtime/seeded_random.hpp"
#include "tests/support/disk_model.hpp"

namespace weir {

struct FaultVfs::State {
  enum class Call { read, write, sync, other };

  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* base = sqlite3_vfs_find(nullptr);
  std::mutex mutex;
  std::optional<Plan> plan;
  std::uint64_t calls = 0, failed = 0, syncs = 0;
  DiskModel* disk = nullptr;
  SeededRandom random{0};

  /// Whether this call is to fail.
  std::optional<Fault> next(Call call) {
    const std::scoped_lock lock(mutex);
    if (call == Call::sync) ++syncs;
    if (!plan || !hits(call)) return std::nullopt;
    ++calls;
    const bool fails = calls == plan->nth || (plan->for_good && calls > plan->nth);
    if (!fails) return std::nullopt;
    ++failed;
    return plan->fault;
  }

  bool hits(Call call) const {
    switch (plan->fault) {
      case Fault::sync_error:
        return call == Call::sync;
      case Fault::read_error:
        return call == Call::read;
      case Fault::disk_full:
      case Fault::short_write:
        return call == Call::write;
      case Fault::io_error:
        return call != Call::sync && call != Call::read;
    }
    return false;
  }
};

namespace {

using State = FaultVfs::State;
using Fault = FaultVfs::Fault;

/// SQLite gives us one piece of memory: our head, and the base file behind it.
struct alignas(8) File {
  sqlite3_file head;
  State* state;
  const char* path;  ///< SQLite keeps it; null for a temporary file
};
static_assert(sizeof(File) % 8 == 0, "the base file behind it must be aligned as SQLite does it");

File* ours(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(ours(file) + 1);
}
const sqlite3_io_methods* methods(sqlite3_file* file) {
  return real(file)->pMethods;
}

int close_file(sqlite3_file* file) {
  return methods(file)->xClose(real(file));
}
int read_file(sqlite3_file* file, void* to, int n, sqlite3_int64 at) {
  if (ours(file)->state->next(State::Call::read)) return SQLITE_IOERR_READ;
  return methods(file)->xRead(real(file), to, n, at);
}
DiskModel* watcher(sqlite3_file* file) {
  return ours(file)->path == nullptr ? nullptr : ours(file)->state->disk;
}
/// Writes, as far as the disk is alive.
int put(sqlite3_file* file, const void* from, int n, sqlite3_int64 at) {
  DiskModel* disk = watcher(file);
  if (disk && !disk->writing(ours(file)->path, static_cast<std::uint64_t>(at),
                             static_cast<std::uint64_t>(n)))
    return SQLITE_IOERR_WRITE;
  const int rc = methods(file)->xWrite(real(file), from, n, at);
  return disk && disk->dead() ? SQLITE_IOERR_WRITE : rc;
}
int write_file(sqlite3_file* file, const void* from, int n, sqlite3_int64 at) {
  const auto fault = ours(file)->state->next(State::Call::write);
  if (!fault) return put(file, from, n, at);
  if (fault == Fault::short_write) (void)put(file, from, n / 2, at);
  return fault == Fault::disk_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (ours(file)->state->next(State::Call::other)) return SQLITE_IOERR_TRUNCATE;
  DiskModel* disk = watcher(file);
  if (disk && !disk->truncating(ours(file)->path, static_cast<std::uint64_t>(size)))
    return SQLITE_IOERR_TRUNCATE;
  const int rc = methods(file)->xTruncate(real(file), size);
  return disk && disk->dead() ? SQLITE_IOERR_TRUNCATE : rc;
}
int sync_file(sqlite3_file* file, int flags) {
  DiskModel* disk = watcher(file);
  if (ours(file)->state->next(State::Call::sync)) {
    if (disk) disk->sync_failed(ours(file)->path);
    return SQLITE_IOERR_FSYNC;
  }
  if (disk) return disk->syncing(ours(file)->path) ? SQLITE_OK : SQLITE_IOERR_FSYNC;
  return methods(file)->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return methods(file)->xFileSize(real(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return methods(file)->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return methods(file)->xUnlock(real(file), level);
}
int check_lock(sqlite3_file* file, int* held) {
  return methods(file)->xCheckReservedLock(real(file), held);
}
int file_control(sqlite3_file* file, int what, void* argument) {
  return methods(file)->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) {
  return methods(file)->xSectorSize(real(file));
}
int characteristics(sqlite3_file* file) {
  return methods(file)->xDeviceCharacteristics(real(file));
}
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** at) {
  if (extend && ours(file)->state->next(State::Call::other)) return SQLITE_IOERR_SHMSIZE;
  return methods(file)->xShmMap(real(file), page, size, extend, at);
}
int lock_shared(sqlite3_file* file, int offset, int n, int flags) {
  return methods(file)->xShmLock(real(file), offset, n, flags);
}
void shared_barrier(sqlite3_file* file) {
  methods(file)->xShmBarrier(real(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
  return methods(file)->xShmUnmap(real(file), remove);
}

// Version 2: write-ahead logs, no memory-mapped pages.
const sqlite3_io_methods io_methods = {
    2,
    close_file,
    read_file,
    write_file,
    truncate_file,
    sync_file,
    file_size,
    lock_file,
    unlock_file,
    check_lock,
    file_control,
    sector_size,
    characteristics,
    map_shared,
    lock_shared,
    shared_barrier,
    unmap_shared,
    nullptr,
    nullptr,
};

State* state_of(sqlite3_vfs* vfs) {
  return static_cast<State*>(vfs->pAppData);
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* memory, int flags, int* out_flags) {
  State* state = state_of(vfs);
  File* file = ::new (memory) File{{nullptr}, state, path};
  if (state->disk && path && !state->disk->opening(path)) return SQLITE_CANTOPEN;
  if (state->next(State::Call::other)) return SQLITE_CANTOPEN;
  const int rc = state->base->xOpen(state->base, path, real(memory), flags, out_flags);
  if (rc == SQLITE_OK) file->head.pMethods = &io_methods;
  return rc;
}
int delete_file(sqlite3_vfs* vfs, const char* path, int sync) {
  State* state = state_of(vfs);
  if (state->disk && !state->disk->removing(path)) return SQLITE_IOERR_DELETE;
  if (state->next(State::Call::other)) return SQLITE_IOERR_DELETE;
  return state->base->xDelete(state->base, path, sync);
}
int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
  return state_of(vfs)->base->xAccess(state_of(vfs)->base, path, flags, out);
}
int full_path(sqlite3_vfs* vfs, const char* path, int n, char* out) {
  return state_of(vfs)->base->xFullPathname(state_of(vfs)->base, path, n, out);
}
int randomness(sqlite3_vfs* vfs, int n, char* out) {
  if (State* state = state_of(vfs); state->disk) {
    for (int i = 0; i < n; ++i) out[i] = static_cast<char>(state->random.next());
    return n;
  }
  return state_of(vfs)->base->xRandomness(state_of(vfs)->base, n, out);
}
int pause(sqlite3_vfs* vfs, int microseconds) {
  return state_of(vfs)->base->xSleep(state_of(vfs)->base, microseconds);
}
int last_error(sqlite3_vfs* vfs, int n, char* out) {
  return state_of(vfs)->base->xGetLastError(state_of(vfs)->base, n, out);
}
int current_time(sqlite3_vfs* vfs, sqlite3_int64* out) {
  return state_of(vfs)->base->xCurrentTimeInt64(state_of(vfs)->base, out);
}

}  // namespace

FaultVfs::FaultVfs() : state_(std::make_unique<State>()) {
  static std::atomic<unsigned> made{0};
  state_->name = "fault-" + std::to_string(++made);
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->base->szOsFile;
  vfs.mxPathname = state_->base->mxPathname;
  vfs.zName = state_->name.c_str();
  vfs.pAppData = state_.get();
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  vfs.xRandomness = randomness;
  vfs.xSleep = pause;
  vfs.xGetLastError = last_error;
  vfs.xCurrentTimeInt64 = current_time;
  sqlite3_vfs_register(&vfs, 0);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

const std::string& FaultVfs::name() const {
  return state_->name;
}

void FaultVfs::arm(const Plan& plan) {
  const std::scoped_lock lock(state_->mutex);
  state_->plan = plan;
  state_->calls = 0;
  state_->failed = 0;
}

void FaultVfs::watch(DiskModel* disk, std::uint64_t seed) {
  state_->disk = disk;
  state_->random = SeededRandom(seed);
}

void FaultVfs::heal() {
  const std::scoped_lock lock(state_->mutex);
  state_->plan.reset();
}

std::uint64_t FaultVfs::failed() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->failed;
}

std::uint64_t FaultVfs::syncs() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->syncs;
}

}  // namespace weir
