#pragma once

#include <string>
#include <vector>

namespace weir::test {

/// A file of tests/scenarios; the language is described in the README there.
struct Scenario {
  struct Line {
    std::size_t number = 0;
    std::vector<std::string> words;
  };
  std::string toml;
  bool fixed_batches = false;  ///< how the readings are batched is part of what it shows
  std::vector<Line> lines;
};

/// How a scenario is run; what comes out has to be the same.
struct ScenarioMode {
  bool restart_each_step = false;
  std::size_t batch = 0;  ///< readings a call at most; 0 = as the file has them
};

/// Throws std::runtime_error if the file can't be read.
Scenario read_scenario(const std::string& path);

/// Empty if everything came out as expected; else where and why not.
std::string run_scenario(const Scenario& scenario, const ScenarioMode& mode);

}  // namespace weir::test
