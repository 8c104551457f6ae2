#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

namespace {

const std::filesystem::path folder =
    WEIR_SOURCE_DIR "/../shared/data/conformance/json/test_parsing";

std::string file_text(const std::filesystem::path& name) {
  std::ifstream file(name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("JSON is accepted and refused as the JSON test suite has it") {
  if (!std::filesystem::exists(folder)) {
    WARN("SKIPPED: there is no " << folder);
    return;
  }
  const auto decoder = decoder_of("");
  std::size_t accepted = 0, refused = 0, open = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    INFO(name);
    Decoded decoded;
    const Result<void> result = decoder->decode(file_text(entry.path()), decoded);
    CHECK((result || result.error().kind == ErrorKind::invalid));
    CHECK(decoded.values.empty() == !result);
    if (name.starts_with("y_")) {
      CHECK(decoded.well_formed);
      ++accepted;
    } else if (name.starts_with("n_")) {
      CHECK_FALSE(decoded.well_formed);
      CHECK_FALSE(result);
      ++refused;
    } else {
      ++open;
    }
  }
  CHECK(accepted > 80);
  CHECK(refused > 80);
  CHECK(open > 10);
}
