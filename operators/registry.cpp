#include "operators/registry.hpp"

namespace weir {

// Each stands in the file of its name: aggregate_sum.cpp, detector_range.cpp, …
extern const AggregateEntry count_aggregate, sum_aggregate, mean_aggregate, min_aggregate,
    max_aggregate, first_aggregate, last_aggregate, stddev_aggregate, median_aggregate,
    mode_aggregate, distinct_aggregate, range_aggregate, delta_aggregate, increase_aggregate,
    rate_aggregate, trend_aggregate, integral_aggregate, time_weighted_mean_aggregate,
    percent_in_aggregate;
extern const DetectorEntry range_detector, zscore_detector, rate_detector, stuck_detector,
    silence_detector;
extern const StageEntry enrich_stage, rate_limit_stage, deduplicate_stage, units_stage,
    calibration_stage, dead_band_stage;

namespace {

constexpr const AggregateEntry* aggregate_table[] = {
    &count_aggregate,               //
    &sum_aggregate,                 //
    &mean_aggregate,                //
    &min_aggregate,                 //
    &max_aggregate,                 //
    &first_aggregate,               //
    &last_aggregate,                //
    &stddev_aggregate,              //
    &median_aggregate,              //
    &mode_aggregate,                //
    &distinct_aggregate,            //
    &range_aggregate,               //
    &delta_aggregate,               //
    &increase_aggregate,            //
    &rate_aggregate,                //
    &trend_aggregate,               //
    &integral_aggregate,            //
    &time_weighted_mean_aggregate,  //
    &percent_in_aggregate,
};

constexpr const DetectorEntry* detector_table[] = {
    &range_detector,   //
    &zscore_detector,  //
    &rate_detector,    //
    &stuck_detector,   //
    &silence_detector,
};

constexpr const StageEntry* stage_table[] = {
    &enrich_stage,       //
    &rate_limit_stage,   //
    &deduplicate_stage,  //
    &units_stage,        //
    &calibration_stage,  //
    &where_stage,        //
    &dead_band_stage,
};
static_assert(2 * std::size(stage_table) <= filter_reasons_max);

template <class Entry>
const Entry* find(std::span<const Entry* const> table, std::string_view name) {
  for (const Entry* entry : table) {
    if (entry->name == name) return entry;
  }
  return nullptr;
}

}  // namespace

std::span<const AggregateEntry* const> aggregates() {
  return aggregate_table;
}

std::span<const DetectorEntry* const> detectors() {
  return detector_table;
}

std::span<const StageEntry* const> stages() {
  return stage_table;
}

std::span<const std::string> filter_reasons() {
  static const std::vector<std::string> reasons = [] {
    std::vector<std::string> names;
    for (const StageEntry* entry : stages()) {
      names.emplace_back(entry->reason);
      names.push_back(std::string(entry->reason) + "_no_value");
    }
    return names;
  }();
  return reasons;
}

const AggregateEntry* find_aggregate(std::string_view name) {
  if (const AggregateEntry* entry = find(aggregates(), name)) return entry;
  for (const AggregateEntry* entry : aggregates()) {
    if (entry->owns != nullptr && entry->owns(name)) return entry;
  }
  return nullptr;
}

const DetectorEntry* find_detector(std::string_view name) {
  return find(detectors(), name);
}

}  // namespace weir
