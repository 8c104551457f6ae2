#pragma once

#include <array>
#include <string_view>

#include "tests/proof/simulated_world.hpp"

namespace weir {

/// One figure: a run of one seed does some of its count (power cuts, I/O errors …).
struct Figure {
  std::string_view name;
  std::string_view unit;  ///< the count that a run adds to
  std::uint64_t count;    ///< by default
  SimulationReport (*run)(const SimulationOptions& options);
};

SimulationReport simulate_cuts(const SimulationOptions& options);
SimulationReport simulate_lies(const SimulationOptions& options);
SimulationReport simulate_clocks(const SimulationOptions& options);
SimulationReport simulate_errors(const SimulationOptions& options);
SimulationReport simulate_damage(const SimulationOptions& options);
SimulationReport simulate_outage(const SimulationOptions& options);
SimulationReport simulate_days(const SimulationOptions& options);

inline constexpr std::array figures = {
    Figure{"cuts", "cuts", 20'000, simulate_cuts},
    Figure{"lies", "cuts", 2'000, simulate_lies},
    Figure{"clocks", "runs", 100, simulate_clocks},
    Figure{"errors", "errors", 3'000, simulate_errors},
    Figure{"damage", "damages", 300, simulate_damage},
    Figure{"outage", "hours", 6, simulate_outage},
    Figure{"days", "days", 365, simulate_days},
};

}  // namespace weir
