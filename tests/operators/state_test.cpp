#include <algorithm>

#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rounds.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

const std::string source =
    "[[source]]\nname = \"s\"\ntags = [\"line\", \"device\"]\nlateness = \"2m\"\n";
const std::string line_rollup =
    "[[rollup]]\nname = \"m\"\nfrom = \"s\"\nby = [\"line\"]\nwindow = { tumbling = \"1m\" }\n"
    "aggregates = [\"count\", \"sum\", \"min\", \"max\", \"first\", \"last\", \"stddev\"]\n";
const std::string all_detectors =
    "[[detector]]\nname = \"r\"\nfrom = \"s\"\nmethod = \"range\"\nhigh = 50.0\n"
    "[[detector]]\nname = \"z\"\nfrom = \"s\"\nmethod = \"zscore\"\nwarmup = 2\n"
    "[[detector]]\nname = \"k\"\nfrom = \"s\"\nmethod = \"stuck\"\nfor = \"1m\"\n"
    "[[detector]]\nname = \"g\"\nfrom = \"s\"\nmethod = \"rate\"\nmax = 1.0\n"
    "[[detector]]\nname = \"q\"\nfrom = \"s\"\nmethod = \"silence\"\nfor = \"30s\"\n";

const std::string start = "[[rollup]]\nfrom = \"s\"\naggregates = [\"mean\", \"p50\", \"rate\"]\n";
const std::string every_kind =
    start + "name = \"h\"\nwindow = { hopping = \"50s\", hop = \"20s\" }\n" +  //
    start + "name = \"s\"\nwindow = { session = \"30s\" }\nrevise_every = \"1h\"\n" + start +
    "name = \"c\"\nwindow = { count = 7 }\nemit = \"final\"\n" + start +
    "name = \"t\"\nwindow = { trailing = \"100s\", max_readings = 17 }\n" + start +
    "name = \"d\"\nwindow = { every = \"1d\" }\nemit = \"early\"\n";

Reading reading_of(Rig& rig, const std::string& device, Duration time, double value) {
  Reading made;
  made.series = rig.series("s", {"l" + device.substr(0, 1), device}, "t");
  made.time = Timestamp(time);
  made.value = value;
  return made;
}

