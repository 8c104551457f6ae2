#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "operators/formula.hpp"
#include "operators/metric_values.hpp"
#include "operators/stage.hpp"

namespace weir {

/// What one source does with its readings before the operators: the stages drop and correct them,
/// then the metrics that are derived from them are computed.
///
/// A derived metric is a series of the same device. It is made for each reading, of a metric that
/// its expression names, for which the other metrics have a value too (as of its event time, within
/// `derive_tolerance`): at the time of that reading, the one that completes it.
class Intake {
 public:
  /// All outlive this.
  Intake(const SourceOptions& source, const SeriesTable& table);

  /// Whether there is nothing to do, so that readings may pass by.
  bool idle() const {
    return stages_.empty() && derives_.empty() && values_.all().empty() && !values_.rows().any();
  }

  /// Whether the reading is a mark for one of the stages, which then has it, and no value.
  bool mark(const Reading& reading);

  /// Passes the reading through the stages, which may change it. If one drops it: the place of the
  /// reason in filter_reasons().
  std::optional<std::size_t> filter(Reading& reading, const Moment& now);

  /// Notes the reading, which has passed, and computes what is derived from it. Valid until the
  /// next call. What has no value is counted, and the reading of a device without a row.
  const std::vector<Reading>& derive(const Reading& reading, ReadingCounts& counts);

  const DeviceRows& rows() const { return values_.rows(); }
  SourceValues& values() { return values_; }  ///< for conditions behind the source
  std::vector<Stateful*> parts();             ///< all that has state

 private:
  struct ChosenStage {
    std::size_t entry = 0;
    std::unique_ptr<Stage> stage;
  };
  struct Derived {
    std::string name;
    std::unique_ptr<Formula> formula;
    std::vector<SeriesId> series;  ///< by device
  };
  std::optional<SeriesId> series_of(Derived& derived, DeviceId device) const;

  const SeriesTable& table_;
  SourceValues values_;
  std::vector<ChosenStage> stages_;
  Stage* marked_ = nullptr;  ///< the one that goes by marks, if there is one
  std::vector<Derived> derives_;
  std::vector<Reading> made_;
  std::vector<std::size_t> changed_;  ///< places of the metrics that the reading at hand changed
};

}  // namespace weir
