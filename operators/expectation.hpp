#pragma once

#include <cstdint>
#include <vector>

#include "operators/device_clocks.hpp"
#include "operators/series.hpp"

namespace weir {

/// How many readings a window of a rollup should hold where its devices send one each `period`:
/// devices × length / period, to the nearest whole number.
///
/// A device counts for a metric if it is known to send it, silent or not: that one is missing is
/// what the number is for. One that was forgotten (`forget_after`) counts only for windows that
/// began before its newest reading.
class Expectation {
 public:
  /// `period` 0: nothing is expected. The table and the clocks outlive this.
  Expectation(Duration period, Duration out_of_order, const SeriesTable& table,
              const DeviceClocks& clocks)
      : period_(period), out_of_order_(out_of_order), table_(table), clocks_(clocks) {}

  /// Of a window of the cell, whose group has these devices and whose metric never changes; 0:
  /// nothing.
  std::uint64_t of(std::size_t cell, const std::vector<DeviceId>& devices, MetricId metric,
                   const Window& window);

  std::size_t memory_bytes() const;
  static constexpr std::size_t bytes_a_cell = 48;  ///< about, with one device

 private:
  /// The devices that send a metric, as long as no device and no series has come since.
  struct Senders {
    std::vector<DeviceId> devices;
    std::uint32_t of_devices = 0, of_series = 0;
  };

  Duration period_, out_of_order_;
  const SeriesTable& table_;
  const DeviceClocks& clocks_;
  std::vector<Senders> senders_;  ///< by cell
};

}  // namespace weir
