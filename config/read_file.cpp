#include "config/read_file.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "config/units.hpp"

namespace weir::detail {
namespace {

tl::unexpected<Error> unreadable(int error) {
  return fail(ErrorKind::unavailable, "can't be read: " + std::generic_category().message(error));
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rbe"), close);
  if (!file) return unreadable(errno);
  std::string text;
  char chunk[16'384];
  while (text.size() <= size_max) {
    const std::size_t n = std::fread(chunk, 1, sizeof(chunk), file.get());
    if (n == 0 && std::ferror(file.get()) != 0) return unreadable(errno);
    if (n == 0) return text;
    text.append(chunk, n);
  }
  return fail(ErrorKind::full, "is larger than " + format_bytes(Bytes{size_max}));
}

}  // namespace weir::detail
