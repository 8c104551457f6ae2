#include "store/directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace weir {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t damaged_kept = 2;

std::string check_file(const std::string& directory) {
  return directory + "/weir.check";
}

std::string reason(int error) {
  return std::system_category().message(error);
}

}  // namespace

std::vector<std::uint64_t> damaged_numbers(const std::string& directory) {
  static constexpr std::string_view prefix = "weir.db.damaged-";
  std::vector<std::uint64_t> numbers;
  std::error_code ignored;
  for (fs::directory_iterator i(directory, ignored), end; !ignored && i != end;
       i.increment(ignored)) {
    const std::string name = i->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    std::uint64_t number = 0;
    const char* last = name.data() + name.size();
    const auto [end_of_number, error] = std::from_chars(name.data() + prefix.size(), last, number);
    const std::string_view rest(end_of_number, static_cast<std::size_t>(last - end_of_number));
    if (error == std::errc() && (rest.empty() || rest == "-wal")) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

void want_check(const std::string& directory) {
  const int file = ::open(check_file(directory).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

bool check_wanted(const std::string& directory) {
  std::error_code ignored;
  return fs::exists(check_file(directory), ignored);
}

Result<DataDirectory> DataDirectory::take(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return fail(ErrorKind::unavailable, path + " can't be made: " + error.message() +
                                            "; make it for weir's user, or change data_dir");
  const std::string name = path + "/weir.lock";
  const int lock = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return fail(ErrorKind::unavailable, path + " can't be written to: " + reason(errno) +
                                            "; give it to weir's user, or change data_dir");
  DataDirectory directory(path, lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return fail(
        ErrorKind::unavailable,
        errno == EWOULDBLOCK
            ? "another weir holds " + path + ": stop it, or give this one its own data_dir"
            : name + " can't be locked: " + reason(errno) + "; data_dir must be on a local disk");
  return directory;
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDirectory& DataDirectory::operator=(DataDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

void DataDirectory::check_done() const {
  std::error_code ignored;
  fs::remove(check_file(path_), ignored);
}

bool DataDirectory::lost_database() const {
  std::error_code error;
  const auto log = fs::file_size(database() + "-wal", error);
  if (error || log == 0) return false;
  const auto size = fs::file_size(database(), error);
  return error ? error == std::errc::no_such_file_or_directory : size == 0;
}

Result<void> DataDirectory::set_aside() const {
  const auto numbers = damaged_numbers(path_);
  const std::uint64_t number = numbers.empty() ? 1 : numbers.back() + 1;
  std::error_code error;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    fs::rename(database() + suffix, damaged(number) + suffix, error);
    if (error && error != std::errc::no_such_file_or_directory)
      return fail(ErrorKind::unavailable,
                  "the damaged " + database() + suffix + " can't be renamed: " + error.message());
  }
  for (std::size_t i = 0; i + damaged_kept <= numbers.size(); ++i)
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(damaged(numbers[i]) + suffix, error);
  check_done();
  return sync();
}

std::optional<std::string> DataDirectory::newest_set_aside() const {
  const auto numbers = damaged_numbers(path_);
  if (numbers.empty()) return std::nullopt;
  return damaged(numbers.back());
}

Result<void> DataDirectory::sync() const {
  const int directory = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0) ::close(directory);
  if (!synced) return fail(ErrorKind::unavailable, path_ + " can't be synced: " + reason(error));
  return {};
}

}  // namespace weir
