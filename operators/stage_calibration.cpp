#include <algorithm>
#include <cmath>

#include "operators/stage.hpp"
#include "operators/unknown_word.hpp"

namespace weir {

namespace {

/// value * factor + offset, for a device and a metric.
struct Correction {
  std::vector<std::pair<std::string, std::string>> tags;  ///< all of these; empty: any device
  std::string metric;                                     ///< empty: any
  double factor = 1, offset = 0;
};

/// Corrects values; the first correction that fits a series is the one. A value that is no number
/// any more is dropped.
class Calibration final : public StatelessStage {
 public:
  Calibration(std::vector<Correction> corrections, const StageParts& parts)
      : StatelessStage("source " + parts.source.name + " calibration"),
        tag_names_(all_tags(parts.source)),
        corrections_(std::move(corrections)),
        rows_(parts.values.rows()),
        table_(parts.table) {}

  Verdict judge(Reading& reading, const Moment&) override {
    const std::size_t at = of(reading.series);
    if (at == Places<SeriesId>::none) return Verdict::pass;
    const double value = reading.value * corrections_[at].factor + corrections_[at].offset;
    if (!std::isfinite(value)) return Verdict::no_value;
    reading.value = value;
    return Verdict::pass;
  }

  std::size_t memory_bytes() const override { return found_.memory_bytes(); }

 private:
  std::size_t of(SeriesId id) {
    return found_.of(id, [this](SeriesId series) {
      const auto fitting =
          std::find_if(corrections_.begin(), corrections_.end(),
                       [&](const Correction& correction) { return fits(correction, series); });
      return fitting == corrections_.end()
                 ? Places<SeriesId>::none
                 : static_cast<std::size_t>(fitting - corrections_.begin());
    });
  }

  bool fits(const Correction& correction, SeriesId id) const {
    const SeriesTable::Series& series = table_.series(id);
    if (!correction.metric.empty() && correction.metric != table_.metric(series.metric))
      return false;
    return std::all_of(correction.tags.begin(), correction.tags.end(), [&](const auto& tag) {
      const auto at = std::find(tag_names_.begin(), tag_names_.end(), tag.first);
      const auto place = static_cast<std::size_t>(at - tag_names_.begin());
      return rows_.tag(series.device, place) == tag.second;
    });
  }

  std::vector<std::string> tag_names_;
  std::vector<Correction> corrections_;
  const DeviceRows& rows_;
  const SeriesTable& table_;
  Places<SeriesId> found_;  ///< among the corrections
};

StageChoice read_calibration(Params& source, const ExpressionScope& scope) {
  std::vector<Correction> corrections;
  for (Params& table : source.tables("calibration")) {
    Correction& correction = corrections.emplace_back();
    correction.tags = table.entries("tags");
    for (const auto& [tag, value] : correction.tags) {
      if (std::find(scope.tags.begin(), scope.tags.end(), tag) == scope.tags.end())
        table.problem("tags", unknown_word("tag", tag, scope.tags));
    }
    correction.metric = table.text("metric", "");
    const auto& metrics = scope.metrics;
    if (!correction.metric.empty() && !metrics.empty() &&
        std::find(metrics.begin(), metrics.end(), correction.metric) == metrics.end())
      table.problem("metric", unknown_word("metric", correction.metric, metrics));
    constexpr Range<double> any{-1e300, 1e300};
    correction.factor = table.number("factor", 1, any);
    correction.offset = table.number("offset", 0, any);
    table.finish();
  }
  if (corrections.empty()) return {};
  const auto make = [corrections](const StageParts& parts) {
    return std::make_unique<Calibration>(corrections, parts);
  };
  return {make, sizeof(std::size_t)};
}

}  // namespace

extern const StageEntry calibration_stage = {
    "calibration", "calibration", "corrects values by factor and offset", read_calibration};

}  // namespace weir
