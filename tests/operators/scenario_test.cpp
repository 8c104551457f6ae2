#include "tests/operators/scenario.hpp"

#include <algorithm>
#include <filesystem>

#include "tests/support/catch.hpp"

using namespace weir::test;

namespace {

std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(WEIR_SOURCE_DIR "/tests/scenarios")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string name_of(const std::string& file) {
  return std::filesystem::path(file).stem().string();
}

}  // namespace

TEST_CASE("each scenario comes out as it says") {
  REQUIRE_FALSE(scenario_files().empty());
  for (const std::string& file : scenario_files()) {
    INFO(name_of(file));
    CHECK(run_scenario(read_scenario(file), {}) == "");
  }
}

TEST_CASE("each scenario comes out the same with a restart between any two steps") {
  for (const std::string& file : scenario_files()) {
    INFO(name_of(file));
    CHECK(run_scenario(read_scenario(file), {true, 0}) == "");
  }
}

TEST_CASE("each scenario comes out the same however its readings are batched") {
  for (const std::string& file : scenario_files()) {
    const Scenario scenario = read_scenario(file);
    if (scenario.fixed_batches) continue;
    for (const std::size_t batch : {1u, 2u, 3u}) {
      INFO(name_of(file) << ", " << batch << " at a time");
      CHECK(run_scenario(scenario, {false, batch}) == "");
      CHECK(run_scenario(scenario, {true, batch}) == "");
    }
  }
}
