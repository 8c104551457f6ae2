#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/bytes.hpp"
#include "operators/device_clocks.hpp"
#include "operators/enrichment.hpp"
#include "operators/hold_tree.hpp"
#include "operators/options.hpp"
#include "operators/series.hpp"

namespace weir {

/// The groups of devices of one rollup and their watermarks.
///
/// *Group watermark*: the lowest watermark of the devices that hold the group; it never goes back.
/// An idle device does not hold; nor does one that is further behind the furthest of the group than
/// `max_skew + idle`: it has a wrong clock or drains a backlog. (A right device is at most `idle`
/// behind a right clock and a wrong one at most `max_skew` ahead of it, so a device that runs ahead
/// never puts the right ones out.) With nobody holding, the group watermark stays.
class Groups {
 public:
  struct Group {
    Timestamp watermark = time_begin;
    Timestamp furthest = time_begin;   ///< the highest watermark any device of it ever had
    Timestamp closed = time_begin;     ///< the rollup's: windows up to here are closed for good
    Timestamp passed = time_begin;     ///< the rollup's: so far a shorter lateness let windows go
    Timestamp next_event = time_end;   ///< the rollup's: when a window completes or goes next
    HoldTree holds;                    ///< a leaf a device
    std::vector<DeviceId> devices;     ///< in the order of joining; the first names the group
    std::vector<std::uint32_t> cells;  ///< the rollup's: a metric each
    std::size_t present = 0;           ///< the place of a device that was not forgotten when asked
    bool left = false;                 ///< all its devices are in others from now on
  };

  /// All but the options outlive it.
  Groups(const std::vector<std::string>& by, const SourceOptions& source, const SeriesTable& table,
         const DeviceClocks& clocks);

  /// The group of a device, which joins it if it has not.
  std::uint32_t join(DeviceId device);

  /// What the move of a device does to its group.
  enum class Effect { none, advanced, all_idle };
  /// The device's clock moved or it became idle. Null: it is in no group.
  Group* move(DeviceId device, Effect& effect);

  /// The group of a device that was forgotten, if the others of it are, too.
  Group* forgotten(DeviceId device);

  Group& operator[](std::uint32_t group) { return groups_[group]; }
  const Group& operator[](std::uint32_t group) const { return groups_[group]; }
  std::vector<Group>& all() { return groups_; }
  const std::vector<Group>& all() const { return groups_; }
  std::vector<Tag> tags(const Group& group) const;
  /// What the dimension table says of the device of a group that is one device and no more.
  std::vector<Tag> attributes(const Group& group) const;

  /// The dimension table becomes that of `next`: devices whose tags are others there leave their
  /// groups. Returns those that all have left. Nothing may follow but saving the others.
  std::vector<std::uint32_t> leave(const SourceOptions& next);

  void save(const Group& group, ByteWriter& out) const;
  /// The next group that `save` wrote; nothing if it is none.
  std::optional<std::uint32_t> load(ByteReader& in);
  std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  /// Where a device stands.
  struct Seat {
    std::uint32_t group = none, leaf = 0;
  };

  bool has_joined(DeviceId device) const {
    return index(device) < seats_.size() && seats_[index(device)].group != none;
  }
  bool has_tags(DeviceId device) const;
  std::string key_of(DeviceId device) const;
  std::uint32_t group_of(DeviceId device);
  void add(std::uint32_t group, DeviceId device);
  Timestamp hold_of(const DeviceClocks::Clock& clock, const Group& group) const;
  void drop_laggards(Group& group) const;

  std::vector<std::string> by_;
  std::vector<std::size_t> by_index_;  ///< places of `by` among all tags of the source
  std::size_t own_tags_;               ///< of the source, without the dimension table
  bool device_is_group_;               ///< no two devices share one: no look-up is needed
  DeviceRows rows_;
  Duration reach_;
  const SeriesTable& table_;
  const DeviceClocks& clocks_;
  std::vector<Seat> seats_;  ///< by device
  std::vector<Group> groups_;
  std::map<std::string, std::uint32_t> index_;  ///< unused where a device is a group
};

}  // namespace weir
