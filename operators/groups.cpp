#include "operators/groups.hpp"

#include <algorithm>

#include "operators/describe.hpp"

namespace weir {

namespace {

/// Where each of `by` stands among all tags of the source.
std::vector<std::size_t> places_of(const std::vector<std::string>& by,
                                   const SourceOptions& source) {
  const std::vector<std::string> tags = all_tags(source);
  std::vector<std::size_t> places;
  for (const std::string& tag : by) {
    const auto found = std::find(tags.begin(), tags.end(), tag);
    places.push_back(static_cast<std::size_t>(found - tags.begin()));
  }
  return places;
}

}  // namespace

Groups::Groups(const std::vector<std::string>& by, const SourceOptions& source,
               const SeriesTable& table, const DeviceClocks& clocks)
    : by_(by),
      by_index_(places_of(by, source)),
      own_tags_(source.tag_names.size()),
      rows_(source, table),
      reach_(source.max_skew + source.idle),
      table_(table),
      clocks_(clocks) {
  const auto own =
      std::ranges::count_if(by_index_, [this](std::size_t place) { return place < own_tags_; });
  device_is_group_ = static_cast<std::size_t>(own) == own_tags_;
}

std::uint32_t Groups::join(DeviceId device) {
  if (!has_joined(device)) add(group_of(device), device);
  return seats_[index(device)].group;
}

bool Groups::has_tags(DeviceId device) const {
  return table_.device(device).tag_values.size() == own_tags_;
}

std::string Groups::key_of(DeviceId device) const {
  std::string key;
  ByteWriter writer(key);
  for (const std::size_t tag : by_index_) writer.text(rows_.tag(device, tag));
  return key;
}

std::vector<Tag> Groups::tags(const Group& group) const {
  std::vector<Tag> tags;
  for (std::size_t i = 0; i < by_.size(); ++i)
    tags.push_back({by_[i], std::string(rows_.tag(group.devices.front(), by_index_[i]))});
  return tags;
}

std::vector<Tag> Groups::attributes(const Group& group) const {
  if (!device_is_group_) return {};
  std::vector<Tag> attributes = row_tags(rows_, group.devices.front());
  std::erase_if(attributes, [this](const Tag& tag) {
    return std::find(by_.begin(), by_.end(), tag.name) != by_.end();
  });
  return attributes;
}

std::vector<std::uint32_t> Groups::leave(const SourceOptions& next) {
  std::vector<std::uint32_t> left;
  const std::vector<std::size_t> places = places_of(by_, next);
  const DeviceRows rows(next, table_);
  const std::size_t known = all_tags(next).size();
  const auto moves = [&](DeviceId device) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i] < known && rows.tag(device, places[i]) != rows_.tag(device, by_index_[i]))
        return true;
    }
    return false;
  };
  for (std::uint32_t group = 0; group < groups_.size(); ++group) {
    Group& from = groups_[group];
    from.left = std::ranges::all_of(from.devices, moves);
    if (from.left)
      left.push_back(group);
    else
      std::erase_if(from.devices, moves);
  }
  return left;
}

std::uint32_t Groups::group_of(DeviceId device) {
  const auto next = static_cast<std::uint32_t>(groups_.size());
  if (!device_is_group_) {
    const auto [known, added] = index_.emplace(key_of(device), next);
    if (!added) return known->second;
  }
  groups_.emplace_back();
  return next;
}

void Groups::add(std::uint32_t group_id, DeviceId device) {
  Group& group = groups_[group_id];
  const DeviceClocks::Clock clock = clocks_.clock(device);
  group.furthest = std::max(group.furthest, clock.watermark);
  const std::uint32_t leaf = group.holds.add(hold_of(clock, group));
  group.devices.push_back(device);
  drop_laggards(group);
  if (index(device) >= seats_.size()) seats_.resize(std::size_t{index(device)} + 1);
  seats_[index(device)] = {group_id, leaf};
  // A device that already sent other metrics brings its watermark along. It closes nothing: the
  // group is new, or its watermark can't rise by one more device.
  const Timestamp lowest = group.holds.lowest();
  if (lowest != HoldTree::no_hold) group.watermark = std::max(group.watermark, lowest);
}

