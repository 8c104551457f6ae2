#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware-bridge/recorded.hpp"

namespace weir {

/// The lines of a file, with a bound on their length and the place for messages.
class LineReader {
 public:
  static Result<LineReader> open(const std::string& path, Bytes line_max);

  /// Appends the next line without its LF; false at the end of the file.
  /// # Errors
  /// `invalid`: `line` would grow beyond the bound; the rest of the line is passed over.
  /// `unavailable`: reading failed.
  Result<bool> next(std::string& line);

  std::uint64_t line() const { return line_; }  ///< of the last `next`, from 1
  Bytes bytes_read() const { return Bytes{bytes_read_}; }
  Bytes size() const { return Bytes{size_}; }

  /// "file:line:column: why"
  tl::unexpected<Error> error(std::uint64_t line, std::size_t column, std::string_view why) const;

 private:
  bool fill();

  std::string path_;
  std::ifstream file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t line_max_ = 0, line_ = 0, bytes_read_ = 0, size_ = 0;
};

Result<std::unique_ptr<RecordedFile>> open_csv(LineReader lines, RecordedOptions options);
Result<std::unique_ptr<RecordedFile>> open_json_lines(LineReader lines, RecordedOptions options);

}  // namespace weir
