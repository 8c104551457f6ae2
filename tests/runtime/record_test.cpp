#include <limits>

#include "runtime/uplink.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_outbox.hpp"

using namespace weir;

namespace {

const std::string epoch = "0b5c1c1e-0000-4000-8000-000000000001";

OutboxEntry rollup() {
  OutboxEntry entry;
  entry.seq = 42;
  entry.output = sample_output("temperature", "telemetry.rollups");
  entry.output.group = {{"line", "7"}, {"device", "press a"}};
  entry.output.revision = 2;
  entry.output.late = 3;
  entry.output.quality = Quality::arrival_time | Quality::inexact;
  entry.output.fields = {
      {"count", std::int64_t{60}}, {"mean", 2.0 / 3}, {"first", 1e21}, {"last", -0.5}};
  return entry;
}

std::string key_of(const std::vector<Tag>& group, const std::string& metric = "t",
                   const std::string& gateway = "gw") {
  OutboxEntry entry = rollup();
  entry.output.group = group;
  entry.output.metric = metric;
  return make_record(entry, gateway, epoch).key;
}

}  // namespace

TEST_CASE("the record of a rollup has these bytes") {
  const SinkRecord record = make_record(rollup(), "line7-gw2", epoch);
  CHECK(record.topic == "telemetry.rollups");
  CHECK(record.key == "line7-gw2/press_1m/line=7,device=press%20a/temperature");
  CHECK(record.value ==
        R"({"v":1,"kind":"rollup","gateway":"line7-gw2","name":"press_1m",)"
        R"("group":{"line":"7","device":"press a"},"metric":"temperature",)"
        R"("window":{"start":"2023-11-14T22:13:20Z","end":"2023-11-14T22:14:20Z"},"revision":2,)"
        R"("readings":{"count":60,"late":3,"first":"2023-11-14T22:13:20Z",)"
        R"("last":"2023-11-14T22:14:19Z"},"quality":["arrival_time","inexact"],)"
        R"("values":{"count":60,"mean":0.6666666666666666,"first":1e+21,"last":-0.5}})");
  CHECK(record.timestamp == timestamp_us(1'700'000'060'000'000));
  CHECK(record.headers ==
        std::vector<std::pair<std::string, std::string>>{{"weir-gateway", "line7-gw2"},
                                                         {"weir-epoch", epoch},
                                                         {"weir-seq", "42"},
                                                         {"weir-kind", "rollup"},
                                                         {"content-type", "application/json"}});
}

TEST_CASE("a record says that it is a preview, is retracted, or is a window with a number") {
  OutboxEntry entry = rollup();
  entry.output.preview = entry.output.retracted = true;
  entry.output.number = 17;
  const std::string value = make_record(entry, "gw", epoch).value;
  CHECK(value.find(R"("end":"2023-11-14T22:14:20Z","number":17},"revision":2,"preview":true,)"
                   R"("retracted":true,"readings")") != std::string::npos);
}

TEST_CASE("a record says how many readings were expected, if somebody said how often they come") {
  OutboxEntry entry = rollup();
  entry.output.expected = 72;
  const std::string value = make_record(entry, "gw", epoch).value;
  CHECK(value.find(R"("readings":{"count":60,"expected":72,"late":3,)") != std::string::npos);
  CHECK(record_bytes(entry.output) >= value.size());
}

TEST_CASE("the state stands behind the values, with the version of its form") {
  OutboxEntry entry = rollup();
  entry.output.state = {{"sum", 40.0}, {"sum_lost", 0.0}, {"quantiles_positive", "12:3 14:1"}};
  const std::string value = make_record(entry, "gw", epoch).value;
  const std::string wanted =
      R"(,"state":{"v":1,"sum":40,"sum_lost":0,"quantiles_positive":"12:3 14:1"}})";
  CHECK(value.substr(value.size() - wanted.size()) == wanted);
  CHECK(record_bytes(entry.output) >= value.size());
}

TEST_CASE("what a table says of the device stands behind its group, and not in the key") {
  OutboxEntry entry = rollup();
  const SinkRecord plain = make_record(entry, "gw", epoch);
  entry.output.attributes = {{"site", "Berlin \"2\""}, {"model", ""}};
  const SinkRecord record = make_record(entry, "gw", epoch);
  CHECK(record.key == plain.key);
  const std::string metric = R"(,"metric":)";
  std::string wanted = plain.value;
  wanted.insert(wanted.find(metric), R"(,"attributes":{"site":"Berlin \"2\"","model":""})");
  CHECK(record.value == wanted);
  CHECK(record_bytes(entry.output) >= record.value.size());
}

TEST_CASE("the record of an alert has these bytes") {
  OutboxEntry entry;
  entry.seq = 7;
  entry.lane = Lane::alerts;
  entry.output = sample_output("temperature", "telemetry.alerts");
  entry.output.kind = OutputKind::alert;
  entry.output.name = "overheat";
  entry.output.window.start = entry.output.window.end = timestamp_us(1'700'000'000'250'000);
  entry.output.count = 1;
  entry.output.first = entry.output.last = entry.output.window.end;
  entry.output.fields = {{"state", "raised"}, {"method", "zscore"}, {"score", 5.25}};
  const SinkRecord record = make_record(entry, "gw", epoch);
  CHECK(record.key == "gw/overheat/line=7/temperature");
  CHECK(record.value ==
        R"({"v":1,"kind":"alert","gateway":"gw","name":"overheat","group":{"line":"7"},)"
        R"("metric":"temperature","window":{"start":"2023-11-14T22:13:20.250Z",)"
        R"("end":"2023-11-14T22:13:20.250Z"},"revision":0,"readings":{"count":1,"late":0,)"
        R"("first":"2023-11-14T22:13:20.250Z","last":"2023-11-14T22:13:20.250Z"},"quality":[],)"
        R"("values":{"state":"raised","method":"zscore","score":5.25}})");
  CHECK(record.timestamp == timestamp_us(1'700'000'000'250'000));
}

TEST_CASE("every revision of a result has the same key") {
  OutboxEntry entry = rollup();
  const std::string key = make_record(entry, "gw", epoch).key;
  entry.output.revision = 9;
  entry.seq = 99;
  entry.output.window.end += std::chrono::hours(1);
  CHECK(make_record(entry, "gw", epoch).key == key);
}

TEST_CASE("different results never share a key") {
  CHECK(key_of({{"a", "1,b=2"}}) != key_of({{"a", "1"}, {"b", "2"}}));
  CHECK(key_of({{"a", "x/y"}}, "t") != key_of({{"a", "x"}}, "y/t"));
  CHECK(key_of({{"a", "%2F"}}) != key_of({{"a", "/"}}));
  CHECK(key_of({{"a", ""}}) != key_of({}));
  CHECK(key_of({}, "t", "g/h") == "g%2Fh/press_1m//t");
}

TEST_CASE("a key is printable ASCII whatever the tags hold") {
  const std::string key = key_of({{"a", std::string("\0\n\x7F\xFF\xC3\xBC ", 7)}});
  CHECK(key == "gw/press_1m/a=%00%0A%7F%FF%C3%BC%20/t");
}

TEST_CASE("values that JSON has no number for become null, names that are no UTF-8 are repaired") {
  OutboxEntry entry = rollup();
  entry.output.metric = "\xFF";
  entry.output.fields = {{"mean", std::numeric_limits<double>::quiet_NaN()}};
  const std::string value = make_record(entry, "gw", epoch).value;
  CHECK(value.find("\"mean\":null") != std::string::npos);
  CHECK(value.find("\"metric\":\"\xEF\xBF\xBD\"") != std::string::npos);
}
