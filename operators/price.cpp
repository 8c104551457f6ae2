#include "operators/price.hpp"

#include <algorithm>

#include "operators/options.hpp"

namespace weir {

namespace {

constexpr std::uint64_t window_overhead = 64;           // Rollup::Open
constexpr std::uint64_t detector_bytes_estimate = 160;  // a slot, its alert and its method's state
constexpr std::uint64_t table_bytes_estimate = 220;     // names, tags and three indexes
constexpr double day_us = 86'400e6;

const SourceOptions* source_of(const std::string& name, std::span<const SourceOptions> sources) {
  const auto found = std::find_if(sources.begin(), sources.end(),
                                  [&](const SourceOptions& source) { return source.name == name; });
  return found == sources.end() ? nullptr : &*found;
}

Output sample_of(const RollupOptions& rollup) {
  Output sample;
  sample.name = rollup.name;
  sample.topic = rollup.topic;
  for (const std::string& tag : rollup.by) sample.group.push_back({tag, "device-0001"});
  sample.metric = rollup.metrics.empty() ? "temperature" : rollup.metrics.front();
  sample.window.start = timestamp_us(1'700'000'000'000'000);
  sample.window.end = sample.window.start + rollup.size;
  sample.count = 600;
  sample.first = sample.window.start;
  sample.last = sample.window.end;
  for (const Aggregate& aggregate : rollup.aggregates) {
    sample.fields.push_back({aggregate.name, 21.34567891234});
  }
  return sample;
}

}  // namespace

PipelinePrice price(const PipelineOptions& options, std::span<const SourceOptions> sources) {
  PipelinePrice total;
  total.table_bytes_a_series = table_bytes_estimate;
  total.detector_bytes_a_series = detector_bytes_estimate * options.detectors.size();
  for (const RollupOptions& rollup : options.rollups) {
    const SourceOptions* source = source_of(rollup.from, sources);
    if (source == nullptr) continue;
    RollupPrice one;
    one.name = rollup.name;
    one.window = rollup.size;
    const AggregateSet aggregates(rollup.aggregates);
    const std::uint64_t bytes = window_overhead + aggregates.state_bytes();
    one.bytes_a_window = bytes + aggregates.held_usual();
    one.bytes_a_window_worst = bytes + aggregates.held_worst();
    const auto windows = [&](Duration reach) {
      return static_cast<std::uint64_t>(reach / rollup.size) + 2;
    };
    one.windows_usual = windows(source->lateness + source->out_of_order);
    one.windows_worst =
        windows(source->lateness + source->out_of_order + source->max_skew + source->idle);
    one.results_a_day = day_us / static_cast<double>(rollup.size.count());
    one.sample = sample_of(rollup);
    total.rollups.push_back(std::move(one));
  }
  return total;
}

}  // namespace weir
