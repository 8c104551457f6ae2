#include "operators/coarser.hpp"

#include <algorithm>
#include <array>

#include "operators/registry.hpp"

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 8> lengths = {1s, 10s, 1min, 10min, 1h, 6h, 24h, 168h};

const FieldValue* find_value(const Output& result, std::string_view name) {
  for (const Field& field : result.fields) {
    if (field.name == name) return &field.value;
  }
  return nullptr;
}

/// The windows a result stands for.
std::uint32_t windows(const Output& result) {
  return std::max<std::uint32_t>(result.merged, 1);
}

}  // namespace

std::optional<Window> coarser_window(const Window& window) {
  const Duration length = window.end - window.start;
  if (length <= Duration(0)) return std::nullopt;
  const auto* found = std::find_if(lengths.begin(), lengths.end(),
                                   [&](Duration candidate) { return candidate / 4 >= length; });
  if (found == lengths.end()) return std::nullopt;
  const std::int64_t step = std::chrono::microseconds(*found).count();
  const std::int64_t start = count_us(window.start);
  const std::int64_t begin = start - ((start % step) + step) % step;
  return Window{timestamp_us(begin), timestamp_us(begin + step)};
}

bool merge_result(Output& sum, const Output& next) {
  // A deviation is left out of a result of one reading: the longer list names them all.
  const auto& names = sum.fields.size() >= next.fields.size() ? sum.fields : next.fields;
  std::vector<Field> fields;
  fields.reserve(names.size());
  for (const Field& field : names) {
    const AggregateEntry* aggregate = find_aggregate(field.name);
    if (aggregate == nullptr || aggregate->combine == nullptr) return false;
    auto value = aggregate->combine({find_value(sum, field.name), sum},
                                    {find_value(next, field.name), next});
    if (!value || !is_finite(*value)) return false;
    fields.push_back({field.name, std::move(*value)});
  }
  sum.fields = std::move(fields);
  sum.state.clear();  // it would take the accumulators, which a stored result doesn't know
  sum.merged = windows(sum) + windows(next);
  sum.window.start = std::min(sum.window.start, next.window.start);
  sum.window.end = std::max(sum.window.end, next.window.end);
  sum.revision = 0;
  sum.quality |= next.quality;
  sum.count += next.count;
  sum.expected = sum.expected > 0 && next.expected > 0 ? sum.expected + next.expected : 0;
  sum.late += next.late;
  sum.first = std::min(sum.first, next.first);
  sum.last = std::max(sum.last, next.last);
  return true;
}

}  // namespace weir
