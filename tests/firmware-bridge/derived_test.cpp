// What a source derives has its series from the first reading of a device on.

#include "firmware-bridge/router.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

constexpr auto toml = R"(
[[source]]
name = "s"
topics = ["s/{device}"]
metrics = ["voltage", "current"]
derive = { power = "voltage * current", kilowatts = "power / 1000" }
)";

std::vector<SourceConfig> sources() {
  ConfigFile file = ConfigFile::parse(toml, "weir.toml");
  auto sources = SourceConfig::read_all(file.root());
  REQUIRE(file.problems().text() == "");
  return sources;
}

void take(Ingest& ingest, const std::string& topic, const std::string& payload) {
  std::vector<Reading> readings;
  IngestCounts counts;
  Batch::Message message;
  message.topic = topic;
  message.payload = payload;
  REQUIRE(ingest.take(message, true, readings, counts).readings > 0);
}

}  // namespace

TEST_CASE("the first reading of a device introduces the series that are derived for it") {
  SeriesTable table({});
  Ingest ingest(sources(), table);
  take(ingest, "s/a", R"({"voltage": 230})");
  REQUIRE(table.mark().series == 3);
  CHECK(table.find_series(DeviceId{0}, "power").has_value());
  CHECK(table.find_series(DeviceId{0}, "kilowatts").has_value());
  take(ingest, "s/a", R"({"voltage": 230, "current": 2})");
  CHECK(table.mark().series == 4);
  take(ingest, "s/b", R"({"voltage": 230, "current": 2})");
  CHECK(table.mark().series == 8);
}

TEST_CASE("a device that was known before a metric was derived gets its series all the same") {
  SeriesTable table({});
  const std::vector<std::string> tag_names = {"device"};
  const std::vector<std::string_view> tags = {"a"};
  const auto device = table.intern_device(table.intern_source("s", tag_names), tags);
  table.intern_series(*device, "voltage");
  Ingest ingest(sources(), table);
  take(ingest, "s/a", R"({"voltage": 230})");
  CHECK(table.find_series(*device, "power").has_value());
}

TEST_CASE("the names a decoder may yield are known to expressions") {
  ConfigFile file = ConfigFile::parse(std::string(toml) + "where = 'volt > 1'\n", "weir.toml");
  SourceConfig::read_all(file.root());
  CHECK(file.problems().text().find("unknown name \"volt\"") != std::string::npos);
}
