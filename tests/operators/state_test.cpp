#include <algorithm>

#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

const std::string source =
    "[[source]]\nname = \"s\"\ntags = [\"line\", \"device\"]\nlateness = \"2m\"\n";
const std::string rollup =
    "[[rollup]]\nname = \"m\"\nfrom = \"s\"\nby = [\"line\"]\nwindow = { tumbling = \"1m\" }\n"
    "aggregates = [\"count\", \"sum\", \"min\", \"max\", \"first\", \"last\", \"stddev\"]\n";
const std::string detectors =
    "[[detector]]\nname = \"r\"\nfrom = \"s\"\nmethod = \"range\"\nhigh = 50.0\n"
    "[[detector]]\nname = \"z\"\nfrom = \"s\"\nmethod = \"zscore\"\nwarmup = 2\n"
    "[[detector]]\nname = \"k\"\nfrom = \"s\"\nmethod = \"stuck\"\nfor = \"1m\"\n"
    "[[detector]]\nname = \"g\"\nfrom = \"s\"\nmethod = \"rate\"\nmax = 1.0\n"
    "[[detector]]\nname = \"q\"\nfrom = \"s\"\nmethod = \"silence\"\nfor = \"30s\"\n";

Reading reading(Rig& rig, const std::string& device, Duration time, double value) {
  Reading made;
  made.series = rig.series("s", {"l" + device.substr(0, 1), device}, "t");
  made.time = Timestamp(time);
  made.value = value;
  return made;
}

Moment at(Duration elapsed) {
  return {Timestamp(elapsed), elapsed, true};
}

// Devices that are idle, active and late, windows open and closed, alerts on and off.
void fill(Rig& rig) {
  Outputs out;
  for (int i = 0; i < 40; ++i) {
    std::vector<Reading> batch;
    for (const char* device : {"1a", "1b", "2a"}) {
      if (device[1] == 'b' && i > 5) continue;
      const double value = i % 13 == 0 ? 99 : 20 + i % 3;
      batch.push_back(reading(rig, device, Duration(10s) * i - (i % 4) * 25s, value));
    }
    rig.pipeline().process(batch, at(Duration(10s) * i), out);
  }
}

Result<std::vector<std::string>> load_into(Rig& rig, std::string_view bytes) {
  ByteReader reader(bytes);
  auto loaded = rig.pipeline().load(reader);
  if (loaded && !reader.at_end()) return fail(ErrorKind::corrupt, "bytes are left over");
  return loaded;
}

// A pipeline that knows the same devices and has not seen a reading.
void name_devices(Rig& rig) {
  for (const char* device : {"1a", "1b", "2a"}) (void)reading(rig, device, 0s, 0);
}

}  // namespace

TEST_CASE("state of an operator that is defined otherwise now is left out and named") {
  Rig before(source + rollup + detectors);
  fill(before);
  const std::string other_window =
      "[[rollup]]\nname = \"m\"\nfrom = \"s\"\nwindow = { tumbling = \"2m\" }\n";
  Rig after(source + other_window + detectors);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(*left_out == std::vector<std::string>{"rollup m"});
}

TEST_CASE("state of the version before, which knows nothing of what the centre was told, is read") {
  Rig before(source + rollup + detectors);
  fill(before);
  const std::string saved = before.saved();
  // The version, the wall clock, then what the centre was told until.
  ByteReader reader(saved);
  reader.u8();
  reader.zigzag();
  std::string older = saved.substr(0, saved.size() - reader.rest().size());
  older.front() = 1;
  reader.zigzag();
  older += reader.rest();
  Rig after(source + rollup + detectors);
  name_devices(after);
  const auto left_out = load_into(after, older);
  REQUIRE(left_out);
  CHECK(left_out->empty());
  CHECK(after.saved() == saved);
}

TEST_CASE("state of an operator that is gone is left out, that of the others is kept") {
  Rig before(source + rollup + detectors);
  fill(before);
  Rig after(source + rollup);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(left_out->size() == 5);
  Rig only(source + rollup);
  fill(only);
  CHECK(after.saved() == only.saved());
}

TEST_CASE("a new operator starts empty beside those that go on") {
  Rig before(source + rollup);
  fill(before);
  Rig after(source + rollup + detectors);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(left_out->empty());
}

TEST_CASE("a threshold or a topic may change without losing state") {
  Rig before(source + rollup + detectors);
  fill(before);
  std::string changed = rollup + detectors + "topic = \"elsewhere\"\n";
  changed.replace(changed.find("high = 50.0"), 11, "high = 60.0");
  Rig after(source + changed);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(left_out->empty());
}

TEST_CASE("a source that is gone takes its devices along, and nothing crashes") {
  Rig before(source + rollup);
  fill(before);
  Rig after("[[source]]\nname = \"other\"\n");
  const SourceId old = after.table().intern_source("s", std::vector<std::string>{"line", "device"});
  for (const char* device : {"1a", "2a", "1b"}) {
    const std::vector<std::string> tags = {"l", device};
    (void)after.table().intern_series(*after.table().intern_device(old, views(tags)), "t");
  }
  REQUIRE(load_into(after, before.saved()));
  Outputs out;
  Reading stray;
  after.pipeline().process(std::span(&stray, 1), at(1h), out);
  CHECK(after.pipeline().counts().unused == 1);
  CHECK(out.empty());
  CHECK_FALSE(after.pipeline().next_tick());
}

TEST_CASE("cut off anywhere, the state is corrupt") {
  Rig before(source + rollup + detectors);
  fill(before);
  const std::string state = before.saved();
  for (std::size_t size = 0; size < state.size(); ++size) {
    Rig after(source + rollup + detectors);
    name_devices(after);
    const auto loaded = load_into(after, std::string_view(state).substr(0, size));
    CAPTURE(size);
    REQUIRE_FALSE(loaded);
    REQUIRE(loaded.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("state of a newer version is refused with its version") {
  Rig rig(source + rollup);
  std::string state = rig.saved();
  state[0] = 99;
  const auto loaded = load_into(rig, state);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message.find("99") != std::string::npos);
}

TEST_CASE("with any bytes changed, the state is corrupt or the pipeline goes on without a crash") {
  Rig before(source + rollup + detectors);
  fill(before);
  const std::string state = before.saved();
  Seeded seeded(7);
  std::size_t survived = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = state;
    for (std::uint64_t flips = 1 + seeded.below(3); flips > 0; --flips) {
      damaged[seeded.below(damaged.size())] = static_cast<char>(seeded.next());
    }
    Rig after(source + rollup + detectors);
    name_devices(after);
    if (!load_into(after, damaged)) continue;
    ++survived;
    fill(after);
    Outputs out;
    after.pipeline().tick(at(24h), out);
    REQUIRE_FALSE(after.saved().empty());
  }
  CHECK(survived > 0);
}
