#pragma once

#include <optional>
#include <string_view>

#include "operators/enrichment.hpp"

namespace weir {

/// A threshold of a detector: a number, or the name of a number of the source's dimension table, so
/// that each device has its own. A device without a row or with an empty cell has none.
class Threshold {
 public:
  /// Nothing: the option is absent. Problems are recorded there.
  static std::optional<Threshold> read(Params& params, std::string_view key,
                                       const SourceOptions* source);

  /// The number, if it is the same for all devices.
  std::optional<double> number() const;
  /// To be called before `of`. `table` outlives this.
  void look_up(const SourceOptions& source, const SeriesTable& table);
  /// For the device of a reading; nothing: it has none.
  std::optional<double> of(const Reading& reading) const {
    return column_ == none ? std::optional(number_) : in_row(reading);
  }

 private:
  static constexpr std::size_t none = SIZE_MAX;
  std::optional<double> in_row(const Reading& reading) const;

  double number_ = 0;
  std::size_t column_ = none;
  std::optional<DeviceRows> rows_;
  const SeriesTable* table_ = nullptr;
};

}  // namespace weir
