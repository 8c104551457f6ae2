#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operators/pipeline.hpp"

namespace weir {

/// `[source.enrich]`: a row of a dimension table for each device of a source. The columns `tags`
/// are texts beside the device's own tags, the columns `numbers` are numbers by name.
///
/// The table is the text `csv`, with a header. Whoever has a file puts its content there first
/// (runtime/dimension_files.hpp), so that the rows are part of the configuration, are journaled
/// with it, and a replay finds those of the time. Constant once read.
class Enrichment {
 public:
  enum class Missing { keep, drop, use_default };
  struct Row {
    std::vector<std::string> tags;  ///< in the order of the option; a cell that is empty is ""
    std::vector<double> numbers;    ///< likewise; an empty cell is NaN: no value
  };

  /// Null: the source asks for none, or for nothing of it. Problems are recorded there. `metrics`:
  /// those of the payload, empty: any.
  static std::shared_ptr<const Enrichment> read(Params& source,
                                                const std::vector<std::string>& tag_names,
                                                const std::vector<std::string>& metrics);

  const std::vector<std::string>& tags() const { return tags_; }
  const std::vector<std::string>& numbers() const { return numbers_; }
  Missing missing() const { return missing_; }
  /// What stands for the row of a device that has none: the default, or nothing in each column.
  const Row& other() const { return other_; }
  std::size_t rows() const { return rows_.size(); }

  /// The row of a device with these tags; null: there is none.
  const Row* find(std::span<const std::string> tag_values) const;

  /// An estimate, with the texts of the configuration that hold the rows.
  std::size_t memory_bytes() const;

  /// The option `separator`.
  static char read_separator(Params& table);
  static constexpr std::size_t csv_bytes_max = 1u << 20;

 private:
  struct Columns;
  void read_names(Params& table, const std::vector<std::string>& tag_names,
                  const std::vector<std::string>& metrics);
  void read_default(Params& table);
  Result<void> read_rows(std::string_view csv, char separator);
  Result<void> read_row(std::uint64_t line, const Columns& columns,
                        std::span<const std::string> cells);

  std::vector<std::size_t> key_;  ///< places among the tags of the source
  std::vector<std::string> key_columns_, tags_, numbers_;
  Missing missing_ = Missing::keep;
  Row other_;
  std::size_t csv_bytes_ = 0;
  std::unordered_map<std::string, Row> rows_;  ///< looked into, never gone through
};

/// What is known of the devices of a source: the tags they are told apart by, and their rows.
class DeviceRows {
 public:
  /// `table` outlives this.
  DeviceRows(const SourceOptions& source, const SeriesTable& table)
      : enrichment_(source.enrichment), table_(&table) {}

  bool any() const { return enrichment_ != nullptr; }
  bool has_row(DeviceId device) const { return find(device) != &enrichment_->other(); }
  /// Requires: any().
  const Enrichment::Row& row(DeviceId device) const { return *find(device); }
  /// Requires: any().
  const Enrichment& enrichment() const { return *enrichment_; }

  /// The tag at this place among the device's own and, behind them, those of its row.
  std::string_view tag(DeviceId device, std::size_t place) const {
    const auto& own = table_->device(device).tag_values;
    return place < own.size() ? own[place] : row(device).tags[place - own.size()];
  }

  std::size_t memory_bytes() const { return found_.capacity() * sizeof(void*); }

 private:
  const Enrichment::Row* find(DeviceId device) const;

  std::shared_ptr<const Enrichment> enrichment_;
  const SeriesTable* table_;
  mutable std::vector<const Enrichment::Row*> found_;  ///< by device; null: not looked for yet
};

/// The names of all tags of a source, in the order of DeviceRows::tag.
std::vector<std::string> all_tags(const SourceOptions& source);

}  // namespace weir
