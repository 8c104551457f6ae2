#include "operators/formula.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace weir {

namespace {

/// By the bits of Quality.
constexpr std::array<std::string_view, 16> qualities = {
    "good",
    "arrival_time",
    "clock_unsynced",
    "arrival_time+clock_unsynced",
    "historical",
    "arrival_time+historical",
    "clock_unsynced+historical",
    "arrival_time+clock_unsynced+historical",
    "inexact",
    "arrival_time+inexact",
    "clock_unsynced+inexact",
    "arrival_time+clock_unsynced+inexact",
    "historical+inexact",
    "arrival_time+historical+inexact",
    "clock_unsynced+historical+inexact",
    "arrival_time+clock_unsynced+historical+inexact",
};

}  // namespace

std::string_view quality_text(Quality quality) {
  return qualities[static_cast<std::size_t>(quality) % qualities.size()];
}

Formula::Formula(std::string name, Expression expression, Duration tolerance, SourceValues& values,
                 const SeriesTable& table)
    : name_(std::move(name)),
      expression_(std::move(expression)),
      tolerance_(tolerance),
      values_(values),
      table_(table) {
  for (const std::string& metric : expression_.metrics()) places_.push_back(values_.place(metric));
}

Formula::Outcome Formula::evaluate(const Reading& reading, SeriesId of) {
  const SeriesTable::Series& series = table_.series(reading.series);
  const std::size_t own = values_.place_of(series.metric);
  Outcome outcome;
  outcome.quality = reading.quality;
  std::array<double, ExpressionLimits::metrics> metrics;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i] == own) {
      metrics[i] = reading.value;
      continue;
    }
    const auto found = values_.at(places_[i]).as_of(series.device, reading.time, tolerance_);
    metrics[i] = found ? found->value : no_number;
    outcome.complete = outcome.complete && found.has_value();
    if (found) outcome.quality |= found->quality;
  }
  ExpressionInput input;
  input.value = reading.value;
  input.quality = quality_text(reading.quality);
  input.metric = table_.metric(series.metric);
  input.tags = table_.device(series.device).tag_values;
  if (values_.rows().any()) {
    const Enrichment::Row& row = values_.rows().row(series.device);
    input.row_tags = row.tags;
    input.numbers = row.numbers;
  }
  input.metrics = {metrics.data(), places_.size()};
  if (expression_.lags() > 0) {
    Memory& memory = memories_[of];
    if (memory.lags.size() != expression_.lags()) memory.lags.assign(expression_.lags(), no_number);
    input.lags = memory.lags;
    input.follows = reading.time >= memory.newest;
    memory.newest = std::max(memory.newest, reading.time);
  }
  outcome.result = expression_.evaluate(input);
  return outcome;
}

std::uint64_t Formula::bytes_a_series(const Expression& expression) {
  const std::uint64_t lags = expression.lags() == 0 ? 0 : sizeof(Memory) + 8 * expression.lags();
  return lags + expression.metrics().size() * MetricValues::bytes_a_device;
}

bool Formula::names(std::size_t place) const {
  return std::find(places_.begin(), places_.end(), place) != places_.end();
}

void Formula::define(ByteWriter& out) const {
  out.varint(1);  // version of what save writes and of the language
  out.text(expression_.text());
  out.zigzag(tolerance_.count());
}

bool Formula::load(ByteReader& in) {
  return memories_.load(in, table_.mark().series);
}

std::size_t Formula::memory_bytes() const {
  return memories_.memory_bytes() + memories_.states().size() * expression_.lags() * sizeof(double);
}

void Formula::Memory::save(ByteWriter& out) const {
  out.zigzag(count_us(newest));
  out.varint(lags.size());
  // NaN has many forms; "nothing yet" has one.
  for (const double lag : lags) {
    out.u8(lag == lag ? 1 : 0);
    if (lag == lag) out.f64(lag);
  }
}

bool Formula::Memory::load(ByteReader& in) {
  newest = timestamp_us(in.zigzag());
  const std::uint64_t count = in.count();
  if (!in.ok() || count == 0 || count > ExpressionLimits::lags) return false;
  lags.assign(static_cast<std::size_t>(count), no_number);
  for (double& lag : lags) {
    const std::uint8_t known = in.u8();
    if (known > 1) return false;
    if (known == 1) lag = in.f64();
  }
  return in.ok();
}

}  // namespace weir
