#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "config/params.hpp"
#include "config/time_zone.hpp"
#include "operators/pipeline.hpp"

namespace weir {

class DeviceClocks;
class Operator;
struct RollupOptions;
struct WindowEntry;

/// `window = { … }` of a rollup, read and checked. What a kind does not use is zero.
struct WindowOptions {
  const WindowEntry* kind = nullptr;
  Duration size{};               ///< of a window; of a session the gap
  Duration offset{};             ///< of any sign
  Duration hop{};                ///< hopping: less than size
  Duration max_length{};         ///< session; 0: none
  std::uint64_t readings = 0;    ///< count: of a window; trailing: how many are kept at most
  std::optional<TimeZone> zone;  ///< calendar; `size` is then 1, 7 or 30 days
};

/// When results are emitted.
struct EmissionOptions {
  enum class Mode : std::uint8_t { revisions, final, early };
  Mode mode = Mode::revisions;
  Duration revise_every{};  ///< 0: at the end of a batch
  Duration early_every{};   ///< of elapsed time, with Mode::early
};

/// What the windows of one series cost.
struct WindowCost {
  double blocks = 0;       ///< accumulators (and what stands beside them) kept at once
  double other_bytes = 0;  ///< beside these
  double results_a_day =
      0;  ///< without revisions; of kinds that go by readings at one in ten seconds
};

/// One kind of window. To add one: write window_NAME.cpp and its line in window_kinds.cpp.
struct WindowEntry {
  std::string_view name;  ///< the key that chooses it: `window = { NAME = … }`
  bool (*read)(Params& table, WindowOptions& window);  ///< false: problems were recorded
  /// Which modes of emission it has besides `final` and `revisions`.
  bool has_early, has_revise_every;
  bool has_length;  ///< that does not come from the readings, so that a number of them is expected
  std::unique_ptr<Operator> (*make)(const RollupOptions& options, const SourceOptions& source,
                                    const SeriesTable& table, const DeviceClocks& clocks);
  /// With event times of a series that lie up to `reach` apart, usually or at worst.
  WindowCost (*cost)(const WindowOptions& window, Duration reach, bool worst);
};

/// The `make` of a kind whose class is `Kind`.
template <class Kind>
std::unique_ptr<Operator> make_kind(const RollupOptions& options, const SourceOptions& source,
                                    const SeriesTable& table, const DeviceClocks& clocks) {
  return std::make_unique<Kind>(options, source, table, clocks);
}

constexpr Range<Duration> window_length{std::chrono::milliseconds(1), std::chrono::hours(24 * 366)};
/// `offset`, of any sign and less than `window_length` allows; a problem is recorded otherwise.
Duration read_offset(Params& table);

/// The kinds in the order of the manual.
std::span<const WindowEntry* const> window_kinds();
/// Reads `window = { … }` of a rollup; problems are recorded.
WindowOptions read_window(Params& rollup);

/// Requires: read without a problem. All but the options outlive it.
std::unique_ptr<Operator> make_rollup(const RollupOptions& options, const SourceOptions& source,
                                      const SeriesTable& table, const DeviceClocks& clocks);

}  // namespace weir
