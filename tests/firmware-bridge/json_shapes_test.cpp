// The payload shapes of shared/data, each with the configuration that somebody would write for it.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "firmware-bridge/json_dom.hpp"
#include "tests/firmware-bridge/json_support.hpp"

using namespace weir;

namespace {

const std::string path = WEIR_SOURCE_DIR "/../shared/data/payloads/payload_shapes.json";

std::string file_text(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Shape {
  std::string id;
  std::vector<std::string> payloads;
};

std::vector<Shape> read_shapes() {
  JsonDocument document;
  const auto root = document.parse(file_text(path));
  REQUIRE(root);
  std::vector<Shape> shapes;
  simdjson::dom::array list;
  REQUIRE((*root)["shapes"].get(list) == simdjson::SUCCESS);
  for (const auto entry : list) {
    std::string_view id, form, text;
    REQUIRE(entry["id"].get(id) == simdjson::SUCCESS);
    REQUIRE(entry["form"].get(form) == simdjson::SUCCESS);
    Shape shape{std::string(id), {}};
    JsonDocument::Element payload;
    REQUIRE(entry["payload"].get(payload) == simdjson::SUCCESS);
    simdjson::dom::array messages;
    if (payload.get(text) == simdjson::SUCCESS) {
      shape.payloads.emplace_back(text);
    } else if (form == "two messages" && payload.get(messages) == simdjson::SUCCESS) {
      for (const auto message : messages) shape.payloads.push_back(simdjson::minify(message));
    } else {
      shape.payloads.push_back(simdjson::minify(payload));
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

struct Expected {
  const char* id;
  const char* options;
  const char* text;  ///< payload by payload, with --- between them
};

const Expected table[] = {
    {"z1", "", ": temperature=27.34 humidity=44.72"},
    {"z2", R"(metrics = ["battery", "voltage", "water_leak"])",
     ": battery=100 voltage=3045 water_leak=0"},
    {"z3", R"(time = { field = "last_seen", unit = "rfc3339" })",
     "at 2019-01-12T13:41:32.255Z: battery=85 voltage=2955 linkquality=155"},
    {"z4", R"(time = { field = "last_seen", unit = "rfc3339" }
              words = { ON = 1, OFF = 0 })",
     "at 2020-02-26T19:44:09Z: power=0 consumption=0.32 temperature=16 linkquality=34 state_left=0 "
     "state_right=0"},
    {"z5", R"(metrics = ["state"]
              time = { field = "last_seen", unit = "rfc3339" }
              words = { ON = 1, OFF = 0 })",
     "at 2019-12-14T15:39:01.292Z: state=0\n---\nat 2019-12-14T15:39:01.310Z: state=0"},
    {"z6", "",
     "refused: not JSON: a comma, colon, bracket or value is missing, or one is too many"},
    {"t1", R"(metrics = { power = "ENERGY.Power", total = "ENERGY.Total" }
              time = { field = "Time", unit = "rfc3339", zone = "+02:00" })",
     "at 2018-05-22T00:01:29Z: power=0 total=0.052"},
    {"t2", R"(time = { field = "Time", unit = "rfc3339" })",
     "at 2024-01-14T18:03:15Z: ENERGY.Total=1066 ENERGY.Yesterday=0 ENERGY.Today=0 ENERGY.Period=0 "
     "ENERGY.Power=0 ENERGY.ApparentPower=0 ENERGY.ReactivePower=0 ENERGY.Factor=0 "
     "ENERGY.Voltage=227.7 ENERGY.Current=0"},
    {"t3", R"(metrics = ["UptimeSec", "POWER", "Wifi.RSSI"]
              time = { field = "Time", unit = "rfc3339", zone = "+01:00" }
              words = { ON = 1, OFF = 0 })",
     "at 2024-02-24T21:20:38Z: UptimeSec=611 POWER=0 Wifi.RSSI=44"},
    {"t4", R"(metrics = ["Switch1"]
              time = { field = "Time", unit = "rfc3339" }
              words = { ON = 1, OFF = 0 })",
     "at 2024-02-24T22:20:38Z: Switch1=1"},
    {"t5", "",
     "refused: not JSON: a comma, colon, bracket or value is missing, or one is too many"},
    {"t6", R"(metrics = ["ENERGY.Total"])", "refused: it holds no value that was asked for"},
    {"s1", R"(metrics = ["params.switch:0.apower", "params.switch:0.current",
                         "params.switch:0.voltage"]
              time = { field = "params.ts", unit = "s" })",
     "at 2026-09-09T09:14:52.880Z: params.switch:0.apower=11.5 params.switch:0.current=0.071"},
    {"s2", R"(metrics = ["output", "tag", "apower", "aenergy.total", "aenergy.by_minute.0",
                         "temperature.tC"]
              time = { field = "aenergy.minute_ts", unit = "s" })",
     "at 2026-09-09T09:14:00Z: output=1 apower=11.5 aenergy.total=152669.987 aenergy.by_minute.0=0 "
     "temperature.tC=55"},
    {"s3", R"(each = "params.events.*"
              metrics = ["event"]
              tags = { component = "component" }
              time = { field = "ts", unit = "s" }
              words = { single_push = 1, double_push = 2 })",
     "component=input:0 at 2022-01-30T10:54:42.660Z: event=1"},
    {"l1", R"(each = "uplink_message.decoded_payload"
              tags = { device = "end_device_ids.device_id" }
              time = { field = "received_at", unit = "rfc3339" })",
     "device=dev4 at 2020-10-06T13:42:14.332604Z: consumption=20.700000762939453 ignition=1 "
     "motor_temp=84 oil_pressure=11.300000190734863"},
    {"l2", R"(each = "uplink_message.decoded_payload.messages.*"
              pairs = { name = "type", value = "measurementValue" }
              tags = { device = "end_device_ids.device_id" }
              time = { field = "received_at", unit = "rfc3339" })",
     "device=eui-2cf7f1c044300279 at 2024-07-05T16:16:30.899243Z: Air Temperature=13.3"},
    {"x1", R"(each = "params.*.res_list.*"
              pairs = { name = "res_name", value = "value" }
              tags = { device = "did" }
              time = { field = "time", unit = "ms" })",
     "device=lumi.158d000246776f at 2023-03-05T01:47:43.016Z: 8.0.2006=27\n"
     "device=lumi.158d000246776f at 2023-03-05T01:47:43.016Z: 0.12.85=2.38\n"
     "device=lumi.158d000246776f at 2023-03-05T01:47:43.016Z: 0.13.85=108225.39"},
    {"x2", "", "refused: not JSON: there is nothing but blanks"},
    {"r1", R"(each = "e.*"
              pairs = { name = "n", value = "v" }
              tags = { source = "e.0.sv" }
              time = { field = "bt", unit = "ms" })",
     "source=ci4lr75sl000802ypo4qrcjda23 at 2015-02-01T00:00:00Z: longitude=6.1668213\n"
     "source=ci4lr75sl000802ypo4qrcjda23 at 2015-02-01T00:00:00Z: temperature=8\n"
     "source=ci4lr75sl000802ypo4qrcjda23 at 2015-02-01T00:00:00Z: humidity=53.7\n"
     "source=ci4lr75sl000802ypo4qrcjda23 at 2015-02-01T00:00:00Z: dust=411.02"},
    {"g1", R"(each = "events.*"
              metrics = ["name"]
              time = { field = "time", unit = "ms" }
              words = { fire = 1, flood = 2 })",
     "at 2019-04-20T07:29:31.410Z: name=1\nat 2019-04-20T07:29:31.410Z: name=2"},
    {"g2", "",
     ": int.large=4294967296 int.larger=9007199254740991 int.largest=9223372036854775808~ "
     "uint.largest=18446744073709551616~ float.larger=4294967296.663"},
    {"g3", R"(each = "*"
              metrics = { offset = "data.LogEndOffset", size = "data.Size" }
              tags = { host = "tags.host", partition = "tags.partition" }
              time = { field = "timestamp", unit = "s" })",
     "host=CUD1-001559 partition=1 at 2020-06-02T19:01:01Z: offset=339238 size=0\n"
     "host=CUD1-001559 partition=1 at 2020-06-02T19:01:01Z: offset=33914 size=2"},
    {"e1", R"(metrics = ["size"]
              time = { field = "ts", unit = "ms" })",
     "at 2018-11-02T09:54:46.013Z: size=3"},
};

std::string decode_all(const Shape& shape, const char* options) {
  const auto decoder = decoder_of(options);
  std::string text;
  for (const std::string& payload : shape.payloads) {
    if (!text.empty()) text += "\n---\n";
    text += decode(*decoder, payload);
  }
  return text;
}

}  // namespace

TEST_CASE("payloads of real devices decode with the configuration one would write") {
  if (!std::filesystem::exists(path)) {
    WARN("SKIPPED: there is no " << path);
    return;
  }
  std::set<std::string> seen;
  for (const Shape& shape : read_shapes()) {
    INFO(shape.id);
    seen.insert(shape.id);
    const Expected* expected = nullptr;
    for (const Expected& entry : table) {
      if (entry.id == shape.id) expected = &entry;
    }
    if (!expected) {
      FAIL_CHECK("no configuration is written for this shape");
      continue;
    }
    CHECK(decode_all(shape, expected->options) == expected->text);
  }
  CHECK(seen.size() == std::size(table));
}
