#include <cmath>
#include <limits>

#include "operators/saturate.hpp"
#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rounds.hpp"

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

const std::string everything =
    "[[source]]\nname = \"s\"\nlateness = \"1m\"\n"
    "[[rollup]]\nname = \"m\"\nfrom = \"s\"\nwindow = { tumbling = \"1m\" }\n"
    "aggregates = [\"count\", \"sum\", \"mean\", \"min\", \"max\", \"stddev\"]\n"
    "[[detector]]\nname = \"z\"\nfrom = \"s\"\nmethod = \"zscore\"\nwarmup = 3\n"
    "[[detector]]\nname = \"g\"\nfrom = \"s\"\nmethod = \"rate\"\nmax = 1.0\n"
    "[[detector]]\nname = \"r\"\nfrom = \"s\"\nmethod = \"range\"\nlow = -1e300\n"
    "[[detector]]\nname = \"k\"\nfrom = \"s\"\nmethod = \"stuck\"\nfor = \"1m\"\n"
    "[[detector]]\nname = \"q\"\nfrom = \"s\"\nmethod = \"silence\"\nfor = \"30s\"\n";

Reading reading(SeriesId series, Timestamp time, double value) {
  Reading made;
  made.series = series;
  made.time = time;
  made.value = value;
  return made;
}

}  // namespace

TEST_CASE("extreme times and values yield only finite numbers and overflow nothing") {
  constexpr double huge = std::numeric_limits<double>::max();
  const std::vector<double> values = {huge, -huge, 0.0, -0.0, 5e-324, 1e308, -1e308, 1};
  std::vector<Timestamp> times = {time_begin,      time_begin + Duration(1), timestamp_us(-1),
                                  timestamp_us(0), time_end - Duration(1),   time_end};
  for (const Timestamp wall : {time_begin, timestamp_us(0), time_end}) {
    Rig rig(everything);
    const SeriesId series = rig.series("s", {"a"}, "t");
    Outputs out;
    Seeded seeded(1);
    for (int i = 0; i < 2000; ++i) {
      const Reading one =
          reading(series, times[seeded.below(times.size())], values[seeded.below(values.size())]);
      rig.pipeline().process(std::span(&one, 1), {wall, Duration(1s) * i, true}, out);
      if (i % 100 == 0) rig.restart();
    }
    rig.pipeline().tick({wall, 24h, true}, out);
    for (const Output& output : out) {
      for (const Field& field : output.fields) {
        const double* number = std::get_if<double>(&field.value);
        if (number != nullptr) REQUIRE(std::isfinite(*number));
      }
    }
  }
}

TEST_CASE("after values at the end of the range a z-score finds its way back") {
  Rig rig(everything);
  const SeriesId series = rig.series("s", {"a"}, "t");
  Outputs out;
  std::vector<Reading> batch;
  for (int i = 0; i < 10; ++i) {
    batch.push_back(reading(series, Timestamp(Duration(1s) * i), i % 2 == 0 ? 1.7e308 : -1.7e308));
  }
  for (int i = 10; i < 500; ++i) {
    batch.push_back(reading(series, Timestamp(Duration(1s) * i), i % 2 == 0 ? 9 : 11));
  }
  rig.pipeline().process(batch, at(500s), out);
  out.clear();
  const Reading spike = reading(series, Timestamp(501s), 1000);
  rig.pipeline().process(std::span(&spike, 1), at(501s), out);
  const bool raised = std::any_of(out.begin(), out.end(), [](const Output& output) {
    return output.name == "z" && output.revision == 0;
  });
  CHECK(raised);
}

TEST_CASE("memory is bounded by the series, however many windows have come and gone") {
  Rig rig(everything);
  std::vector<SeriesId> series;
  for (int i = 0; i < 100; ++i) series.push_back(rig.series("s", {std::to_string(i)}, "t"));
  Outputs out;
  std::size_t after_an_hour = 0;
  for (Duration now = 0s; now < rounds(50) * 1h; now += 20s) {
    std::vector<Reading> batch;
    for (const SeriesId one : series) batch.push_back(reading(one, Timestamp(now), 1));
    rig.pipeline().process(batch, at(now), out);
    out.clear();
    if (now == 1h) after_an_hour = rig.pipeline().memory_bytes();
  }
  CHECK(after_an_hour > 0);
  CHECK(rig.pipeline().memory_bytes() <= after_an_hour + after_an_hour / 10);
}

