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

const Timestamp hour = timestamp_us(1'700'000'000'000'000 / 3'600'000'000 * 3'600'000'000);

/// A journal of one device, a record a reading.
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

  void record(Duration at, std::optional<Timestamp> begin_anew = {}) {
    Store::Commit commit;
    commit.record.seq = store_->last_journal_seq() + 1;
    commit.record.now = {hour + at, at, true};
    if (commit.record.seq == 1) {
      ByteWriter out(commit.record.dictionary);
      table_.write_since({}, out);
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
  std::unique_ptr<Store> store_;
  SeriesId series_{};
};

/// When the windows of all results begin, behind `hour`.
std::vector<Duration> windows_of(const std::string& directory) {
  ConfigFile config = ConfigFile::parse(config_text, "weir.toml");
  const Settings settings = read_settings(config);
  INFO(config.problems().text());
  REQUIRE(config.problems().empty());
  std::vector<Duration> starts;
  Player player(settings, settings.source_options.front(),
                [&](const Output& output) { starts.push_back(output.window.start - hour); });
  REQUIRE(player.play_journal(directory + "/weir.db", true));
  player.finish();
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

}  // namespace weir