Timestamp Groups::hold_of(const DeviceClocks::Clock& clock, const Group& group) const {
  if (clock.idle) return HoldTree::no_hold;
  const bool lags = clock.watermark < saturating_sub(group.furthest, reach_);
  return lags ? HoldTree::no_hold : clock.watermark;
}

void Groups::drop_laggards(Group& group) const {
  const Timestamp limit = saturating_sub(group.furthest, reach_);
  while (group.holds.lowest() < limit) {
    group.holds.set(group.holds.lowest_leaf(), HoldTree::no_hold);
  }
}

Groups::Group* Groups::move(DeviceId device, Effect& effect) {
  effect = Effect::none;
  if (!has_joined(device)) return nullptr;
  const Seat seat = seats_[index(device)];
  Group& group = groups_[seat.group];
  const DeviceClocks::Clock clock = clocks_.clock(device);
  group.furthest = std::max(group.furthest, clock.watermark);
  group.holds.set(seat.leaf, hold_of(clock, group));
  drop_laggards(group);
  if (group.holds.lowest() == HoldTree::no_hold) {
    if (clock.idle) effect = Effect::all_idle;
  } else if (group.holds.lowest() > group.watermark) {
    group.watermark = group.holds.lowest();
    effect = Effect::advanced;
  }
  return &group;
}

Groups::Group* Groups::forgotten(DeviceId device) {
  if (!has_joined(device)) return nullptr;
  Group& group = groups_[seats_[index(device)].group];
  // From the one that was there last, so that a group that falls silent device by device is not
  // gone through for each of them.
  for (std::size_t left = group.devices.size(); left > 0; --left) {
    if (!clocks_.clock(group.devices[group.present]).forgotten) return nullptr;
    group.present = (group.present + 1) % group.devices.size();
  }
  return &group;
}

void Groups::save(const Group& group, ByteWriter& out) const {
  out.zigzag(count_us(group.watermark));
  out.zigzag(count_us(group.furthest));
  out.varint(group.devices.size());
  for (const DeviceId device : group.devices) out.varint(index(device));
}

std::optional<std::uint32_t> Groups::load(ByteReader& in) {
  const Timestamp watermark = timestamp_us(in.zigzag());
  const Timestamp furthest = timestamp_us(in.zigzag());
  const std::uint64_t devices = in.count();
  if (!in.ok() || devices == 0) return std::nullopt;
  std::uint32_t group_id = none;
  for (std::uint64_t i = 0; i < devices; ++i) {
    const std::uint64_t id = in.varint();
    if (!in.ok() || id >= table_.mark().devices) return std::nullopt;
    const DeviceId device{static_cast<std::uint32_t>(id)};
    if (has_joined(device) || !has_tags(device)) return std::nullopt;
    const std::uint32_t group = group_of(device);
    const bool known = group + 1 != groups_.size() || !groups_[group].devices.empty();
    if (i == 0 ? known : group != group_id) return std::nullopt;
    group_id = group;
    // What the group knew of its furthest device decides which of its devices hold it.
    groups_[group_id].furthest = furthest;
    add(group_id, device);
  }
  groups_[group_id].watermark = watermark;
  return group_id;
}

std::size_t Groups::memory_bytes() const {
  std::size_t bytes = seats_.capacity() * sizeof(Seat) + groups_.capacity() * sizeof(Group);
  for (const Group& group : groups_) {
    bytes += group.holds.memory_bytes() + group.devices.capacity() * sizeof(DeviceId) +
             group.cells.capacity() * sizeof(std::uint32_t);
  }
  for (const auto& [key, group] : index_) bytes += key.capacity() + 64;
  return bytes;
}

}  // namespace weir
