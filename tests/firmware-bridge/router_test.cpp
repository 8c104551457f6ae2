#include "firmware-bridge/router.hpp"

#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

namespace {

std::vector<SourceConfig> sources_of(std::string_view toml) {
  ConfigFile file = ConfigFile::parse(toml, "test.toml");
  Params root = file.root();
  std::vector<SourceConfig> sources = SourceConfig::read_all(root);
  root.finish();
  INFO(file.problems().text());
  REQUIRE(file.problems().empty());
  return sources;
}

std::string source_problems(std::string_view toml) {
  ConfigFile file = ConfigFile::parse(toml, "test.toml");
  Params root = file.root();
  SourceConfig::read_all(root);
  root.finish();
  return file.problems().text();
}

/// An Ingest with its table, that tells in a text what became of each message.
class RouterBench {
 public:
  explicit RouterBench(std::string_view toml, SeriesTable::Limits limits = {})
      : table_(limits), ingest_(sources_of(toml), table_) {}

  /// One line a reading, "press l1/d1 temperature=21.5 at 1970-01-01T00:00:09Z", and the bits of
  /// its quality if there are any; or "reason: sentence".
  std::string take(Batch::Message message, bool synchronised = true) {
    readings_.clear();
    message.arrival = timestamp_us(9'000'000);
    last_ = ingest_.take(message, synchronised, readings_, counts_);
    CHECK(last_.readings == readings_.size());
    balance();
    if (readings_.empty()) return std::string(refusal_name(last_.refusal)) + ": " + last_.message;
    std::string text;
    for (const Reading& reading : readings_) text += (text.empty() ? "" : "\n") + text_of(reading);
    return text;
  }
  std::string take(std::string_view topic, std::string_view payload) {
    Batch::Message message;
    message.topic = topic;
    message.payload = payload;
    return take(message);
  }
  std::string take_retained(std::string_view topic, std::string_view payload) {
    Batch::Message message;
    message.topic = topic;
    message.payload = payload;
    message.retained = true;
    return take(message);
  }

  const IngestCounts& counts() const { return counts_; }
  const Ingest::Taken& last() const { return last_; }
  const SeriesTable& table() const { return table_; }
  std::uint64_t refused(Refusal refusal) const {
    return counts_.messages_refused[static_cast<std::size_t>(refusal)];
  }
  std::uint64_t readings_refused(Refusal refusal) const {
    return counts_.readings_refused[static_cast<std::size_t>(refusal)];
  }
  std::uint64_t skipped(Skip skip) const {
    return counts_.fields_skipped[static_cast<std::size_t>(skip)];
  }

 private:
  std::string text_of(const Reading& reading) const {
    const SeriesTable::Series& series = table_.series(reading.series);
    const SeriesTable::Device& device = table_.device(series.device);
    std::string text = table_.source(device.source).name + ' ';
    for (std::size_t i = 0; i < device.tag_values.size(); ++i)
      text += (i == 0 ? "" : "/") + device.tag_values[i];
    text += ' ' + table_.metric(series.metric) + '=' + number_text(reading.value) + " at " +
            format_time(reading.time);
    if (reading.quality != Quality::good)
      text += " quality " + std::to_string(static_cast<int>(reading.quality));
    return text;
  }

  void balance() const {
    std::uint64_t messages = counts_.messages_journaled, readings = counts_.readings_journaled;
    for (std::size_t i = 0; i < refusal_count; ++i) {
      messages += counts_.messages_refused[i];
      readings += counts_.readings_refused[i];
    }
    CHECK(messages == counts_.messages_received);
    CHECK(readings == counts_.readings_decoded);
  }

  SeriesTable table_;
  Ingest ingest_;
  std::vector<Reading> readings_;
  IngestCounts counts_;
  Ingest::Taken last_;
};

const char* press = R"([[source]]
name = "press"
topics = ["plant/{line}/{device}/state"]
time = { field = "ts", unit = "s" }
)";

}  // namespace

TEST_CASE("a message becomes readings of the device that its topic names") {
  RouterBench bench(press);
  const std::string expected =
      "press l1/d1 t=21.5 at 1970-01-01T00:00:05Z\npress l1/d1 p=3 at 1970-01-01T00:00:05Z";
  // The first goes the long way, the second the remembered one.
  CHECK(bench.take("plant/l1/d1/state", R"({"ts":5,"t":21.5,"p":3})") == expected);
  CHECK(bench.take("plant/l1/d1/state", R"({"ts":5,"t":21.5,"p":3})") == expected);
  CHECK(bench.take("plant/l1/d2/state", R"({"ts":5,"t":1})") ==
        "press l1/d2 t=1 at 1970-01-01T00:00:05Z");
  CHECK(bench.take("plant/l1/d1/state", R"({"ts":6,"p":4,"new":1,"t":22})") ==
        "press l1/d1 p=4 at 1970-01-01T00:00:06Z\npress l1/d1 new=1 at 1970-01-01T00:00:06Z\n"
        "press l1/d1 t=22 at 1970-01-01T00:00:06Z");
  CHECK(bench.counts().messages_journaled == 4);
  CHECK(bench.counts().readings_journaled == 8);
  CHECK(bench.table().mark().series == 4);
}

