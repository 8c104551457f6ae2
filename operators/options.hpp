#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/aggregate.hpp"
#include "operators/expression.hpp"
#include "operators/operator.hpp"
#include "operators/pipeline.hpp"
#include "operators/window_kind.hpp"

namespace weir {

/// `[[rollup]]`, read and checked.
struct RollupOptions {
  std::string name, from, topic;
  std::vector<std::string> metrics;  ///< empty: all
  std::vector<std::string> by;       ///< tags of the source; never empty unless it has none
  WindowOptions window;
  EmissionOptions emission;
  std::vector<Aggregate> aggregates;
  Duration period{};   ///< how often a device sends a reading; 0: nobody says
  bool state = false;  ///< results carry what the aggregates keep, to be merged
  std::optional<Expression> where;
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
  std::optional<Expression> where;
};

struct PipelineOptions {
  std::vector<RollupOptions> rollups;
  std::vector<DetectorOptions> detectors;
  std::uint32_t active_series = 0;  ///< at most so many have windows at once; 0: no such bound
};

}  // namespace weir
