#include "operators/series.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

using Texts = std::vector<std::string_view>;
const std::vector<std::string> two_tags = {"line", "device"};

std::string written(const SeriesTable& table, const SeriesTable::Mark& from = {}) {
  std::string bytes;
  ByteWriter writer(bytes);
  table.write_since(from, writer);
  return bytes;
}

bool reads(SeriesTable& table, std::string_view bytes) {
  ByteReader reader(bytes);
  return table.read(reader) && reader.at_end();
}

/// Two sources, three devices, four series.
SeriesTable sample() {
  SeriesTable table({});
  const SourceId press = table.intern_source("press", two_tags);
  const SourceId bare = table.intern_source("bare", {});
  const DeviceId a = *table.intern_device(press, Texts{"l1", "a"});
  const DeviceId b = *table.intern_device(press, Texts{"l1", "b"});
  const DeviceId c = *table.intern_device(bare, Texts{});
  (void)table.intern_series(a, "temperature");
  (void)table.intern_series(a, "pressure");
  (void)table.intern_series(b, "temperature");
  (void)table.intern_series(c, "temperature");
  return table;
}

}  // namespace

TEST_CASE("what is interned twice is one") {
  SeriesTable table({});
  const SourceId source = table.intern_source("press", two_tags);
  CHECK(table.intern_source("press", two_tags) == source);
  const auto device = table.intern_device(source, Texts{"l1", "a"});
  CHECK(table.intern_device(source, Texts{"l1", "a"}) == device);
  const auto series = table.intern_series(*device, "temperature");
  CHECK(table.intern_series(*device, "temperature") == series);
  CHECK(table.find_series(*device, "temperature") == series);
  CHECK(table.metric(table.series(*series).metric) == "temperature");
  CHECK(table.mark() == SeriesTable::Mark{1, 1, 1, 1});
}

TEST_CASE("other tag names make another source") {
  SeriesTable table({});
  const std::vector<std::string> one = {"line"}, joined = {"linedevice"};
  const SourceId source = table.intern_source("press", two_tags);
  CHECK(table.intern_source("press", one) != source);
  CHECK(table.intern_source("press", joined) != table.intern_source("press", one));
}

TEST_CASE("texts that only look alike when joined are kept apart") {
  SeriesTable table({});
  const SourceId source = table.intern_source("press", two_tags);
  const auto first = table.intern_device(source, Texts{"ab", "c"});
  CHECK(table.intern_device(source, Texts{"a", "bc"}) != first);
  CHECK(table.intern_device(source, Texts{"abc", ""}) != first);
  const std::string with_nul("a\0b", 3);
  CHECK(table.intern_device(source, Texts{with_nul, ""}) !=
        table.intern_device(source, Texts{"a", ""}));
}

TEST_CASE("beyond the bound of devices only known ones are found") {
  SeriesTable table({.devices = 1, .series = 10});
  const std::vector<std::string> tags = {"device"};
  const SourceId source = table.intern_source("s", tags);
  const auto known = table.intern_device(source, Texts{"a"});
  REQUIRE(known);
  CHECK_FALSE(table.intern_device(source, Texts{"b"}));
  CHECK(table.intern_device(source, Texts{"a"}) == known);
}

TEST_CASE("beyond the bound of series neither series nor metric names grow") {
  SeriesTable table({.devices = 10, .series = 1});
  const std::vector<std::string> tags = {"device"};
  const auto device = table.intern_device(table.intern_source("s", tags), Texts{"a"});
  const auto known = table.intern_series(*device, "temperature");
  REQUIRE(known);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(table.intern_series(*device, std::to_string(i)));
  CHECK(table.mark().metrics == 1);
  CHECK(table.intern_series(*device, "temperature") == known);
  CHECK_FALSE(table.find_series(*device, "0"));
}

TEST_CASE("a table written and read is the same table") {
  const SeriesTable table = sample();
  SeriesTable copy({});
  REQUIRE(reads(copy, written(table)));
  CHECK(copy.mark() == table.mark());
  CHECK(written(copy) == written(table));
  CHECK(copy.find_series(DeviceId{1}, "temperature") == SeriesId{2});
  CHECK(copy.intern_device(SourceId{0}, Texts{"l1", "b"}) == DeviceId{1});
}

TEST_CASE("a table grows by what was appended since a mark") {
  SeriesTable table = sample();
  SeriesTable copy({});
  REQUIRE(reads(copy, written(table)));
  const SeriesTable::Mark before = table.mark();
  const DeviceId added = *table.intern_device(SourceId{0}, Texts{"l2", "x"});
  (void)table.intern_series(added, "humidity");
  REQUIRE(reads(copy, written(table, before)));
  CHECK(written(copy) == written(table));
}

TEST_CASE("the limits do not apply to what was accepted before") {
  SeriesTable small({.devices = 0, .series = 0});
  CHECK(reads(small, written(sample())));
}

TEST_CASE("bytes that belong elsewhere are refused") {
  const SeriesTable table = sample();
  SeriesTable other = sample();
  CHECK_FALSE(reads(other, written(table)));  // it stands behind them already
  SeriesTable empty({});
  CHECK_FALSE(reads(empty, written(table, {1, 0, 0, 0})));
}

TEST_CASE("cut off anywhere, a table is refused") {
  const std::string bytes = written(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SeriesTable table({});
    CAPTURE(size);
    CHECK_FALSE(reads(table, std::string_view(bytes).substr(0, size)));
  }
}

TEST_CASE("with any byte changed, a table is refused or whole in itself") {
  const std::string bytes = written(sample());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      SeriesTable table({});
      if (!reads(table, damaged)) continue;
      const SeriesTable::Mark mark = table.mark();
      for (std::uint32_t i = 0; i < mark.series; ++i) {
        const auto series = table.series(SeriesId{i});
        const auto& device = table.device(series.device);
        CHECK(device.tag_values.size() == table.source(device.source).tag_names.size());
        CHECK(table.find_series(series.device, table.metric(series.metric)) == SeriesId{i});
      }
    }
  }
}
