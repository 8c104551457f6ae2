#include "operators/price.hpp"

#include <algorithm>

#include "operators/enrichment.hpp"
#include "operators/expectation.hpp"
#include "operators/options.hpp"
#include "operators/stage.hpp"

namespace weir {

namespace {

constexpr std::uint64_t window_overhead = 64;           // Rollup::Open
constexpr std::uint64_t detector_bytes_estimate = 160;  // a slot, its alert and its method's state
constexpr std::uint64_t table_bytes_estimate = 220;     // names, tags and three indexes

const SourceOptions* source_of(const std::string& name, std::span<const SourceOptions> sources) {
  const auto found = std::find_if(sources.begin(), sources.end(),
                                  [&](const SourceOptions& source) { return source.name == name; });
  return found == sources.end() ? nullptr : &*found;
}

/// Of values that lie within a factor of three.
void add_state(const AggregateSet& aggregates, Output& sample) {
  std::vector<std::uint64_t> memory(aggregates.state_bytes() / sizeof(std::uint64_t));
  auto* const state = reinterpret_cast<std::byte*>(memory.data());
  aggregates.init(state);
  Reading reading;
  for (std::uint64_t i = 0; i < sample.count; ++i) {
    reading.time = sample.first + std::chrono::milliseconds(i);
    reading.value = 10 + static_cast<double>(i % 200) / 10;
    aggregates.add(state, reading);
  }
  aggregates.append_state(state, sample);
  aggregates.release(state);
}

Output sample_of(const RollupOptions& rollup, const SourceOptions& source) {
  Output sample;
  sample.name = rollup.name;
  sample.topic = rollup.topic;
  for (const std::string& tag : rollup.by) sample.group.push_back({tag, "device-0001"});
  const bool one_device = std::ranges::all_of(source.tag_names, [&](const std::string& tag) {
    return std::ranges::find(rollup.by, tag) != rollup.by.end();
  });
  for (const std::string& tag : all_tags(source)) {
    if (one_device && std::ranges::find(rollup.by, tag) == rollup.by.end())
      sample.attributes.push_back({tag, "somewhere-1"});
  }
  sample.metric = rollup.metrics.empty() ? "temperature" : rollup.metrics.front();
  sample.window.start = timestamp_us(1'700'000'000'000'000);
  sample.window.end = sample.window.start + rollup.window.size;
  sample.count = 600;
  if (rollup.period > Duration(0)) sample.expected = 600;
  sample.first = sample.window.start;
  sample.last = sample.window.end;
  for (const Aggregate& aggregate : rollup.aggregates) {
    sample.fields.push_back({aggregate.name, 21.34567891234});
  }
  if (rollup.state) add_state(AggregateSet(rollup.aggregates), sample);
  return sample;
}

}  // namespace

PipelinePrice price(const PipelineOptions& options, std::span<const SourceOptions> sources) {
  PipelinePrice total;
  total.active_series = options.active_series;
  total.table_bytes_a_series = table_bytes_estimate;
  total.detector_bytes_a_series = detector_bytes_estimate * options.detectors.size();
  for (const SourceOptions& source : sources) {
    if (source.enrichment != nullptr) total.dimension_bytes += source.enrichment->memory_bytes();
    if (source.rules == nullptr) continue;
    total.source_bytes_a_series =
        std::max(total.source_bytes_a_series, source.rules->bytes_a_series());
  }
  for (const RollupOptions& rollup : options.rollups) {
    const SourceOptions* source = source_of(rollup.from, sources);
    if (source == nullptr) continue;
    RollupPrice one;
    one.name = rollup.name;
    one.window = rollup.window.size;
    const AggregateSet aggregates(rollup.aggregates);
    const std::uint64_t bytes = window_overhead + aggregates.state_bytes();
    one.bytes_a_window = bytes + aggregates.held_usual();
    one.bytes_a_window_worst = bytes + aggregates.held_worst();
    const Duration reach = source->lateness + source->out_of_order;
    const Duration farthest = reach + source->max_skew + source->idle;
    const WindowEntry& kind = *rollup.window.kind;
    const WindowCost usual = kind.cost(rollup.window, reach, false);
    const WindowCost worst = kind.cost(rollup.window, farthest, true);
    one.windows_usual = static_cast<std::uint64_t>(usual.blocks);
    one.windows_worst = static_cast<std::uint64_t>(worst.blocks);
    one.bytes_beside = static_cast<std::uint64_t>(usual.other_bytes);
    one.bytes_beside_worst = static_cast<std::uint64_t>(worst.other_bytes);
    if (rollup.period > Duration(0)) {
      one.bytes_beside += Expectation::bytes_a_cell;
      one.bytes_beside_worst += Expectation::bytes_a_cell;
    }
    one.results_a_day = usual.results_a_day;
    one.sample = sample_of(rollup, *source);
    total.rollups.push_back(std::move(one));
  }
  return total;
}

}  // namespace weir
