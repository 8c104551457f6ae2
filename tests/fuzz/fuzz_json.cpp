// Any bytes, through decoders of several configurations: never a crash, and what comes out is what
// decoder.hpp promises.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware-bridge/json_decoder.hpp"

using namespace weir;

namespace {

JsonPath path(std::string_view text) {
  return parse_json_path(text, true).value();
}

std::vector<JsonOptions> configurations() {
  std::vector<JsonOptions> all(5);
  all[1].metrics = {{"a", path("a")}, {"b", path("a.b.0")}, {"c", path("'x.y'")}};
  all[1].time = path("t");
  all[1].time_format = TimeFormat::seconds;
  all[1].words = {{"ON", 1}, {"OFF", 0}};
  all[2].each = path("*.a.*");
  all[2].pairs = JsonOptions::Pairs{path("n"), path("v")};
  all[2].tags = {{"host", path("h")}, {"first", path("0")}};
  all[2].time = path("t");
  all[2].time_format = TimeFormat::rfc3339;
  all[3].each = path("*");
  all[3].time = path("a");
  all[3].time_format = TimeFormat::nanoseconds;
  all[3].words = {{"a", 2}};
  all[4].metrics = {{"temperature", path("t")}};
  all[4].tags = {{"host", path("h.0")}};
  return all;
}

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const Decoded& a, const Decoded& b) {
  if (a.records.size() != b.records.size() || a.values.size() != b.values.size() ||
      a.tags != b.tags)
    return false;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (a.values[i].metric != b.values[i].metric || a.values[i].value != b.values[i].value)
      return false;
  }
  return true;
}

void check(const Decoded& decoded, std::size_t tags) {
  std::size_t value = 0, tag = 0;
  for (const Decoded::Record& record : decoded.records) {
    require(record.first_value == value && record.first_tag == tag && record.value_count > 0);
    value += record.value_count;
    tag += tags;
  }
  require(value == decoded.values.size() && tag == decoded.tags.size());
  require(value > 0 && value <= json_values_max);
  for (const Decoded::Value& entry : decoded.values) {
    require(std::isfinite(entry.value));
    require(!entry.metric.empty() && entry.metric.size() <= name_bytes_max);
  }
  for (const std::string_view text : decoded.tags) require(text.size() <= name_bytes_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Some decoders live on from input to input, as in a running weir; their twins are new each time.
  static const std::vector<JsonOptions> options = configurations();
  static std::vector<std::unique_ptr<Decoder>> decoders;
  if (decoders.empty()) {
    for (const JsonOptions& option : options) decoders.push_back(make_json_decoder(option));
  }
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  for (std::size_t i = 0; i < options.size(); ++i) {
    Decoded decoded, again;
    const Result<void> result = decoders[i]->decode(payload, decoded);
    const std::unique_ptr<Decoder> fresh = make_json_decoder(options[i]);
    const Result<void> repeated = fresh->decode(payload, again);
    require(result.has_value() == repeated.has_value());
    if (result) {
      check(decoded, options[i].tags.size());
      require(same(decoded, again));
    } else {
      require(result.error().kind == ErrorKind::invalid && result.error().message.size() <= 200);
      require(result.error().message == repeated.error().message);
    }
  }
  return 0;
}
