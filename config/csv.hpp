#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"

namespace weir {

/// One field of a record of comma-separated values.
struct CsvCell {
  std::string text;
  std::size_t column = 1;  ///< in bytes, from 1, in the first line of its record
};

/// Takes one record apart by RFC 4180; false if a quote is misplaced in the last cell. `cells`
/// keeps its strings from record to record; `count` of them are of this one.
bool split_csv(std::string_view record, char separator, std::vector<CsvCell>& cells,
               std::size_t& count);

/// The records of a text, one after the other; empty lines are passed over. Lines end with LF or
/// CR LF; what stands in quotes may hold both.
class CsvText {
 public:
  CsvText(std::string_view text, char separator);

  /// False at the end.
  /// # Errors
  /// `invalid`: a quote is misplaced or not closed; the message begins with the line.
  Result<bool> next();

  std::vector<CsvCell>& cells() { return cells_; }  ///< as many as fields() are of this record
  std::size_t fields() const { return count_; }
  std::uint64_t line() const { return line_; }  ///< where the record begins, from 1

 private:
  std::string_view take_record();

  std::string_view rest_;
  char separator_;
  std::vector<CsvCell> cells_;
  std::size_t count_ = 0;
  std::uint64_t line_ = 0, next_line_ = 1;
};

}  // namespace weir
