#include "runtime/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace weir {
namespace {

std::optional<Bytes> resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  if (!(file >> size >> resident)) return std::nullopt;
  return Bytes{resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

std::optional<Bytes> written_bytes() {
  std::ifstream file("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "write_bytes:") return Bytes{value};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> open_files() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  if (error) return std::nullopt;
  std::uint64_t files = 0;
  while (entry != std::filesystem::directory_iterator{}) {
    ++files;
    entry.increment(error);
    if (error) return std::nullopt;
  }
  return files == 0 ? 0 : files - 1;  // without the one that reads the directory
}

Duration duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ProcessUsage process_usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {resident_memory(), written_bytes(), open_files(),
          duration(usage.ru_utime) + duration(usage.ru_stime)};
}

}  // namespace weir
