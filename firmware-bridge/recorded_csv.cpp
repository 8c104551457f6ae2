#include <algorithm>
#include <utility>

#include "config/csv.hpp"
#include "firmware-bridge/recorded_lines.hpp"

namespace weir {
namespace {

class CsvFile final : public RecordedFile {
 public:
  CsvFile(LineReader lines, RecordedOptions options)
      : lines_(std::move(lines)), options_(std::move(options)) {}

  Result<void> read_header();
  Result<std::optional<RecordedEvent>> next() override;
  Bytes bytes_read() const override { return lines_.bytes_read(); }
  Bytes size() const override { return lines_.size(); }

 private:
  Result<bool> read_record();
  Result<void> read_quoted_lines();
  Result<void> start_record();
  Result<std::optional<RecordedEvent>> read_value(const CsvCell& cell, std::string_view metric);
  Result<std::size_t> column(const std::string& name) const;

  LineReader lines_;
  const RecordedOptions options_;
  std::vector<std::string> header_;
  std::size_t time_ = 0;
  std::optional<std::size_t> device_, metric_;
  std::vector<std::size_t> values_;

  std::string record_;
  std::uint64_t line_ = 0;  ///< where the record begins
  std::vector<CsvCell> cells_;
  std::size_t cell_count_ = 0;
  std::size_t next_value_ = 0;  ///< into values_; at its end a new record is read
  Timestamp record_time_{};
};

Result<bool> CsvFile::read_record() {
  do {
    record_.clear();
    Result<bool> more = lines_.next(record_);
    line_ = lines_.line();
    if (!more || !*more) return more;
    if (Result<void> rest = read_quoted_lines(); !rest) return fail(std::move(rest.error()));
    if (record_.ends_with('\r')) record_.pop_back();
    if (!split_csv(record_, options_.separator, cells_, cell_count_))
      return lines_.error(line_, cells_[cell_count_ - 1].column,
                          "a quote stands inside a field; put the field in quotes and double it");
  } while (cell_count_ == 1 && cells_[0].text.empty());
  return true;
}

// A line feed in quotes is part of the record, and quotes are open where their number is odd.
Result<void> CsvFile::read_quoted_lines() {
  std::size_t counted = 0;
  bool open = false;
  while (true) {
    for (; counted < record_.size(); ++counted) open = open != (record_[counted] == '"');
    if (!open) return {};
    record_ += '\n';
    Result<bool> more = lines_.next(record_);
    if (!more) return fail(more.error());
    if (!*more) return lines_.error(line_, record_.rfind('"') + 1, "a quote is not closed");
  }
}

Result<std::size_t> CsvFile::column(const std::string& name) const {
  const auto at = std::find(header_.begin(), header_.end(), name);
  if (at != header_.end()) return static_cast<std::size_t>(at - header_.begin());
  std::string known;
  for (const std::string& other : header_) known += (known.empty() ? "" : ", ") + other;
  return lines_.error(line_, 1, "there is no column '" + name + "'; there are: " + known);
}

Result<void> CsvFile::read_header() {
  const Result<bool> any = read_record();
  if (!any) return fail(any.error());
  if (!*any) return lines_.error(1, 1, "a header with the names of the columns is missing");
  for (std::size_t i = 0; i < cell_count_; ++i) {
    std::string_view name = cells_[i].text;
    if (i == 0 && name.starts_with("\xEF\xBB\xBF")) name.remove_prefix(3);
    if (std::find(header_.begin(), header_.end(), name) != header_.end())
      return lines_.error(line_, cells_[i].column, "two columns have this name");
    header_.emplace_back(name);
  }
  const auto find = [this](const std::string& name, auto& out) -> Result<void> {
    const Result<std::size_t> at = column(name);
    if (!at) return fail(at.error());
    out = *at;
    return {};
  };
  if (Result<void> found = find(options_.time_column, time_); !found) return found;
  if (!options_.device_column.empty()) {
    if (Result<void> found = find(options_.device_column, device_); !found) return found;
  }
  std::vector<std::string> names = options_.value_columns;
  if (!options_.metric_column.empty()) {
    if (Result<void> found = find(options_.metric_column, metric_); !found) return found;
    names = {options_.value_column};
  }
  for (const std::string& name : names) {
    if (Result<void> found = find(name, values_.emplace_back()); !found) return found;
  }
  for (std::size_t i = 0; names.empty() && i < header_.size(); ++i) {
    if (i != time_ && i != device_) values_.push_back(i);
  }
  if (values_.empty()) return lines_.error(line_, 1, "there is no column with values");
  next_value_ = values_.size();
  return {};
}

Result<void> CsvFile::start_record() {
  if (cell_count_ != header_.size())
    return lines_.error(line_, 1,
                        "it has " + std::to_string(cell_count_) + " fields, the header " +
                            std::to_string(header_.size()));
  const CsvCell& time = cells_[time_];
  std::optional<Timestamp> read = time_from(time.text, options_.time_format, options_.zone);
  if (!read) read = time_from(time.text, TimeFormat::rfc3339, options_.zone);
  if (!read) return lines_.error(line_, time.column, "this is no time");
  if (device_ && cells_[*device_].text.empty())
    return lines_.error(line_, cells_[*device_].column, "the device is missing");
  if (metric_ && cells_[*metric_].text.empty())
    return lines_.error(line_, cells_[*metric_].column, "the name of the metric is missing");
  record_time_ = *read;
  next_value_ = 0;
  return {};
}

Result<std::optional<RecordedEvent>> CsvFile::next() {
  while (true) {
    while (next_value_ < values_.size()) {
      const std::size_t at = values_[next_value_++];
      if (cells_[at].text.empty()) continue;
      return read_value(cells_[at], metric_ ? cells_[*metric_].text : header_[at]);
    }
    const Result<bool> more = read_record();
    if (!more) return fail(more.error());
    if (!*more) return std::nullopt;
    if (Result<void> started = start_record(); !started) return fail(std::move(started.error()));
  }
}

Result<std::optional<RecordedEvent>> CsvFile::read_value(const CsvCell& cell,
                                                         std::string_view metric) {
  const TextNumber number = read_number(cell.text);
  if (number.outcome != TextNumber::Outcome::number)
    return lines_.error(line_, cell.column, "this is no finite number");
  RecordedReading reading;
  reading.time = record_time_;
  reading.device = device_ ? cells_[*device_].text : options_.device;
  reading.metric = metric;
  reading.value = number.value;
  reading.quality = number.exact ? Quality::good : Quality::inexact;
  return RecordedEvent{line_, reading};
}

}  // namespace

Result<std::unique_ptr<RecordedFile>> open_csv(LineReader lines, RecordedOptions options) {
  auto file = std::make_unique<CsvFile>(std::move(lines), std::move(options));
  if (Result<void> header = file->read_header(); !header) return fail(std::move(header.error()));
  return file;
}

}  // namespace weir
