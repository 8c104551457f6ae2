#include "firmware-bridge/recorded.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "firmware-bridge/recorded_lines.hpp"

namespace weir {

Result<LineReader> LineReader::open(const std::string& path, Bytes line_max) {
  LineReader made;
  std::error_code error;
  made.size_ = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorKind::unavailable, path + ": " + error.message());
  made.file_.open(path, std::ios::binary);
  if (!made.file_) return fail(ErrorKind::unavailable, path + ": it can't be opened for reading");
  made.path_ = path;
  made.line_max_ = count(line_max);
  made.buffer_.resize(1U << 16);
  return made;
}

bool LineReader::fill() {
  file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  begin_ = 0;
  end_ = static_cast<std::size_t>(file_.gcount());
  return end_ > 0;
}

Result<bool> LineReader::next(std::string& line) {
  bool any = false, too_long = false;
  while (begin_ < end_ || fill()) {
    if (!any) ++line_;
    any = true;
    const char* from = buffer_.data() + begin_;
    const void* found = std::memchr(from, '\n', end_ - begin_);
    const std::size_t size =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - from) : end_ - begin_;
    too_long = too_long || line.size() + size > line_max_;
    if (!too_long) line.append(from, size);
    const std::size_t taken = size + (found ? 1 : 0);
    begin_ += taken;
    bytes_read_ += taken;
    if (found) break;
  }
  if (file_.bad()) return fail(ErrorKind::unavailable, path_ + ": reading failed");
  if (too_long) return error(line_, 1, "it is longer than " + format_bytes(Bytes{line_max_}));
  return any;
}

tl::unexpected<Error> LineReader::error(std::uint64_t line, std::size_t column,
                                        std::string_view why) const {
  return fail(ErrorKind::invalid, path_ + ":" + std::to_string(line) + ":" +
                                      std::to_string(column) + ": " + std::string(why));
}

Result<std::unique_ptr<RecordedFile>> RecordedFile::open(const std::string& path,
                                                         RecordedOptions options) {
  using Format = RecordedOptions::Format;
  if (options.format == Format::by_ending) {
    const std::string ending = std::filesystem::path(path).extension().string();
    if (ending == ".csv") {
      options.format = Format::csv;
    } else if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") {
      options.format = Format::json_lines;
    } else {
      return fail(ErrorKind::unsupported,
                  path + ": its name does not say whether it is CSV or JSON lines");
    }
  }
  if (options.device.empty()) options.device = std::filesystem::path(path).stem().string();
  Result<LineReader> lines = LineReader::open(path, options.line_max);
  if (!lines) return fail(std::move(lines.error()));
  return options.format == Format::csv ? open_csv(*std::move(lines), std::move(options))
                                       : open_json_lines(*std::move(lines), std::move(options));
}

}  // namespace weir
