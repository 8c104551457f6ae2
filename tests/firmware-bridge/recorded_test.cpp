#include "firmware-bridge/recorded.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

namespace {

class TemporaryFile {
 public:
  TemporaryFile(std::string_view name, std::string_view text) {
    std::string pattern = std::filesystem::temp_directory_path() / "weir-recorded-XXXXXX";
    REQUIRE(mkdtemp(pattern.data()));
    folder_ = pattern;
    path_ = folder_ / name;
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::filesystem::remove_all(folder_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path folder_, path_;
};

std::string text_of(const RecordedEvent& event) {
  std::string text = std::to_string(event.line) + ": ";
  if (const auto* reading = std::get_if<RecordedReading>(&event.what)) {
    text += format_time(reading->time) + ' ' + std::string(reading->device) + ' ' +
            std::string(reading->metric) + '=' + number_text(reading->value);
    if (has(reading->quality, Quality::inexact)) text += '~';
  } else if (const auto* mark = std::get_if<RecordedWatermark>(&event.what)) {
    text += "watermark " + format_time(mark->time) + ' ' + std::string(mark->device.value_or("*"));
  } else {
    text += std::holds_alternative<RecordedRestart>(event.what) ? "restart" : "pause";
  }
  if (event.now) text += " at " + format_time(*event.now);
  return text;
}

/// Every event or error, one a line; errors without the folder of the file.
std::string read_all(std::string_view name, std::string_view text, RecordedOptions options = {}) {
  const TemporaryFile file(name, text);
  const auto cut = [&](std::string message) {
    const std::string folder = std::filesystem::path(file.path()).parent_path().string() + "/";
    if (const std::size_t at = message.find(folder); at != std::string::npos)
      message.erase(at, folder.size());
    return message;
  };
  auto opened = RecordedFile::open(file.path(), std::move(options));
  if (!opened) return "error " + cut(opened.error().message) + "\n";
  CHECK(count((*opened)->size()) == text.size());
  std::string out;
  while (true) {
    auto event = (*opened)->next();
    if (!event) {
      out += "error " + cut(event.error().message) + "\n";
    } else if (*event) {
      out += text_of(**event) + "\n";
    } else {
      break;
    }
  }
  CHECK((*opened)->bytes_read() == (*opened)->size());
  return out;
}

RecordedOptions timestamp_column() {
  RecordedOptions options;
  options.time_column = "timestamp";
  return options;
}

}  // namespace

TEST_CASE("CSV gives one reading for each value column that is not empty") {
  CHECK(read_all("pump.csv", "timestamp,value\n2013-12-02 21:15:00,73.96732207\n",
                 timestamp_column()) == "2: 2013-12-02T21:15:00Z pump value=73.96732207\n");
  CHECK(read_all("a.csv", "time,t,p\r\n1000,1,2\r\n2000,,3\r\n\r\n3000,4,") ==
        "2: 1970-01-01T00:00:01Z a t=1\n2: 1970-01-01T00:00:01Z a p=2\n"
        "3: 1970-01-01T00:00:02Z a p=3\n5: 1970-01-01T00:00:03Z a t=4\n");
  RecordedOptions some;
  some.value_columns = {"p"};
  some.device = "d7";
  CHECK(read_all("a.csv", "time,t,p\n1000,x,2\n", some) == "2: 1970-01-01T00:00:01Z d7 p=2\n");
}

TEST_CASE("CSV takes device and metric from columns") {
  RecordedOptions options;
  options.device_column = "sensor";
  options.metric_column = "what";
  options.time_format = TimeFormat::seconds;
  CHECK(
      read_all("a.csv", "what,sensor,time,value\nt,s1,1,1.5\np,s2,2,9007199254740993\n", options) ==
      "2: 1970-01-01T00:00:01Z s1 t=1.5\n3: 1970-01-01T00:00:02Z s2 p=9007199254740992~\n");
  options.metric_column.clear();
  CHECK(read_all("a.csv", "sensor,time,t,p\ns1,1,2,3\n", options) ==
        "2: 1970-01-01T00:00:01Z s1 t=2\n2: 1970-01-01T00:00:01Z s1 p=3\n");
  CHECK(read_all("a.csv", "sensor,time,t\n,1,2\n", options) ==
        "error a.csv:2:1: the device is missing\n");
}

TEST_CASE("CSV times are numbers in a unit or texts in a zone") {
  RecordedOptions options;
  options.zone = std::chrono::hours(2);
  CHECK(read_all("a.csv", "time,v\n2013-12-02 21:15:00,1\n2013-12-02T21:15:00Z,2\n1000,3\n",
                 options) ==
        "2: 2013-12-02T19:15:00Z a v=1\n3: 2013-12-02T21:15:00Z a v=2\n"
        "4: 1970-01-01T00:00:01Z a v=3\n");
  options.time_format = TimeFormat::rfc3339;
  CHECK(read_all("a.csv", "time,v\n1000,3\n", options) == "error a.csv:2:1: this is no time\n");
}

TEST_CASE("CSV quotes as RFC 4180 has it") {
  RecordedOptions options;
  options.device_column = "de,vice";
  CHECK(
      read_all("a.csv",
               "\"time\",\"de,vice\",\"a \"\"b\"\"\"\r\n\"1000\",\"x\r\ny\",\"1\"\r\n2000,z,2\r\n",
               options) ==
      "2: 1970-01-01T00:00:01Z x\r\ny a \"b\"=1\n4: 1970-01-01T00:00:02Z z a \"b\"=2\n");
  options = {};
  options.separator = ';';
  CHECK(read_all("a.csv", "\xEF\xBB\xBFtime;v\n1000;1\n", options) ==
        "2: 1970-01-01T00:00:01Z a v=1\n");
}

TEST_CASE("CSV errors name file, line and column, and reading goes on behind them") {
  CHECK(read_all("a.csv",
                 "time,v,w\n1000,1,2\nnever,1,2\n2000,x,2\n2000,1\n3000,\"1\"2,3\n4000,1,2\n") ==
        "2: 1970-01-01T00:00:01Z a v=1\n2: 1970-01-01T00:00:01Z a w=2\n"
        "error a.csv:3:1: this is no time\n"
        "error a.csv:4:6: this is no finite number\n4: 1970-01-01T00:00:02Z a w=2\n"
        "error a.csv:5:1: it has 2 fields, the header 3\n"
        "error a.csv:6:6: a quote stands inside a field; put the field in quotes and double it\n"
        "7: 1970-01-01T00:00:04Z a v=1\n7: 1970-01-01T00:00:04Z a w=2\n");
  CHECK(read_all("a.csv", "time,v\n1000,nan\n") == "error a.csv:2:6: this is no finite number\n");
  CHECK(read_all("a.csv", "time,v\n1000,\"1\n\n") == "error a.csv:2:6: a quote is not closed\n");
  CHECK(read_all("a.csv", "") ==
        "error a.csv:1:1: a header with the names of the columns is missing\n");
  CHECK(read_all("a.csv", "timestamp,value\n") ==
        "error a.csv:1:1: there is no column 'time'; there are: timestamp, value\n");
  CHECK(read_all("a.csv", "time,v,v\n") == "error a.csv:1:8: two columns have this name\n");
  CHECK(read_all("a.csv", "time\n") == "error a.csv:1:1: there is no column with values\n");
}

TEST_CASE("JSON lines hold readings, watermarks and restarts") {
  CHECK(read_all("a.jsonl", R"({"time": 1541152486013, "device": "d1", "metric": "t", "value": 21.5}
{"value":9007199254740993,"metric":"n","device":"d 2","time":"2026-03-01T12:00:00+01:00"}

{"watermark": 1000}
{"watermark": "1970-01-01T00:00:02Z", "device": "d1"}
{"restart": true}
{"now": 5000}
{"now": 6000, "restart": true}
{"now": 7000, "watermark": 1000})") ==
        "1: 2018-11-02T09:54:46.013Z d1 t=21.5\n2: 2026-03-01T11:00:00Z d 2 n=9007199254740992~\n"
        "4: watermark 1970-01-01T00:00:01Z *\n5: watermark 1970-01-01T00:00:02Z d1\n6: restart\n"
        "7: pause at 1970-01-01T00:00:05Z\n8: restart at 1970-01-01T00:00:06Z\n"
        "9: watermark 1970-01-01T00:00:01Z * at 1970-01-01T00:00:07Z\n");
  RecordedOptions seconds;
  seconds.time_format = TimeFormat::seconds;
  CHECK(read_all("a.ndjson", R"({"time":1.5,"device":"d","metric":"m","value":-0.5})", seconds) ==
        "1: 1970-01-01T00:00:01.500Z d m=-0.5\n");
}

TEST_CASE("JSON line errors name file, line and column, and reading goes on behind them") {
  const auto error = [](std::string_view line) {
    const std::string text = read_all("a.jsonl", std::string(line) + "\n{\"restart\":true}\n");
    CHECK(text.ends_with("\n2: restart\n"));
    return text.substr(0, text.find('\n'));
  };
  CHECK(error(R"({"time":1,"device":"d","metric":"m","value":1,"unit":"C"})") ==
        "error a.jsonl:1:47: unknown key; known are time, device, metric, value, watermark, "
        "restart and now");
  CHECK(error(R"({"time":1,"device":"d","metric":"m"})") ==
        "error a.jsonl:1:1: the key value is missing");
  CHECK(error(R"({"time":1,"device":"d","metric":"m","value":"1"})") ==
        "error a.jsonl:1:37: the value is no number");
  CHECK(error(R"({"time":1,"device":"d","metric":"m","value":null})") ==
        "error a.jsonl:1:37: the value is no number");
  CHECK(error(R"({"time":true,"device":"d","metric":"m","value":1})") ==
        "error a.jsonl:1:2: this is no time");
  CHECK(error(R"({"time":1,"device":7,"metric":"m","value":1})") ==
        "error a.jsonl:1:11: this is no text of at least one character");
  CHECK(error(R"({"time":1,"time":2,"device":"d","metric":"m","value":1})") ==
        "error a.jsonl:1:2: this key is given twice");
  CHECK(error(R"({"watermark":1,"value":2})") ==
        "error a.jsonl:1:16: a watermark has only a device");
  CHECK(error(R"({"restart":false})") == "error a.jsonl:1:2: restart is true or not there");
  CHECK(error(R"({"restart":true,"time":1})") == "error a.jsonl:1:17: a restart stands alone");
  CHECK(error("[1]") == "error a.jsonl:1:1: this is no object");
  CHECK(error("{").starts_with("error a.jsonl:1:1: not JSON: "));
  CHECK(error("{\"time\":\xff}").starts_with("error a.jsonl:1:1: not JSON: "));
}

TEST_CASE("a line beyond the bound is an error, not memory") {
  RecordedOptions options;
  options.line_max = Bytes{100};
  const std::string text =
      "{\"restart\":true}\n" + std::string(200'000, 'x') + "\n{\"restart\":true}";
  CHECK(read_all("a.jsonl", text, options) ==
        "1: restart\nerror a.jsonl:2:1: it is longer than 100B\n3: restart\n");
  CHECK(read_all("a.csv",
                 "time,v\n1,\"" + std::string(60, '\n') + std::string(60, '\n') + "\"\n2,1\n",
                 options)
            .find("it is longer than 100B") != std::string::npos);
}

TEST_CASE("a file that is not there or of no known kind says so") {
  const auto missing = RecordedFile::open("/nonexistent/a.csv", {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::unavailable);
  CHECK(missing.error().message.starts_with("/nonexistent/a.csv: "));
  CHECK_FALSE(RecordedFile::open(std::filesystem::temp_directory_path(), {}));
  CHECK(read_all("a.txt", "") ==
        "error a.txt: its name does not say whether it is CSV or JSON lines\n");
  RecordedOptions options;
  options.format = RecordedOptions::Format::json_lines;
  CHECK(read_all("a.txt", "{\"restart\":true}", options) == "1: restart\n");
}

TEST_CASE("a recorded series of the Numenta benchmark is read to its end") {
  const std::string path = WEIR_SOURCE_DIR
      "/../shared/data/nab_dev/data/realKnownCause/machine_temperature_system_failure.csv";
  if (!std::filesystem::exists(path)) {
    WARN("SKIPPED: there is no " << path);
    return;
  }
  auto file = RecordedFile::open(path, timestamp_column());
  REQUIRE(file);
  std::size_t readings = 0;
  std::string first, last;
  while (true) {
    const auto event = (*file)->next();
    REQUIRE(event);
    if (!*event) break;
    last = text_of(**event);
    if (readings++ == 0) first = last;
  }
  CHECK(readings == 22695);
  CHECK(first == "2: 2013-12-02T21:15:00Z machine_temperature_system_failure value=73.96732207");
  CHECK(last.starts_with("22696: 2014-02-19T15:25:00Z "));
}
