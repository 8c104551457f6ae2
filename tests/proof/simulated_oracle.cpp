#include "tests/proof/simulated_oracle.hpp"

#include <rapidjson/document.h>

#include <algorithm>

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
  std::uint64_t revision = 0, count = 0, sum = 0, min = 0, max = 0, first = 0, last = 0;

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
    first = number(values, "first");
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

static bool speaks_of_no_window(const SinkRecord& record) {
  return header(record, "weir-kind") == "gap";
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
  window.times.push_back(time);
  Timestamp& newest = newest_.try_emplace(device, time).first->second;
  if (timestamp_us(slot_at(device, time).second) + window_ + lateness_ <= newest)
    window.due_late |= value;
  newest = std::max(newest, time);
  return value;
}

std::pair<std::uint64_t, std::uint64_t> Oracle::Window::ends(std::uint64_t sum) const {
  std::optional<std::size_t> first, last;
  for (std::size_t k = 0; k < times.size(); ++k) {
    if ((sum >> k & 1) == 0) continue;
    if (!first || times[k] < times[*first]) first = k;
    if (!last || times[k] >= times[*last]) last = k;
  }
  return {std::uint64_t{1} << first.value_or(63), std::uint64_t{1} << last.value_or(63)};
}

std::string Oracle::take(const SinkRecord& record) {
  if (speaks_of_no_window(record)) return "";
  const std::string wrong = check(record);
  if (!wrong.empty()) return wrong;
  const Said said(record);
  const std::string identity =
      record.key + " " + said.kind + " " + said.start + " " + std::to_string(said.revision);
  const std::string seq = header(record, "weir-epoch") + " " + header(record, "weir-seq");
  if (!seen_.emplace(seq, identity).second) return "a seq twice: " + seq;
  Window& window = windows_.at(slot_at(said.device, said.time));
  if (said.kind == "late") {
    if ((window.late & said.sum) != 0) {
      window.late_twice = true;
      ++late_again_;
    }
    window.late |= said.sum;
    return "";
  }
  const auto [first, fresh] = seen_.emplace(identity, record.value);
  if (!fresh) {
    ++(first->second == record.value ? repeated_ : changed_);
    if (first->second != record.value)
      return "twice with different content: " + first->second + " and " + record.value;
    return "twice: " + identity;
  }
  if (said.kind == "alert") {
    std::string& raised = raised_[said.device];
    if (raised != (said.revision == 0 ? "" : said.start)) ++out_of_turn_;
    raised = said.revision == 0 ? said.start : "";
    return "";
  }
  if (window.count > 0 && said.revision < window.revision) return "";
  window.arrived = said.sum;
  window.revision = said.revision;
  window.count = said.count;
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
                     said.name == (said.kind == "rollup" ? "r"
                                   : said.kind == "late" ? "s"
                                                         : "d");
  bool right = named && sum != 0 && (sum & ~published) == 0 &&
               said.count == static_cast<std::uint64_t>(__builtin_popcountll(sum));
  if (said.kind == "rollup") {
    const std::uint64_t highest = std::uint64_t{1} << (63 - __builtin_clzll(sum | 1));
    right = right && said.min == (sum & (~sum + 1)) && said.max == highest;
    const auto [first, last] = window->second.ends(sum & published);
    right = right && said.first == first && said.last == last;
  }
  if (right) return "";
  return "wrong values of " + std::to_string(published) + ": " + record.value;
}

}  // namespace weir