TEST_CASE("a device with times all over the years opens no window behind its watermark") {
  Rig rig(
      "[[source]]\nname = \"s\"\nlateness = \"1m\"\n"
      "[[rollup]]\nname = \"m\"\nfrom = \"s\"\nwindow = { tumbling = \"1m\" }\n");
  const SeriesId series = rig.series("s", {"mad"}, "t");
  Outputs out;
  Seeded seeded(9);
  std::uint64_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp time(Duration(1s) * seeded.between(0, 10L * 365 * 24 * 3600));
    const Reading one = reading(series, time, 1);
    rig.pipeline().process(std::span(&one, 1), {Timestamp(20L * 365 * 24h), Duration(1s), true},
                           out);
    refused += rig.pipeline().counts().late;
    out.clear();
  }
  CHECK(refused > 19'900);
  CHECK(rig.pipeline().memory_bytes() < 20'000);
}

TEST_CASE("watermarks are told over the devices that are not idle") {
  Rig rig(everything);
  const std::vector<Reading> batch = {reading(rig.series("s", {"a"}, "t"), Timestamp(10s), 1),
                                      reading(rig.series("s", {"b"}, "t"), Timestamp(-5s), 1)};
  Outputs out;
  CHECK(rig.pipeline().watermarks().devices == 0);
  rig.pipeline().process(batch, at(10s), out);
  CHECK(rig.pipeline().watermarks().devices == 2);
  CHECK(rig.pipeline().watermarks().lowest == Timestamp(-5s));
  CHECK(rig.pipeline().watermarks().highest == Timestamp(10s));
  rig.pipeline().process(std::span(&batch[1], 1), at(100s), out);
  rig.pipeline().tick(at(150s), out);
  CHECK(rig.pipeline().watermarks().idle == 1);
  CHECK(rig.pipeline().watermarks().highest == Timestamp(-5s));
}

TEST_CASE("a pipeline without operators counts everything as unused") {
  Rig rig("[[source]]\nname = \"s\"\n");
  const Reading one = reading(rig.series("s", {"a"}, "t"), Timestamp(1s), 1);
  Outputs out;
  rig.pipeline().process(std::span(&one, 1), at(1s), out);
  CHECK(rig.pipeline().counts().unused == 1);
  rig.pipeline().process({}, at(2s), out);
  CHECK(rig.pipeline().counts().total() == 0);
}

TEST_CASE("after lost history what the centre was told about is forgotten, and the rest goes on") {
  Rig rig(everything);
  const SeriesId series = rig.series("s", {"a"}, "t");
  Outputs out;
  const auto feed = [&](Duration from, Duration to, double value) {
    out.clear();
    for (Duration second = from; second < to; second += 1s) {
      const Reading one = reading(series, Timestamp(second), value);
      rig.pipeline().process(std::span(&one, 1), at(second), out);
    }
  };
  const auto named = [&](std::string_view name) {
    return std::count_if(out.begin(), out.end(),
                         [&](const Output& output) { return output.name == name; });
  };
  // Two windows are open: the first is still revised, the second not over; a detector is raised.
  feed(0s, 90s, -1.1e300);
  REQUIRE(named("r") == 1);
  rig.pipeline().begin_anew(Timestamp(60s));
  rig.restart();

  feed(30s, 40s, 5);
  CHECK(rig.pipeline().counts().late == 1);
  CHECK(named("s") == 10);  // on the late topic
  CHECK(out.size() == 10);

  feed(90s, 121s, -1.1e300);
  CHECK(named("r") == 1);  // raised, not cleared
  const auto second =
      std::find_if(out.begin(), out.end(), [](const Output& output) { return output.name == "m"; });
  REQUIRE(second != out.end());
  CHECK(second->window.start == Timestamp(60s));
  CHECK(second->revision == 0);
  CHECK(second->count == 60);

  // In the middle of a window: what it has from before is gone, it is told once, of the rest.
  rig.pipeline().begin_anew(Timestamp(130s));
  feed(121s, 181s, 1);
  const auto third =
      std::find_if(out.begin(), out.end(), [](const Output& output) { return output.name == "m"; });
  REQUIRE(third != out.end());
  CHECK(third->window.start == Timestamp(120s));
  CHECK(third->count == 50);
}