TEST_CASE("a reading says what is known against its time") {
  RouterBench bench(std::string(press) + "retained = \"use\"\n");
  const auto quality = [](Quality bits) { return std::to_string(static_cast<int>(bits)); };
  Batch::Message message;
  message.topic = "plant/l/d/state";
  message.payload = R"({"t":1})";
  CHECK(bench.take(message) ==
        "press l/d t=1 at 1970-01-01T00:00:09Z quality " + quality(Quality::arrival_time));
  CHECK(bench.take(message, false)
            .ends_with(quality(Quality::arrival_time | Quality::clock_unsynced)));
  message.payload = R"({"ts":1,"t":9007199254740993})";
  message.retained = true;
  CHECK(bench.take(message, false)
            .ends_with("at 1970-01-01T00:00:01Z quality " +
                       quality(Quality::historical | Quality::inexact)));
}

TEST_CASE("each reason to refuse a message is counted and told") {
  RouterBench bench(press);
  CHECK(bench.take("other", "1") == "unrouted: no source has a topic that matches");
  CHECK(bench.last().source.empty());
  CHECK(bench.take("plant/l/d/state", "") == "empty: the payload is empty");
  CHECK_FALSE(bench.last().keep_sample());
  CHECK(bench.take_retained("plant/l/d/state", R"({"t":1})") ==
        "retained: retained messages of this source are ignored");
  CHECK_FALSE(bench.last().keep_sample());
  CHECK(bench.take("plant/l/d/state", "online").starts_with("undecodable: not JSON: "));
  CHECK(bench.last().keep_sample());
  CHECK(bench.last().source == "press");
  CHECK(bench.take("plant/l/d/state", R"({"t":"x"})") ==
        "no_values: it holds no value that was asked for");
  CHECK(bench.take("plant/l/d/state", R"({"ts":"x","t":1})").starts_with("bad_time: "));
  CHECK(bench.take("plant/l/d/state", R"({"ts":1e15,"t":1})").starts_with("bad_time: "));
  CHECK(bench.take("plant/" + std::string(257, 'x') + "/d/state", "{\"t\":1}") ==
        "bad_tag: a level of the topic is too long to be a tag");
  CHECK(bench.take("plant/l/d\xff/state", "{\"t\":1}").starts_with("bad_topic: "));
  CHECK(bench.take(std::string_view("plant/l/\0/state", 15), "{\"t\":1}").starts_with("bad_topic"));
  CHECK(bench.take("", "{\"t\":1}").starts_with("bad_topic: "));
  CHECK(bench.take(std::string(65535, 'x'), "1").starts_with("unrouted: "));
  CHECK(bench.counts().messages_received == 12);
  CHECK(bench.counts().messages_journaled == 0);
  CHECK(bench.refused(Refusal::bad_time) == 2);
  CHECK(bench.refused(Refusal::bad_topic) == 3);
  CHECK(bench.refused(Refusal::unrouted) == 2);
  CHECK(bench.table().mark().devices == 0);
}

TEST_CASE("what is left out of a message that is taken is counted") {
  RouterBench bench(std::string(press) + "metrics = [\"a\", \"b\", \"c\"]\n");
  CHECK(bench.take("plant/l/d/state", R"({"ts":1,"a":1,"b":"nan","c":[]})") ==
        "press l/d a=1 at 1970-01-01T00:00:01Z");
  CHECK(bench.skipped(Skip::not_numeric) == 1);
  CHECK(bench.skipped(Skip::not_finite) == 1);
  CHECK(bench.take("plant/l/d/state", R"({"ts":1,"b":"nan"})").starts_with("no_values: "));
  CHECK(bench.skipped(Skip::not_finite) == 1);
}

