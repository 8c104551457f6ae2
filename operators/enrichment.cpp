#include "operators/enrichment.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "config/csv.hpp"
#include "operators/expression.hpp"
#include "operators/unknown_word.hpp"

namespace weir {

namespace {

constexpr std::size_t tag_bytes_max = 256;
constexpr std::size_t columns_max = 64;

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The number of a cell; NaN if the cell is empty, nothing if it is none.
std::optional<double> number_of(std::string_view cell) {
  if (cell.empty()) return no_number;
  double number = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::string no_number_in(const std::string& column, std::string_view cell) {
  std::string why = column;
  why.append(" is \"").append(cell).append("\", which is no number");
  return why;
}

void append_key(std::string_view value, std::string& key) {
  ByteWriter(key).text(value);
}

tl::unexpected<Error> at_line(std::uint64_t line, const std::string& why) {
  return fail(ErrorKind::invalid, "line " + std::to_string(line) + ": " + why);
}

}  // namespace

/// Where the columns stand in a record.
struct Enrichment::Columns {
  std::size_t count = 0;
  std::vector<std::size_t> key, tags, numbers;
};

std::shared_ptr<const Enrichment> Enrichment::read(Params& source,
                                                   const std::vector<std::string>& tag_names,
                                                   const std::vector<std::string>& metrics) {
  if (!source.has("enrich")) return nullptr;
  Params table = source.table("enrich");
  auto read = std::make_shared<Enrichment>();
  read->read_names(table, tag_names, metrics);
  read->missing_ = table.choice<Missing>(
      "missing", Missing::keep,
      {{"keep", Missing::keep}, {"drop", Missing::drop}, {"default", Missing::use_default}});
  read->read_default(table);
  const char separator = read_separator(table);
  const bool from_file = !table.text("file", "").empty();
  table.text("table", "");  // which somebody else reads
  const std::string csv = table.text("csv", "");
  const bool nothing = !from_file && csv.empty() && read->tags_.empty() && read->numbers_.empty() &&
                       read->missing_ == Missing::keep;
  if (nothing) return nullptr;
  if (read->tags_.empty() && read->numbers_.empty())
    table.problem("tags", "names no column, and numbers neither: nothing would be added");
  if (csv.empty()) {
    if (!from_file)
      table.problem("file", "names no file with the rows; give file, or the rows as csv");
  } else if (csv.size() > csv_bytes_max) {
    table.problem("csv", "has more than 1MiB");
  } else if (auto rows = read->read_rows(csv, separator); !rows) {
    table.problem(from_file ? "file" : "csv", rows.error().message);
  }
  table.finish();
  return read;
}

char Enrichment::read_separator(Params& table) {
  return table.choice<char>("separator", ',', {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}});
}

void Enrichment::read_names(Params& table, const std::vector<std::string>& tag_names,
                            const std::vector<std::string>& metrics) {
  key_columns_ = table.texts("key", {});
  if (key_columns_.empty()) key_columns_ = tag_names;
  for (const std::string& name : key_columns_) {
    const auto at = std::find(tag_names.begin(), tag_names.end(), name);
    if (at == tag_names.end()) table.problem("key", unknown_word("tag", name, tag_names));
    key_.push_back(static_cast<std::size_t>(at - tag_names.begin()));
  }
  tags_ = table.texts("tags", {});
  numbers_ = table.texts("numbers", {});
  if (key_columns_.size() + tags_.size() + numbers_.size() > columns_max)
    table.problem("tags", "names more than 64 columns with key and numbers");
  std::vector<std::string> taken = {"value", "quality", "metric"};
  taken.insert(taken.end(), tag_names.begin(), tag_names.end());
  const auto take = [&](std::string_view option, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (name.empty() || is_one_of(taken, name))
        table.problem(option, "\"" + name + "\" means something else already; rename the column");
      taken.push_back(name);
    }
  };
  take("tags", tags_);
  taken.insert(taken.end(), metrics.begin(), metrics.end());
  take("numbers", numbers_);
}

