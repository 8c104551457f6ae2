#include "operators/expectation.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace weir {

std::uint64_t Expectation::of(std::size_t cell, const std::vector<DeviceId>& devices,
                              MetricId metric, const Window& window) {
  if (period_ == Duration(0)) return 0;
  if (cell >= senders_.size()) senders_.resize(cell + 1);
  Senders& senders = senders_[cell];
  const auto of_devices = static_cast<std::uint32_t>(devices.size());
  if (senders.of_devices != of_devices || senders.of_series != table_.mark().series) {
    senders = {{}, of_devices, table_.mark().series};
    std::ranges::copy_if(devices, std::back_inserter(senders.devices), [&](DeviceId device) {
      return table_.find_series(device, table_.metric(metric)).has_value();
    });
  }
  const auto counting = std::ranges::count_if(senders.devices, [&](DeviceId device) {
    const DeviceClocks::Clock clock = clocks_.clock(device);
    return !clock.forgotten || saturating_add(clock.watermark, out_of_order_) >= window.start;
  });
  const auto length = static_cast<double>(saturating_difference(window.end, window.start).count());
  const double exact =
      static_cast<double>(counting) * length / static_cast<double>(period_.count());
  return static_cast<std::uint64_t>(std::floor(exact + 0.5));
}

std::size_t Expectation::memory_bytes() const {
  std::size_t bytes = senders_.capacity() * sizeof(Senders);
  for (const Senders& of_cell : senders_) bytes += of_cell.devices.capacity() * sizeof(DeviceId);
  return bytes;
}

}  // namespace weir