TEST_CASE("devices beyond the bound are refused, and those known go on") {
  RouterBench bench(press, {.devices = 2, .series = 100});
  for (const char* device : {"d1", "d2", "d3", "d4"})
    (void)bench.take("plant/l/" + std::string(device) + "/state", R"({"ts":1,"a":1,"b":2})");
  CHECK(bench.last().message == "there are 2 devices already, as many as limits.devices allows");
  CHECK(bench.counts().messages_journaled == 2);
  CHECK(bench.refused(Refusal::device_limit) == 2);
  CHECK(bench.readings_refused(Refusal::device_limit) == 4);
  CHECK(bench.take("plant/l/d1/state", R"({"ts":1,"a":1})") ==
        "press l/d1 a=1 at 1970-01-01T00:00:01Z");
}

TEST_CASE("series beyond the bound are refused one by one") {
  RouterBench bench(press, {.devices = 10, .series = 2});
  CHECK(bench.take("plant/l/d/state", R"({"ts":1,"a":1,"b":2,"c":3})") ==
        "press l/d a=1 at 1970-01-01T00:00:01Z\npress l/d b=2 at 1970-01-01T00:00:01Z");
  CHECK(bench.readings_refused(Refusal::series_limit) == 1);
  CHECK(bench.take("plant/l/e/state", R"({"ts":1,"a":1})") ==
        "series_limit: there are 2 series already, as many as limits.series allows");
  CHECK(bench.refused(Refusal::series_limit) == 1);
}

TEST_CASE("a million topics are counted and cost no more memory than the bounds allow") {
  RouterBench bench(press, {.devices = 100, .series = 100});
  for (int i = 0; i < 1'000'000; ++i) {
    if (i % 1000 != 0 && i > 1000) continue;
    (void)bench.take("plant/l/" + std::to_string(i) + "/state", R"({"ts":1,"a":1})");
  }
  CHECK(bench.table().mark().devices == 100);
  CHECK(bench.counts().messages_journaled == 100);
  CHECK(bench.refused(Refusal::device_limit) == bench.counts().messages_received - 100);
}