// Devices that are idle, active and late, windows open and closed, alerts on and off.
void fill(Rig& rig) {
  Outputs out;
  for (int i = 0; i < 40; ++i) {
    std::vector<Reading> batch;
    for (const char* device : {"1a", "1b", "2a"}) {
      if (device[1] == 'b' && i > 5) continue;
      const double value = i % 13 == 0 ? 99 : 20 + i % 3;
      batch.push_back(reading_of(rig, device, Duration(10s) * i - (i % 4) * 25s, value));
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
  for (const char* device : {"1a", "1b", "2a"}) (void)reading_of(rig, device, 0s, 0);
}

}  // namespace

TEST_CASE("state of an operator that is defined otherwise now is left out and named") {
  Rig before(source + line_rollup + all_detectors);
  fill(before);
  const std::string other_window =
      "[[rollup]]\nname = \"m\"\nfrom = \"s\"\nwindow = { tumbling = \"2m\" }\n";
  Rig after(source + other_window + all_detectors);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(*left_out == std::vector<std::string>{"rollup m"});
}

TEST_CASE("state of older versions, which know nothing of what was told or promised, is read") {
  Rig before(source + line_rollup + all_detectors);
  fill(before);
  Outputs out;  // with nobody idle any more
  before.pipeline().process(std::vector{reading_of(before, "1b", 400s, 20)}, at(400s), out);
  const std::string saved = before.saved();
  // The version, the wall clock, what the centre was told until, what sources promised.
  ByteReader reader(saved);
  const auto behind = [&] { return saved.size() - reader.rest().size(); };
  reader.u8();
  reader.zigzag();
  std::string first = saved.substr(0, behind());
  reader.zigzag();
  std::string second = saved.substr(0, behind());
  REQUIRE(reader.varint() == 1);
  reader.text();
  reader.zigzag();
  first.front() = 1;
  second.front() = 2;
  for (const std::string& older : {first, second}) {
    Rig after(source + line_rollup + all_detectors);
    name_devices(after);
    // Without the two lists at the end: nobody is idle, and nothing is bounded.
    REQUIRE(saved.ends_with(std::string(2, '\0')));
    const std::string_view rest = reader.rest();
    const auto left_out = load_into(after, older + std::string(rest.substr(0, rest.size() - 2)));
    REQUIRE(left_out);
    CHECK(left_out->empty());
    CHECK(after.saved() == saved);
  }
}

TEST_CASE("state of an operator that is gone is left out, that of the others is kept") {
  Rig before(source + line_rollup + all_detectors);
  fill(before);
  Rig after(source + line_rollup);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(left_out->size() == 5);
  Rig only(source + line_rollup);
  fill(only);
  CHECK(after.saved() == only.saved());
}

TEST_CASE("a new operator starts empty beside those that go on") {
  Rig before(source + line_rollup);
  fill(before);
  Rig after(source + line_rollup + all_detectors);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(left_out->empty());
}

TEST_CASE("a threshold or a topic may change without losing state") {
  Rig before(source + line_rollup + all_detectors);
  fill(before);
  std::string changed = line_rollup + all_detectors + "topic = \"elsewhere\"\n";
  changed.replace(changed.find("high = 50.0"), 11, "high = 60.0");
  Rig after(source + changed);
  name_devices(after);
  const auto left_out = load_into(after, before.saved());
  REQUIRE(left_out);
  CHECK(left_out->empty());
}

TEST_CASE("a source that is gone takes its devices along, and nothing crashes") {
  Rig before(source + line_rollup);
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
  constexpr std::size_t every = 10 / rounds(10);
  for (const std::string& operators : {line_rollup + all_detectors, every_kind}) {
    Rig before(source + operators);
    fill(before);
    const std::string state = before.saved();
    for (std::size_t size = 0; size < state.size(); size += every) {
      Rig after(source + operators);
      name_devices(after);
      const auto loaded = load_into(after, std::string_view(state).substr(0, size));
      CAPTURE(size);
      REQUIRE_FALSE(loaded);
      REQUIRE(loaded.error().kind == ErrorKind::corrupt);
    }
  }
}

TEST_CASE(
    "a kind of window, its options and how results are emitted: the first two are the state's") {
  const std::string begin = "[[rollup]]\nfrom = \"s\"\nname = \"m\"\nwindow = ";
  const std::string windows[] = {"{ tumbling = \"1m\" }",
                                 "{ hopping = \"1m\", hop = \"20s\" }",
                                 "{ hopping = \"1m\", hop = \"30s\" }",
                                 "{ session = \"1m\" }",
                                 "{ session = \"1m\", max_length = \"1h\" }",
                                 "{ count = 60 }",
                                 "{ trailing = \"1m\" }",
                                 "{ every = \"1d\" }",
                                 "{ every = \"1d\", offset = \"-1h\" }",
                                 "{ every = \"1d\", tz = \"Europe/Berlin\" }",
                                 "{ every = \"1w\" }"};
  for (const std::string& kept : windows) {
    Rig before(source + begin + kept + "\n");
    fill(before);
    for (const std::string& now : windows) {
      CAPTURE(kept, now);
      Rig after(source + begin + now + "\nemit = \"final\"\n");
      name_devices(after);
      const auto left_out = load_into(after, before.saved());
      REQUIRE(left_out);
      CHECK(left_out->empty() == (kept == now));
    }
  }
}

TEST_CASE("state of a newer version is refused with its version") {
  Rig rig(source + line_rollup);
  std::string state = rig.saved();
  state[0] = 99;
  const auto loaded = load_into(rig, state);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message.find("99") != std::string::npos);
}

TEST_CASE("with any bytes changed, the state is corrupt or the pipeline goes on without a crash") {
  const bool kinds = GENERATE(false, true);
  const std::string operators = kinds ? every_kind : line_rollup + all_detectors;
  Rig before(source + operators);
  fill(before);
  const std::string state = before.saved();
  Seeded seeded(7);
  std::size_t survived = 0;
  for (int round = 0; round < rounds(4000); ++round) {
    std::string damaged = state;
    for (std::uint64_t flips = 1 + seeded.below(3); flips > 0; --flips) {
      damaged[seeded.below(damaged.size())] = static_cast<char>(seeded.next());
    }
    Rig after(source + operators);
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
