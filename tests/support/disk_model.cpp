#include "tests/support/disk_model.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace weir {

DiskModel::~DiskModel() {
  for (const auto& [path, file] : files_) ::close(file.handle);
}

/// False: the power is off.
bool DiskModel::step() {
  if (dead_) return false;
  if (left_ > 0 && --left_ == 0) dead_ = true;
  return true;
}

DiskModel::File* DiskModel::file(const std::string& path) {
  const auto found = files_.find(path);
  if (found != files_.end()) return &found->second;
  const int handle = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (handle < 0) return nullptr;
  File& file = files_[path];
  file.handle = handle;
  file.durable_size = size_of(file);
  return &file;
}

std::uint64_t DiskModel::size_of(const File& file) {
  struct stat status {};
  if (::fstat(file.handle, &status) != 0) throw std::runtime_error("fstat");
  return static_cast<std::uint64_t>(status.st_size);
}

void DiskModel::remember(File& file, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t number = begin / sector_size; number * sector_size < end; ++number) {
    // Changed again, it will be written again.
    if (auto given_up = file.never_written.extract(number)) file.before.insert(std::move(given_up));
    const auto [place, fresh] = file.before.try_emplace(number);
    if (!fresh) continue;
    place->second.fill(0);
    if (::pread(file.handle, place->second.data(), sector_size,
                static_cast<off_t>(number * sector_size)) < 0)
      throw std::runtime_error("pread");
  }
}

bool DiskModel::opening(const std::string& path) {
  if (dead_) return false;
  // Known before it is changed: what is there already is durable.
  if (files_.contains(path)) return true;
  if (File* known = file(path)) known->durable = true;
  return true;
}

bool DiskModel::writing(const std::string& path, std::uint64_t at, std::uint64_t size) {
  if (!step()) return false;
  if (File* known = file(path)) remember(*known, at, at + size);
  return true;
}

bool DiskModel::truncating(const std::string& path, std::uint64_t size) {
  if (!step()) return false;
  if (File* known = file(path)) remember(*known, size, size_of(*known));
  return true;
}

bool DiskModel::syncing(const std::string& path) {
  if (!step()) return false;
  File* known = file(path);
  // A sync at which the power fails is not done.
  if (known == nullptr || dead_ || (lie_ > 0 && random_.one_in(lie_))) return !dead_;
  known->durable = true;
  known->durable_size = size_of(*known);
  known->before.clear();
  return true;
}

void DiskModel::sync_failed(const std::string& path) {
  File* known = file(path);
  if (known == nullptr || dead_) return;
  known->never_written.merge(known->before);
  known->before.clear();
}

bool DiskModel::removing(const std::string& path) {
  if (!step()) return false;
  const auto found = files_.find(path);
  if (found == files_.end()) return true;
  ::close(found->second.handle);
  files_.erase(found);
  return true;
}

void DiskModel::settle(File& file, std::uint64_t kept_of_ten) {
  const std::uint64_t written_size = size_of(file);
  std::uint64_t end = file.durable_size;  // of what is there for certain
  file.before.merge(file.never_written);
  file.never_written.clear();
  for (auto& [number, before] : file.before) {
    const auto at = static_cast<off_t>(number * sector_size);
    if (random_.below(10) < kept_of_ten) {
      if (number * sector_size < written_size)
        end = std::max(end, std::min(written_size, (number + 1) * sector_size));
      continue;
    }
    // Torn: the first bytes are new.
    const std::uint64_t torn = random_.one_in(4) ? random_.below(sector_size) : 0;
    ++lost_;
    if (::pwrite(file.handle, before.data() + torn, static_cast<std::size_t>(sector_size - torn),
                 at + static_cast<off_t>(torn)) < 0)
      throw std::runtime_error("pwrite");
  }
  // The size is kept apart from the content.
  std::uint64_t size = random_.one_in(2) ? std::max(end, written_size) : end;
  if (written_size < file.durable_size && random_.one_in(2)) size = written_size;
  if (::ftruncate(file.handle, static_cast<off_t>(size)) != 0)
    throw std::runtime_error("ftruncate");
  file.before.clear();
  file.durable_size = size;
}

void DiskModel::reboot() {
  const std::uint64_t kept_of_ten =
      std::array<std::uint64_t, 5>{0, 1, 5, 9, 10}[static_cast<std::size_t>(random_.below(5))];
  for (auto& [path, file] : files_) {
    if (!file.durable && random_.one_in(2)) {
      ::unlink(path.c_str());
    } else {
      settle(file, kept_of_ten);
    }
    // The index of the log lives in memory.
    if (path.ends_with("-wal")) ::unlink((path.substr(0, path.size() - 4) + "-shm").c_str());
    ::close(file.handle);
  }
  files_.clear();
  dead_ = false;
  left_ = 0;
}

}  // namespace weir