TEST_CASE("a message that several sources take counts once, with the readings of each") {
  RouterBench bench(R"([[source]]
name = "all"
topics = ["{rest#}"]
[[source]]
name = "power"
topics = ["{device}/power"]
metrics = ["watt"]
retained = "use"
)");
  CHECK(bench.take("d/power", R"({"watt":1})") ==
        "all d/power watt=1 at 1970-01-01T00:00:09Z quality 1\n"
        "power d watt=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.counts().messages_journaled == 1);
  CHECK(bench.counts().readings_journaled == 2);
  CHECK(bench.take("d/power", R"({"volt":1})") ==
        "all d/power volt=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.skipped(Skip::part) == 1);
  CHECK(bench.take_retained("d/power", R"({"watt":1})") ==
        "power d watt=1 at 1970-01-01T00:00:09Z quality 5");
  CHECK(bench.take_retained("d/power", "x").starts_with("undecodable: "));
  CHECK(bench.last().source == "power");
}

TEST_CASE("without captures and tags the topic is the device") {
  RouterBench bench("[[source]]\nname = \"s\"\ntopics = [\"a/+\", \"b/#\"]\n");
  CHECK(bench.take("a/x", "1") == "s a/x value=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.take("b/y/z", "1") == "s b/y/z value=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.table().source(SourceId{0}).tag_names == std::vector<std::string>{"topic"});
}

TEST_CASE("tags of the payload come behind those of the topic, record by record") {
  RouterBench bench(R"([[source]]
name = "x"
topics = ["gw/{gateway}"]
each = "*"
tags = { device = "did" }
)");
  CHECK(
      bench.take("gw/g",
                 R"([{"did":"a","v":1},{"did":"a","w":2},{"did":"b","v":3},{"did":"a","v":4}])") ==
      "x g/a v=1 at 1970-01-01T00:00:09Z quality 1\nx g/a w=2 at 1970-01-01T00:00:09Z quality 1\n"
      "x g/b v=3 at 1970-01-01T00:00:09Z quality 1\nx g/a v=4 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.take("gw/h", R"([{"did":"a","v":1}])") ==
        "x h/a v=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.take("gw/g", R"([{"did":"a","v":1}])") ==
        "x g/a v=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.take("gw/g", R"([{"did":[],"v":1}])").starts_with("bad_tag: "));
}

TEST_CASE("topics of one source may name their captures in another order") {
  RouterBench bench(R"([[source]]
name = "s"
topics = ["a/{line}/{device}", "b/{device}/{line}"]
)");
  CHECK(bench.take("a/l/d", "1") == "s l/d value=1 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.take("b/d/l", "2") == "s l/d value=2 at 1970-01-01T00:00:09Z quality 1");
  CHECK(bench.table().mark().devices == 1);
}

TEST_CASE("a device with more metrics than are kept at hand is still told apart right") {
  RouterBench bench(press);
  std::string payload = R"({"ts":1)";
  for (int i = 0; i < 200; ++i) payload += ",\"m" + std::to_string(i) + "\":" + std::to_string(i);
  payload += '}';
  const std::string first = bench.take("plant/l/d/state", payload);
  CHECK(first.find("m199=199") != std::string::npos);
  CHECK(bench.take("plant/l/d/state", payload) == first);
  CHECK(bench.table().mark().series == 200);
}

TEST_CASE("the options of a source are read with their defaults") {
  const std::vector<SourceConfig> sources = sources_of(R"([[source]]
name = "a"
topics = ["x/{d}"]
[[source]]
name = "b"
topics = ["y/{d}"]
tags = { host = "h" }
retained = "use"
out_of_order = "1s"
lateness = "2s"
max_skew = "3s"
idle = "4s"
late_topic = "elsewhere"
)");
  REQUIRE(sources.size() == 2);
  CHECK(sources[0].options.name == "a");
  CHECK(sources[0].options.out_of_order == Duration(0));
  CHECK(sources[0].options.lateness == std::chrono::seconds(30));
  CHECK(sources[0].options.max_skew == std::chrono::minutes(5));
  CHECK(sources[0].options.idle == std::chrono::minutes(2));
  CHECK(sources[0].options.late_topic == "weir.late");
  CHECK_FALSE(sources[0].use_retained);
  CHECK(sources[1].options.tag_names == std::vector<std::string>{"d", "host"});
  CHECK(sources[1].options.out_of_order == std::chrono::seconds(1));
  CHECK(sources[1].options.lateness == std::chrono::seconds(2));
  CHECK(sources[1].options.max_skew == std::chrono::seconds(3));
  CHECK(sources[1].options.idle == std::chrono::seconds(4));
  CHECK(sources[1].options.late_topic == "elsewhere");
  CHECK(sources[1].use_retained);
}

TEST_CASE("what is wrong with a source is a problem with its place") {
  const auto problem = [](std::string_view source, std::string_view expected) {
    const std::string found = source_problems(source);
    INFO(found);
    CHECK(found.find("test.toml") != std::string::npos);
    CHECK(found.find(expected) != std::string::npos);
  };
  problem("", "there is no [[source]]");
  problem(
      "[[source]]\nname = \"a\"\ntopics = [\"x\"]\n[[source]]\nname = \"a\"\ntopics = [\"y\"]\n",
      "another source has the name 'a' already");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x/{a}\", \"y/{b}\"]\n",
          "'y/{b}' does not capture the same names");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x/{a}\", \"y\"]\n",
          "'y' does not capture the same names");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x\", \"y/{a}\"]\n",
          "'y/{a}' does not capture the same names");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x/{}\"]\n", "a capture needs a name");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x/{h}\"]\ntags = { h = \"h\" }\n",
          "'h' is captured from the topic already");
  problem("[[source]]\nname = \"a\"\n", "topics");
  problem("[[source]]\ntopics = [\"x\"]\n", "name");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x\"]\nretained = \"yes\"\n", "retained");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x\"]\nidle = \"0s\"\n", "idle");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x\"]\nlate_topic = \"\"\n", "late_topic");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x\"]\nforget_after = \"1m\"\n", "forget_after");
  problem("[[source]]\nname = \"a\"\ntopics = [\"x\"]\nmetric = []\n", "metric");
}

TEST_CASE("a filter that another one covers is not subscribed to") {
  const auto filters = [](const std::string& topics) {
    std::string text;
    for (const std::string& filter :
         subscriptions(sources_of("[[source]]\nname = \"a\"\ntopics = [" + topics + "]\n")))
      text += (text.empty() ? "" : " ") + filter;
    return text;
  };
  CHECK(filters(R"("a/b", "a/b")") == "a/b");
  CHECK(filters(R"("a/b", "a/+")") == "a/+");
  CHECK(filters(R"("a/#", "a/+/c", "a")") == "a/#");
  CHECK(filters(R"("a", "a/#")") == "a/#");
  CHECK(filters(R"("a/+/c", "a/b/+")") == "a/+/c a/b/+");
  CHECK(filters(R"("+/b", "a/#")") == "+/b a/#");
  CHECK(filters(R"("#", "$SYS/#", "x")") == "# $SYS/#");
  CHECK(filters(R"("$SYS/#", "$SYS/a")") == "$SYS/#");
  CHECK(filters(R"("a/+", "a")") == "a/+ a");
  CHECK(filters(R"("a/", "a")") == "a/ a");
  CHECK(filters(R"("a/+", "a/#")") == "a/#");
  CHECK(filters(R"("+", "#")") == "#");
}
