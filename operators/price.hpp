#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "operators/pipeline.hpp"

namespace weir {

/// What one rollup costs for each series (group and metric) it keeps.
struct RollupPrice {
  std::string name;
  Duration window{};
  std::uint64_t bytes_a_window = 0;        ///< an estimate where aggregates grow with the values
  std::uint64_t bytes_a_window_worst = 0;  ///< the bound of them
  std::uint64_t windows_usual = 0;         ///< open at once while devices are in order
  std::uint64_t windows_worst = 0;         ///< the bound that Rollup states
  std::uint64_t bytes_beside = 0;          ///< what a kind keeps beside its windows, a series
  std::uint64_t bytes_beside_worst = 0;
  double results_a_day = 0;  ///< without revisions
  Output sample;             ///< a result as it would be, to be weighed
};

struct PipelinePrice {
  std::vector<RollupPrice> rollups;
  std::uint64_t detector_bytes_a_series = 0;  ///< all detectors together, an estimate
  std::uint64_t table_bytes_a_series = 0;     ///< who is who, an estimate
  std::uint64_t dimension_bytes = 0;          ///< dimension tables as they are now
  std::uint32_t active_series = 0;            ///< at most so many have windows at once; 0: all
  std::uint64_t source_bytes_a_series = 0;    ///< what cleaning and deriving remember, at most
};

/// Computed from the definitions alone; nothing is run.
PipelinePrice price(const PipelineOptions& options, std::span<const SourceOptions> sources);

}  // namespace weir
