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
/// back. A promise (of the device, or of its whole source) raises it too; a promise of the source
/// holds for devices that are first heard later as well. A device not heard of for `idle` of
/// elapsed time is idle; with `idle` = 0 none ever is.
class DeviceClocks {
 public:
  struct Clock {
    Timestamp watermark = time_begin;
    bool known = false;  ///< a reading of it was accepted
    bool idle = false;
    bool forgotten = false;  ///< idle, and its windows are closed for good
  };

  /// `sources` are numbered by their place. `table` outlives this and may still be filled.
  DeviceClocks(std::span<const SourceOptions> sources, const SeriesTable& table);
  static constexpr std::uint32_t no_source = UINT32_MAX - 1;

  /// The place of the device's source among the options; `no_source` if none has its name and tags:
  /// it was configured once and is not any more.
  std::uint32_t source_of(DeviceId device) { return source_of(table_.device(device).source); }
  std::uint32_t source_of(SourceId id);
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
  /// Nothing older than `watermark` is expected of the device; true if that moved its watermark.
  /// Requires: heard.
  bool promise(DeviceId device, Timestamp watermark);
  /// Nothing older is expected of any device of the source. Returns those whose watermark that
  /// moved, by number.
  std::vector<DeviceId> promise_all(std::uint32_t source, Timestamp time);

  /// Makes one device idle that was silent for long enough; nothing when there is no other.
  std::optional<DeviceId> next_idle(Duration elapsed);
  /// Forgets one device that was silent for its source's `forget_after`; nothing when there is no
  /// other. Its watermark stays: what it sent before is late if it comes again.
  std::optional<DeviceId> next_forgotten(Duration elapsed);
  /// Forgets the idle device that was silent for longest; nothing when none is idle.
  std::optional<DeviceId> forget_oldest();
  /// When the next device would become idle or be forgotten.
  std::optional<Duration> next_deadline() const;

  Pipeline::Watermarks summary() const;
  std::size_t memory_bytes() const;

  void save(ByteWriter& out) const;
  bool load(ByteReader& in);  ///< false: these are not bytes of `save`
  void save_promises(ByteWriter& out) const;
  bool load_promises(ByteReader& in);  ///< the same of `save_promises`
  void save_idle(ByteWriter& out) const;
  bool load_idle(ByteReader& in);  ///< the same of `save_idle`. Requires: load
  void guess_idle();               ///< in its place, of a state that does not have it

 private:
  DeviceId forget(std::uint32_t id);
  void save_list(const Recency& list, ByteWriter& out) const;
  bool load_list(bool idle, ByteReader& in);  ///< idle_, or recency_

  static constexpr std::uint32_t unresolved = UINT32_MAX;
  struct Rules {
    std::string name;
    std::vector<std::string> tag_names;
    Duration out_of_order, idle, forget_after;
    Timestamp promised = time_begin;  ///< what promise_all said
  };

  std::vector<Rules> rules_;
  std::vector<std::uint32_t> source_of_;  ///< by SourceId; resolved when first asked for
  const SeriesTable& table_;
  std::vector<Clock> clocks_;  ///< by device
  Recency recency_;            ///< the devices that are not idle; a list for each source
  Recency idle_;               ///< those that are, and are not forgotten
};

}  // namespace weir
