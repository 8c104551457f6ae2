#include "operators/registry.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string all_scenarios() {
  std::string text;
  for (const auto& entry :
       std::filesystem::directory_iterator(WEIR_SOURCE_DIR "/tests/scenarios")) {
    if (entry.path().extension() == ".txt") text += text_of(entry.path());
  }
  return text;
}

bool contains(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("every entry has a name of its own and a line about it") {
  std::set<std::string_view> names;
  for (const AggregateEntry* entry : aggregates()) {
    CHECK(names.insert(entry->name).second);
    CHECK_FALSE(entry->about.empty());
    CHECK(find_aggregate(entry->name) == entry);
    if (entry->accumulator != nullptr) CHECK(entry->accumulator->size % 8 == 0);
  }
  names.clear();
  for (const DetectorEntry* entry : detectors()) {
    CHECK(names.insert(entry->name).second);
    CHECK_FALSE(entry->about.empty());
    CHECK(find_detector(entry->name) == entry);
  }
  CHECK(find_aggregate("median of sorts") == nullptr);
  CHECK(find_detector("") == nullptr);
}

TEST_CASE("every entry has a scenario that shows what it yields") {
  const std::string scenarios = all_scenarios();
  for (const AggregateEntry* entry : aggregates()) {
    CAPTURE(entry->name);
    // percent_in has a field for each state.
    const std::string word = " " + std::string(entry->name);
    CHECK((contains(scenarios, word + "=") || contains(scenarios, word + "_")));
  }
  for (const DetectorEntry* entry : detectors()) {
    CAPTURE(entry->name);
    CHECK(contains(scenarios, "method = \"" + std::string(entry->name) + "\""));
  }
}

TEST_CASE("every stage has a name, a reason and a line, a scenario and a place in the sample") {
  const std::string scenarios = all_scenarios();
  const std::string sample = text_of(WEIR_SOURCE_DIR "/config/weir.toml");
  std::set<std::string_view> names;
  for (const StageEntry* entry : stages()) {
    CAPTURE(entry->name);
    CHECK(names.insert(entry->name).second);
    CHECK_FALSE(entry->about.empty());
    CHECK(contains(sample, "\n#" + std::string(entry->name) + " = "));
    // "counts … where=2", or why it has no value.
    const std::string reason = " " + std::string(entry->reason);
    CHECK((contains(scenarios, reason + "=") || contains(scenarios, reason + "_no_value=")));
  }
}

TEST_CASE("every entry stands in the sample configuration") {
  const std::string sample = text_of(WEIR_SOURCE_DIR "/config/weir.toml");
  const std::string rollup = sample.substr(sample.find("[[rollup]]"), sample.find("[[detector]]"));
  const std::string list = rollup.substr(0, rollup.find("#aggregates ="));
  for (const AggregateEntry* entry : aggregates()) {
    CAPTURE(entry->name);
    const std::string word = " " + std::string(entry->name);
    CHECK((contains(list, word + ",") || contains(list, word + " ") || contains(list, word + ".")));
  }
  for (const DetectorEntry* entry : detectors()) {
    CAPTURE(entry->name);
    CHECK(contains(sample, entry->name));
  }
}