void Enrichment::read_default(Params& table) {
  other_.tags.resize(tags_.size());
  other_.numbers.assign(numbers_.size(), no_number);
  const auto entries = table.entries("default");
  if (missing_ == Missing::use_default && entries.empty())
    table.problem("default", "is missing: missing = \"default\" needs it");
  if (missing_ != Missing::use_default && !entries.empty())
    table.problem("default", "has a meaning only with missing = \"default\"");
  for (const auto& [name, text] : entries) {
    const auto tag = std::find(tags_.begin(), tags_.end(), name);
    const auto number = std::find(numbers_.begin(), numbers_.end(), name);
    if (tag != tags_.end()) {
      other_.tags[static_cast<std::size_t>(tag - tags_.begin())] = text;
    } else if (number != numbers_.end()) {
      const auto value = number_of(text);
      if (!value) table.problem("default", no_number_in(name, text));
      other_.numbers[static_cast<std::size_t>(number - numbers_.begin())] = value.value_or(0);
    } else {
      std::vector<std::string> known = tags_;
      known.insert(known.end(), numbers_.begin(), numbers_.end());
      table.problem("default", unknown_word("column", name, known));
    }
  }
}

Result<void> Enrichment::read_rows(std::string_view csv, char separator) {
  csv_bytes_ = csv.size();
  CsvText text(csv, separator);
  const Result<bool> any = text.next();
  if (!any) return fail(any.error());
  if (!*any) return at_line(1, "a header with the names of the columns is missing");
  Columns columns;
  columns.count = text.fields();
  std::vector<std::string> header;
  for (std::size_t i = 0; i < text.fields(); ++i) header.push_back(text.cells()[i].text);
  for (const auto& [names, places] :
       {std::pair{&key_columns_, &columns.key}, std::pair{&tags_, &columns.tags},
        std::pair{&numbers_, &columns.numbers}}) {
    for (const std::string& name : *names) {
      const auto at = std::find(header.begin(), header.end(), name);
      if (at == header.end()) return at_line(text.line(), unknown_word("column", name, header));
      if (std::find(at + 1, header.end(), name) != header.end())
        return at_line(text.line(), "two columns have the name \"" + name + "\"");
      places->push_back(static_cast<std::size_t>(at - header.begin()));
    }
  }
  std::vector<std::string> cells;
  while (true) {
    const Result<bool> more = text.next();
    if (!more) return fail(more.error());
    if (!*more) return {};
    cells.clear();
    for (std::size_t i = 0; i < text.fields(); ++i) cells.push_back(text.cells()[i].text);
    if (auto taken = read_row(text.line(), columns, cells); !taken) return taken;
  }
}

Result<void> Enrichment::read_row(std::uint64_t line, const Columns& columns,
                                  std::span<const std::string> cells) {
  if (cells.size() != columns.count) {
    return at_line(line, "it has " + std::to_string(cells.size()) + " fields, the header " +
                             std::to_string(columns.count));
  }
  std::string key;
  for (const std::size_t column : columns.key) append_key(cells[column], key);
  Row row;
  for (const std::size_t column : columns.tags) {
    if (cells[column].size() > tag_bytes_max) return at_line(line, "a tag has more than 256 bytes");
    row.tags.push_back(cells[column]);
  }
  for (std::size_t i = 0; i < columns.numbers.size(); ++i) {
    const std::string& cell = cells[columns.numbers[i]];
    const auto number = number_of(cell);
    if (!number) return at_line(line, no_number_in(numbers_[i], cell));
    row.numbers.push_back(*number);
  }
  if (!rows_.try_emplace(std::move(key), std::move(row)).second)
    return at_line(line, "another row has the same key");
  return {};
}

const Enrichment::Row* Enrichment::find(std::span<const std::string> tag_values) const {
  std::string key;
  for (const std::size_t place : key_) append_key(tag_values[place], key);
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

std::size_t Enrichment::memory_bytes() const {
  constexpr std::size_t node = 64, texts = 4;
  std::size_t bytes = texts * csv_bytes_;
  for (const auto& [key, row] : rows_) {
    bytes += node + sizeof(Row) + key.capacity() + row.numbers.capacity() * sizeof(double);
    for (const std::string& tag : row.tags) bytes += sizeof(std::string) + tag.capacity();
  }
  return bytes;
}

const Enrichment::Row* DeviceRows::find(DeviceId device) const {
  if (index(device) >= found_.size()) found_.resize(std::size_t{index(device)} + 1);
  const Enrichment::Row*& found = found_[index(device)];
  if (found == nullptr) {
    found = enrichment_->find(table_->device(device).tag_values);
    if (found == nullptr) found = &enrichment_->other();
  }
  return found;
}

std::vector<std::string> all_tags(const SourceOptions& source) {
  std::vector<std::string> tags = source.tag_names;
  if (source.enrichment != nullptr) {
    const auto& more = source.enrichment->tags();
    tags.insert(tags.end(), more.begin(), more.end());
  }
  return tags;
}

}  // namespace weir
