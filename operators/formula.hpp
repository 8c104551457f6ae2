#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/expression.hpp"
#include "operators/keyed.hpp"
#include "operators/metric_values.hpp"
#include "operators/stateful.hpp"

namespace weir {

/// An expression in its place: what its names stand for, and what its `lag` and `delta` remember.
///
/// A metric stands for the value of the reading's device as of the reading's event time, at most
/// `tolerance` old; the metric of the reading itself for the reading. What lag and delta remember
/// is kept for each series the expression decides about or makes; a reading older than the newest
/// one of its series finds and leaves nothing.
class Formula final : public Stateful {
 public:
  /// `values` and `table` outlive this.
  Formula(std::string name, Expression expression, Duration tolerance, SourceValues& values,
          const SeriesTable& table);

  struct Outcome {
    double result = 0;                ///< NaN: no value
    bool complete = true;             ///< all metrics it names have a value
    Quality quality = Quality::good;  ///< all bits of all readings in it
  };
  /// Requires: the reading is of this source. `of`: the series that it decides about or makes.
  Outcome evaluate(const Reading& reading, SeriesId of);
  /// Whether a condition holds; "no value" does not.
  bool holds(const Reading& reading) { return evaluate(reading, reading.series).result == 1; }

  /// What it makes weir remember for each series at most, about.
  static std::uint64_t bytes_a_series(const Expression& expression);

  /// Whether it names a metric of that place among the values.
  bool names(std::size_t place) const;

  std::string name() const override { return name_; }
  void define(ByteWriter& out) const override;
  void save(ByteWriter& out) const override { memories_.save(out); }
  bool load(ByteReader& in) override;
  std::size_t memory_bytes() const override;

 private:
  struct Memory {
    Timestamp newest = time_begin;
    std::vector<double> lags;

    void save(ByteWriter& out) const;
    bool load(ByteReader& in);
  };

  std::string name_;
  Expression expression_;
  Duration tolerance_;
  SourceValues& values_;
  const SeriesTable& table_;
  std::vector<std::size_t> places_;  ///< of its metrics among the values
  Keyed<SeriesId, Memory> memories_;
};

/// "good", or the names of all bits joined by +: "arrival_time+inexact".
std::string_view quality_text(Quality quality);

}  // namespace weir
