#include "operators/threshold.hpp"

#include <algorithm>
#include <cmath>

#include "operators/unknown_word.hpp"

namespace weir {

std::optional<Threshold> Threshold::read(Params& params, std::string_view key,
                                         const SourceOptions* source) {
  Threshold threshold;
  if (source != nullptr && source->enrichment != nullptr &&
      params.form(key) == Params::Form::text) {
    const auto& columns = source->enrichment->numbers();
    const std::string name = params.text(key, "");
    const auto at = std::find(columns.begin(), columns.end(), name);
    threshold.column_ = static_cast<std::size_t>(at - columns.begin());
    if (at != columns.end()) return threshold;
    // What begins like a number comes from a variable, and may be one.
    threshold.column_ = none;
    if (name.find_first_of("+-.0123456789") != 0) {
      params.problem(key, unknown_word("number of enrich", name, columns));
      return threshold;
    }
  }
  const auto number = params.optional_number(key);
  if (!number) return std::nullopt;
  threshold.number_ = *number;
  return threshold;
}

std::optional<double> Threshold::number() const {
  return column_ == none ? std::optional(number_) : std::nullopt;
}

void Threshold::look_up(const SourceOptions& source, const SeriesTable& table) {
  if (column_ == none) return;
  rows_.emplace(source, table);
  table_ = &table;
}

std::optional<double> Threshold::in_row(const Reading& reading) const {
  const double number = rows_->row(table_->series(reading.series).device).numbers[column_];
  return std::isnan(number) ? std::nullopt : std::optional(number);
}

}  // namespace weir
