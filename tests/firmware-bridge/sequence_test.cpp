// `deduplicate.by`: the number of a message stands before its readings, and is no metric.

#include "firmware-bridge/router.hpp"
#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

namespace {

constexpr auto by_seq = "deduplicate = { by = \"seq\" }\n";

/// Tells what is journaled of each message: "d seq=5 t=1", a bar before the next device.
class Marks {
 public:
  explicit Marks(const std::string& options, SeriesTable::Limits limits = {})
      : table_(limits), ingest_(sources(options), table_) {}

  std::string take(const std::string& payload, const std::string& topic = "s/d") {
    std::vector<Reading> readings;
    Batch::Message message;
    message.topic = topic;
    message.payload = payload;
    ingest_.take(message, true, readings, counts_);
    std::string text;
    std::optional<DeviceId> last;
    for (const Reading& reading : readings) {
      const SeriesTable::Series& series = table_.series(reading.series);
      if (last != series.device)
        text += (last ? " | " : "") + table_.device(series.device).tag_values.back();
      last = series.device;
      text += ' ' + table_.metric(series.metric) + '=' + number_text(reading.value);
    }
    return text;
  }
  const IngestCounts& counts() const { return counts_; }

 private:
  static std::vector<SourceConfig> sources(const std::string& options) {
    ConfigFile file = ConfigFile::parse(
        "[[source]]\nname = \"s\"\ntopics = [\"s/{device}\"]\n" + options, "test.toml");
    Params root = file.root();
    auto sources = SourceConfig::read_all(root);
    root.finish();
    INFO(file.problems().text());
    REQUIRE(file.problems().empty());
    return sources;
  }

  SeriesTable table_;
  Ingest ingest_;
  IngestCounts counts_;
};

}  // namespace

TEST_CASE("the number of a message stands before its readings, and is no metric") {
  Marks all(by_seq);
  CHECK(all.take(R"({"t":1,"seq":5,"p":2})") == "d seq=5 t=1 p=2");
  CHECK(all.take(R"({"t":1,"seq":5,"p":2})") == "d seq=5 t=1 p=2");
  CHECK(all.counts().readings_journaled == 6);
  Marks chosen(std::string(by_seq) + "metrics = [\"t\"]\n");
  CHECK(chosen.take(R"({"t":1,"seq":5,"p":2})") == "d seq=5 t=1");
  Marks deeper("deduplicate = { by = \"head.count\" }\n");
  CHECK(deeper.take(R"({"head":{"count":"17","id":3},"t":1})") == "d head.count=17 head.id=3 t=1");
  CHECK(chosen.take(R"({"seq":5})").empty());
}

TEST_CASE("a message without a number is marked so, that it is not taken for one of the last") {
  Marks marks(by_seq);
  CHECK(marks.take(R"({"t":1})") == "d seq=-1 t=1");
  CHECK(marks.take(R"({"t":1,"seq":null})") == "d seq=-1 t=1");
  CHECK(marks.take(R"({"t":1,"seq":"ff"})") == "d seq=-1 t=1");
  CHECK(marks.take(R"({"t":1,"seq":true})") == "d seq=-1 t=1");
  CHECK(marks.take("7") == "d seq=-1 value=7");
}

TEST_CASE("records of one message that share its number are marked once a device") {
  Marks marks(std::string(by_seq) + "each = \"all.*\"\ntags = { part = \"part\" }\n");
  CHECK(
      marks.take(R"({"seq":3,"all":[{"part":"x","t":1},{"part":"y","t":2},{"part":"x","t":3}]})") ==
      "x seq=3 t=1 | y seq=3 t=2 | x t=3");
  CHECK(marks.take(R"({"all":[{"part":"x","seq":4,"t":1},{"part":"x","seq":5,"t":2}]})") ==
        "x seq=4 t=1 seq=5 t=2");
  CHECK(marks.take(R"({"all":[{"part":"x","seq":5,"t":1}]})") == "x seq=5 t=1");
}

TEST_CASE("a value of the same name as the number is left out and counted") {
  Marks marks(std::string(by_seq) +
              "each = \"all.*\"\npairs = { name = \"name\", value = \"value\" }\n");
  CHECK(marks.take(R"({"seq":3,"all":[{"name":"seq","value":9},{"name":"t","value":1}]})") ==
        "d seq=3 t=1");
  CHECK(marks.counts().fields_skipped[static_cast<std::size_t>(Skip::bad_name)] == 1);
  Marks bare("deduplicate = { by = \"value\" }\n");
  CHECK(bare.take("7").empty());
}

TEST_CASE("where there is no room for the number's series, its readings stand alone, counted") {
  Marks marks(by_seq, {10, 2});
  CHECK(marks.take(R"({"seq":1,"t":1,"p":2})") == "d seq=1 t=1");
  CHECK(marks.take(R"({"seq":1,"t":1})", "s/e").empty());
  CHECK(marks.counts().messages_journaled == 1);
  CHECK(marks.counts().readings_decoded == 5);
  CHECK(marks.counts().readings_journaled == 2);
  CHECK(marks.counts().readings_refused[static_cast<std::size_t>(Refusal::series_limit)] == 3);
}

TEST_CASE("a number that could not be told from a metric is a problem at its place") {
  CHECK(problems_of("deduplicate = { by = \"t\" }\nmetrics = [\"t\"]\n") ==
        "test.toml:2:22: source[0].deduplicate.by: 't' is a metric already; what counts messages "
        "is none\n");
  CHECK(problems_of("deduplicate = { by = \"a.*\" }\n").find("deduplicate.by") !=
        std::string::npos);
  CHECK(problems_of("deduplicate = { by = \"" + std::string(300, 'a') + "\" }\n")
            .find("1 to 256 bytes") != std::string::npos);
}
