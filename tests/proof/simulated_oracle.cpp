#include "tests/proof/simulated_oracle.hpp"

#include <rapidjson/document.h>

namespace weir {

namespace {

constexpr unsigned most_readings = 50;  // 2^53 is the last exact sum

std::uint64_t number(const rapidjson::Value& values, const char* name) {
  const auto found = values.FindMember(name);
  return found == values.MemberEnd() ? 0 : static_cast<std::uint64_t>(found->value.GetDouble());
}

/// What a record says.
struct Said {
  bool valid = false;
  std::string kind, name, device, start;
  Timestamp time{};
  std::uint64_t revision = 0, count = 0, sum = 0, min = 0, max = 0, last = 0;

  explicit Said(const SinkRecord& record) {
    rapidjson::Document value;
    value.Parse(record.value.data(), record.value.size());
    if (value.HasParseError()) return;
    kind = value["kind"].GetString();
    name = value["name"].GetString();
    device = value["group"]["device"].GetString();
    start = value["window"]["start"].GetString();
    const auto parsed = parse_time(start);
    revision = value["revision"].GetUint64();
    const auto& values = value["values"];
    count = kind == "rollup" ? number(values, "count") : 1;
    sum = number(values, kind == "rollup" ? "sum" : "value");
    min = number(values, "min");
    max = number(values, "max");
    last = number(values, "last");
    valid = parsed.has_value();
    if (parsed) time = *parsed;
  }
};

}  // namespace

std::string header(const SinkRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers)
    if (key == name) return value;
  return "";
}

/// Of a gap, or of a reading that came after its window was told about.
static bool speaks_of_no_window(const SinkRecord& record) {
  const std::string kind = header(record, "weir-kind");
  return kind == "gap" || kind == "late";
}

Oracle::Slot Oracle::slot_at(const std::string& device, Timestamp time) const {
  const std::int64_t size = window_.count();
  return {device, count_us(time) / size * size};
}

std::optional<std::uint64_t> Oracle::next(const std::string& device, Timestamp time) {
  Window& window = windows_[slot_at(device, time)];
  const auto n = static_cast<unsigned>(__builtin_popcountll(window.published));
  if (n == most_readings) return std::nullopt;
  const std::uint64_t value = std::uint64_t{1} << n;
  window.published |= value;
  return value;
}

std::string Oracle::take(const SinkRecord& record) {
  if (header(record, "weir-kind") == "late") return take_late(record);
  if (speaks_of_no_window(record)) return "";
  const std::string wrong = check(record);
  if (!wrong.empty()) return wrong;
  const Said said(record);
  const std::string identity =
      record.key + " " + said.kind + " " + said.start + " " + std::to_string(said.revision);
  const std::string seq = header(record, "weir-epoch") + " " + header(record, "weir-seq");
  if (!seen_.emplace(seq, identity).second) return "a seq twice: " + seq;
  const auto [first, fresh] = seen_.emplace(identity, record.value);
  if (!fresh) {
    ++(first->second == record.value ? repeated_ : changed_);
    if (first->second != record.value)
      return "twice with different content: " + first->second + " and " + record.value;
    return "twice: " + identity;
  }
  if (said.kind != "rollup") return "";
  Window& window = windows_.at(slot_at(said.device, said.time));
  if (window.count > 0 && said.revision < window.revision) return "";
  window.arrived = said.sum;
  window.revision = said.revision;
  window.count = said.count;
  return "";
}

std::string Oracle::take_late(const SinkRecord& record) {
  const Said said(record);
  const auto window = windows_.find(slot_at(said.device, said.time));
  if (window == windows_.end() || (said.sum & window->second.published) == 0 ||
      (said.sum & (said.sum - 1)) != 0)
    return "a late reading that never was: " + record.value;
  if ((window->second.late & said.sum) != 0) ++late_again_;
  window->second.late |= said.sum;
  return "";
}

std::string Oracle::check(const SinkRecord& record) const {
  if (speaks_of_no_window(record)) return "";
  const Said said(record);
  if (!said.valid) return "not a record: " + record.value;
  const auto window = windows_.find(slot_at(said.device, said.time));
  if (window == windows_.end()) return "a window that never was: " + record.value;
  const std::uint64_t published = window->second.published;
  const std::uint64_t sum = said.sum;
  const bool named = record.key == "g/" + said.name + "/device=" + said.device + "/v" &&
                     said.name == (said.kind == "rollup" ? "r" : "d");
  bool right = named && sum != 0 && (sum & ~published) == 0 &&
               said.count == static_cast<std::uint64_t>(__builtin_popcountll(sum));
  if (said.kind == "rollup") {
    const std::uint64_t highest = std::uint64_t{1} << (63 - __builtin_clzll(sum | 1));
    right = right && said.min == (sum & (~sum + 1)) && said.max == highest && said.last == highest;
  }
  if (right) return "";
  return "wrong values of " + std::to_string(published) + ": " + record.value;
}

}  // namespace weir
