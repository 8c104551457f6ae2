#include "firmware-bridge/registry.hpp"

#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

TEST_CASE("every format has a name, a line about it and a decoder with defaults") {
  REQUIRE_FALSE(decoders().empty());
  for (const DecoderEntry& entry : decoders()) {
    CHECK_FALSE(entry.name.empty());
    CHECK_FALSE(entry.about.empty());
    CHECK(decoder_of("format = \"" + std::string(entry.name) + "\""));
  }
}

TEST_CASE("an unknown format names the nearest known one") {
  const std::string problem = problems_of("format = \"jsno\"");
  CHECK(problem.find("test.toml:2") != std::string::npos);
  CHECK(problem.find("unknown format 'jsno'") != std::string::npos);
  CHECK(problem.find("did you mean 'json'?") != std::string::npos);
}
