#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "operators/aggregate.hpp"
#include "operators/operator.hpp"
#include "operators/pipeline.hpp"

namespace weir {

/// `[[rollup]]`, read and checked.
struct RollupOptions {
  std::string name, from, topic;
  std::vector<std::string> metrics;  ///< empty: all
  std::vector<std::string> by;       ///< tags of the source; never empty unless it has none
  Duration size{}, offset{};
  std::vector<Aggregate> aggregates;
};

struct DetectorOptions;

/// Makes the operator of a detector whose method's own options it holds. `source` and `table`
/// outlive the operator.
using MakeDetector = std::function<std::unique_ptr<Operator>(
    const DetectorOptions&, const SourceOptions& source, const SeriesTable& table)>;

/// `[[detector]]`, read and checked.
struct DetectorOptions {
  std::string name, from, topic;
  std::vector<std::string> metrics;  ///< empty: all
  std::string method;
  std::uint32_t raise_after = 1, clear_after = 3;
  MakeDetector make;
};

struct PipelineOptions {
  std::vector<RollupOptions> rollups;
  std::vector<DetectorOptions> detectors;
};

}  // namespace weir
