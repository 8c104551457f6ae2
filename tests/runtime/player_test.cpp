#include "runtime/player.hpp"

#include "store/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

namespace weir {
namespace {

using namespace std::chrono_literals;

constexpr auto config_text = R"(
[gateway]
id = "g"
data_dir = "/nowhere"
[mqtt]
url = "mqtt://127.0.0.1:1"
[[source]]
name = "s"
topics = ["s/{device}"]
[[rollup]]
name = "minute"
from = "s"
window = { tumbling = "1m" }
[kafka]
brokers = ["127.0.0.1:1"]
)";

constexpr Timestamp hour = timestamp_us(1'700'000'000'000'000 / 3'600'000'000 * 3'600'000'000);

/// A journal of one device (and later another), a record a reading.
class Journal {
 public:
  explicit Journal(const std::string& directory) {
    StoreOptions options;
    options.directory = directory;
    store_ = Store::open(options).value();
    const std::vector<std::string> tag_names = {"device"};
    const SourceId source = table_.intern_source("s", tag_names);
    const std::vector<std::string_view> tags = {"d"};
    series_ = *table_.intern_series(*table_.intern_device(source, tags), "v");
  }

  /// What follows is of another device; the record that would introduce it may be lost.
  void another_device(const std::string& name, bool introduced = true) {
    const std::vector<std::string_view> tags = {name};
    series_ = *table_.intern_series(*table_.intern_device(SourceId{0}, tags), "v");
    if (!introduced) told_ = table_.mark();
  }

  void record(Duration at, std::optional<Timestamp> begin_anew = {}) {
    Store::Commit commit;
    commit.record.seq = store_->last_journal_seq() + 1;
    commit.record.now = {hour + at, at, true};
    if (told_ != table_.mark()) {
      ByteWriter out(commit.record.dictionary);
      table_.write_since(told_, out);
      told_ = table_.mark();
    }
    Reading reading;
    reading.series = series_;
    reading.time = hour + at;
    reading.value = 1;
    commit.record.readings = {reading};
    commit.record.begin_anew = begin_anew;
    REQUIRE(store_->commit(commit));
  }

 private:
  SeriesTable table_{{}};
  SeriesTable::Mark told_;
  std::unique_ptr<Store> store_;
  SeriesId series_{};
};

/// What comes of a journal, and the error that its end was.
struct Played {
  Outputs outputs;
  std::string error;
};
Played play(const std::string& directory, const std::string& text, bool as_recorded) {
  ConfigFile config = ConfigFile::parse(text, "weir.toml");
  const Settings settings = read_settings(config);
  INFO(config.problems().text());
  REQUIRE(config.problems().empty());
  Played played;
  Player player(settings, settings.source_options.front(),
                [&](const Output& output) { played.outputs.push_back(output); });
  const auto whole = player.play_journal(directory + "/weir.db", as_recorded);
  if (!whole) played.error = whole.error().message;
  player.finish();
  return played;
}

/// When the windows of all results begin, behind `hour`.
std::vector<Duration> windows_of(const std::string& directory) {
  const Played played = play(directory, config_text, true);
  CHECK(played.error == "");
  std::vector<Duration> starts;
  for (const Output& output : played.outputs) starts.push_back(output.window.start - hour);
  return starts;
}

}  // namespace

TEST_CASE("a journal is replayed with its own clocks, and what is open at its end comes last") {
  const TempDir dir;
  Journal journal(dir.path());
  journal.record(10s);
  journal.record(70s);
  journal.record(80s);
  CHECK(windows_of(dir.path()) == std::vector<Duration>{0s, 1min});
}

TEST_CASE("where the gateway began anew, so does a replay: nothing told before is told again") {
  const TempDir dir;
  Journal journal(dir.path());
  journal.record(10s);
  journal.record(130s, hour + 2min);
  CHECK(windows_of(dir.path()) == std::vector<Duration>{2min});
}

TEST_CASE("a replay derives what the journal was recorded without") {
  const TempDir dir;
  Journal journal(dir.path());
  journal.record(10s);
  journal.another_device("e");
  journal.record(20s);
  std::string text = config_text;
  text.replace(text.find("[[rollup]]"), 0, "derive = { twice = \"v * 2\" }\n");
  const Played played = play(dir.path(), text, false);
  CHECK(played.error == "");
  std::vector<std::string> metrics;
  for (const Output& output : played.outputs)
    metrics.push_back(output.group.front().value + " " + output.metric);
  std::ranges::sort(metrics);
  CHECK(metrics == std::vector<std::string>{"d twice", "d v", "e twice", "e v"});
}

TEST_CASE("a journal that is played as recorded derives only what was recorded") {
  const TempDir dir;
  Journal journal(dir.path());
  journal.record(10s);
  std::string text = config_text;
  text.replace(text.find("[[rollup]]"), 0, "derive = { twice = \"v * 2\" }\n");
  const Played played = play(dir.path(), text, true);
  REQUIRE(played.outputs.size() == 1);
  CHECK(played.outputs[0].metric == "v");
}

TEST_CASE("a replay stops before records that speak of a device nobody introduced") {
  const TempDir dir;
  Journal journal(dir.path());
  journal.record(10s);
  journal.another_device("lost", false);
  journal.record(70s);
  journal.record(80s);
  const Played played = play(dir.path(), config_text, true);
  REQUIRE(played.outputs.size() == 1);
  CHECK(played.outputs[0].window.start == hour);
  CHECK(played.error.find("the last 2 records of the journal") != std::string::npos);
}

}  // namespace weir
