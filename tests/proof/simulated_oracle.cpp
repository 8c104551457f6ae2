#include <rapidjson/document.h>

#include "tests/proof/simulated_world.hpp"

namespace weir {

namespace {

constexpr unsigned most_readings = 50;  // 2^53 is the last exact sum

}  // namespace

std::string header(const SinkRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers)
    if (key == name) return value;
  return "";
}

std::optional<std::uint64_t> Oracle::next(const std::string& device, Timestamp time) {
  const std::int64_t size = window_.count();
  Window& window = windows_[{device, count_us(time) / size * size}];
  const auto n = static_cast<unsigned>(__builtin_popcountll(window.published));
  if (n == most_readings) return std::nullopt;
  const std::uint64_t value = std::uint64_t{1} << n;
  window.published |= value;
  return value;
}

std::string Oracle::take(const SinkRecord& record) {
  rapidjson::Document value;
  value.Parse(record.value.data(), record.value.size());
  if (value.HasParseError()) return "a record that is no JSON: " + record.value;
  const std::string kind = value["kind"].GetString();
  const std::string identity = record.key + " " + kind + " " +
                               value["window"]["start"].GetString() + " " +
                               std::to_string(value["revision"].GetUint64());
  const std::string seq = header(record, "weir-epoch") + " " + header(record, "weir-seq");
  if (!seen_.emplace(seq, identity).second) return "a seq twice: " + seq;
  const auto [first, fresh] = seen_.emplace(identity, record.value);
  if (!fresh) {
    ++repeated_;
    if (first->second != record.value)
      return "twice with different content: " + first->second + " and " + record.value;
    return "twice: " + identity;
  }
  return kind == "rollup" ? take_rollup(record) : "";
}

std::string Oracle::take_rollup(const SinkRecord& record) {
  rapidjson::Document value;
  value.Parse(record.value.data(), record.value.size());
  const auto start = parse_time(value["window"]["start"].GetString());
  if (!start) return "no time: " + record.value;
  const auto found = windows_.find({value["group"]["device"].GetString(), count_us(*start)});
  if (found == windows_.end()) return "a window that never was: " + record.value;
  const auto& values = value["values"];
  const auto sum = static_cast<std::uint64_t>(values["sum"].GetDouble());
  const auto count = static_cast<std::uint64_t>(values["count"].GetInt64());
  const auto at = [&](const char* name) {
    return static_cast<std::uint64_t>(values[name].GetDouble());
  };
  const bool right = sum != 0 && (sum & ~found->second.published) == 0 &&
                     count == static_cast<std::uint64_t>(__builtin_popcountll(sum)) &&
                     at("min") == (sum & (~sum + 1)) &&
                     at("max") == std::uint64_t{1} << (63 - __builtin_clzll(sum)) &&
                     at("last") == at("max");
  if (!right)
    return "wrong values of " + std::to_string(found->second.published) + ": " + record.value;
  const std::uint64_t revision = value["revision"].GetUint64();
  Window& window = found->second;
  if (window.count > 0 && revision < window.revision) return "";
  window = {window.published, sum, revision, count};
  return "";
}

}  // namespace weir
