#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/bytes.hpp"
#include "operators/pipeline.hpp"
#include "operators/recency.hpp"
#include "operators/saturate.hpp"
#include "operators/series.hpp"

namespace weir {

/// The one owner of every device's watermark and of who is idle; operators read it here.
///
/// A device's watermark is its newest event time minus `out_of_order` of its source and never goes
/// back. A device not heard of for `idle` of elapsed time is idle; with `idle` = 0 none ever is.
class DeviceClocks {
 public:
  struct Clock {
    Timestamp watermark = time_begin;
    bool known = false;  ///< a reading of it was accepted
    bool idle = false;
  };

  /// `sources` are numbered by their place. `table` outlives this and may still be filled.
  DeviceClocks(std::span<const SourceOptions> sources, const SeriesTable& table);
  static constexpr std::uint32_t no_source = UINT32_MAX - 1;

  /// The place of the device's source among the options; `no_source` if none has its name and tags:
  /// it was configured once and is not any more.
  std::uint32_t source_of(DeviceId device);
  Clock clock(DeviceId device) const {
    return index(device) < clocks_.size() ? clocks_[index(device)] : Clock{};
  }

  /// A hint: the device is heard soon. See Operator::expect.
  void expect(DeviceId device, bool near) const {
    if (!near && index(device) < clocks_.size()) __builtin_prefetch(&clocks_[index(device)]);
    recency_.expect(index(device), near);
  }

  /// Notes that the device of that source was heard; true if it was idle until now.
  bool heard(DeviceId device, std::uint32_t source, Duration elapsed);
  /// Moves the watermark for a reading at `time`; true if that moved it. Requires: heard.
  bool advance(DeviceId device, std::uint32_t source, Timestamp time);

  /// Makes one device idle that was silent for long enough; nothing when there is no other.
  std::optional<DeviceId> next_idle(Duration elapsed);
  /// When the next device would become idle.
  std::optional<Duration> next_deadline() const;

  Pipeline::Watermarks summary() const;
  std::size_t memory_bytes() const;

  void save(ByteWriter& out) const;
  bool load(ByteReader& in);  ///< false: these are not bytes of `save`

 private:
  static constexpr std::uint32_t unresolved = UINT32_MAX;
  struct Rules {
    std::string name;
    std::vector<std::string> tag_names;
    Duration out_of_order, idle;
  };

  std::vector<Rules> rules_;
  std::vector<std::uint32_t> source_of_;  ///< by SourceId; resolved when first asked for
  const SeriesTable& table_;
  std::vector<Clock> clocks_;  ///< by device
  Recency recency_;            ///< the devices that are not idle; a list for each source
};

}  // namespace weir
