#include "config/csv.hpp"

#include <algorithm>

namespace weir {

namespace {

/// Takes a quoted field off `record` at its quote; false if the quote is not closed.
bool take_quoted(std::string_view record, std::size_t& at, std::string& text) {
  for (++at; at < record.size(); ++at) {
    if (record[at] != '"') {
      text += record[at];
    } else if (at + 1 < record.size() && record[at + 1] == '"') {
      text += record[++at];
    } else {
      ++at;
      return true;
    }
  }
  return false;
}

}  // namespace

bool split_csv(std::string_view record, char separator, std::vector<CsvCell>& cells,
               std::size_t& count) {
  count = 0;
  std::size_t at = 0;
  while (true) {
    if (cells.size() == count) cells.emplace_back();
    CsvCell& cell = cells[count++];
    cell.text.clear();
    cell.column = at + 1;
    if (at < record.size() && record[at] == '"') {
      if (!take_quoted(record, at, cell.text)) return false;
    } else {
      const std::size_t end = std::min(record.find(separator, at), record.size());
      cell.text = record.substr(at, end - at);
      if (cell.text.find('"') != std::string::npos) return false;
      at = end;
    }
    if (at == record.size()) return true;
    if (record[at] != separator) return false;
    ++at;
  }
}

CsvText::CsvText(std::string_view text, char separator) : rest_(text), separator_(separator) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
}

// A line feed in quotes is part of the record, and quotes are open where their number is odd.
std::string_view CsvText::take_record() {
  line_ = next_line_;
  bool open = false;
  std::size_t end = 0;
  for (; end < rest_.size() && (open || rest_[end] != '\n'); ++end) {
    if (rest_[end] == '"') open = !open;
    if (rest_[end] == '\n') ++next_line_;
  }
  ++next_line_;
  std::string_view record = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (record.ends_with('\r')) record.remove_suffix(1);
  return record;
}

Result<bool> CsvText::next() {
  while (!rest_.empty()) {
    const std::string_view record = take_record();
    if (record.empty()) continue;
    if (split_csv(record, separator_, cells_, count_)) return true;
    return fail(ErrorKind::invalid,
                "line " + std::to_string(line_) + ", column " +
                    std::to_string(cells_[count_ - 1].column) +
                    ": a quote stands inside a field, or is not closed; put the field in quotes "
                    "and double it");
  }
  return false;
}

}  // namespace weir
