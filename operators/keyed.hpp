#pragma once

#include <cstdint>
#include <vector>

#include "config/bytes.hpp"
#include "operators/reading.hpp"

namespace weir {

/// Slots of the ids an operator has seen, in the order in which it saw them.
template <class Id>
class Slots {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;
  struct Joined {
    std::uint32_t slot = 0;
    bool added = false;
  };
  Joined join(Id id) {
    if (index(id) >= slots_.size()) slots_.resize(std::size_t{index(id)} + 1, none);
    std::uint32_t& slot = slots_[index(id)];
    if (slot != none) return {slot, false};
    slot = static_cast<std::uint32_t>(ids_.size());
    ids_.push_back(id);
    return {slot, true};
  }
  std::uint32_t find(Id id) const { return index(id) < slots_.size() ? slots_[index(id)] : none; }
  const std::vector<Id>& ids() const { return ids_; }
  std::size_t memory_bytes() const {
    return slots_.capacity() * sizeof(std::uint32_t) + ids_.capacity() * sizeof(Id);
  }

 private:
  std::vector<std::uint32_t> slots_;  ///< by id
  std::vector<Id> ids_;               ///< by slot
};

using SeriesSlots = Slots<SeriesId>;

/// For each id a place somewhere, or none: found when it is first asked for.
template <class Id>
class Places {
 public:
  static constexpr std::size_t none = SIZE_MAX;

  /// `find(id)` is the place, or `none`.
  template <class Find>
  std::size_t of(Id id, const Find& find) {
    if (index(id) >= places_.size()) places_.resize(std::size_t{index(id)} + 1, unknown);
    std::size_t& place = places_[index(id)];
    if (place == unknown) place = find(id);
    return place;
  }
  std::size_t memory_bytes() const { return places_.capacity() * sizeof(std::size_t); }

 private:
  static constexpr std::size_t unknown = SIZE_MAX - 1;
  std::vector<std::size_t> places_;  ///< by id
};

/// A state for each id that was seen. `State` has `save(ByteWriter&) const` and
/// `bool load(ByteReader&)`.
template <class Id, class State>
class Keyed {
 public:
  /// Made when first asked for.
  State& operator[](Id id) {
    const auto joined = slots_.join(id);
    if (joined.added) states_.emplace_back();
    return states_[joined.slot];
  }
  const State* find(Id id) const {
    const std::uint32_t slot = slots_.find(id);
    return slot == Slots<Id>::none ? nullptr : &states_[slot];
  }

  void save(ByteWriter& out) const {
    if (states_.empty()) return;
    out.varint(states_.size());
    for (std::size_t slot = 0; slot < states_.size(); ++slot) {
      out.varint(index(slots_.ids()[slot]));
      states_[slot].save(out);
    }
  }
  /// False: these are not bytes of `save`, or speak of an id that is not below `known`.
  bool load(ByteReader& in, std::uint32_t known) {
    for (std::uint64_t left = in.count(); left > 0; --left) {
      const std::uint64_t id = in.varint();
      if (!in.ok() || id >= known) return false;
      if (!slots_.join(Id{static_cast<std::uint32_t>(id)}).added) return false;
      if (!states_.emplace_back().load(in)) return false;
    }
    return in.ok();
  }
  const std::vector<State>& states() const { return states_; }
  /// Without what the states hold beside themselves.
  std::size_t memory_bytes() const {
    return slots_.memory_bytes() + states_.capacity() * sizeof(State);
  }

 private:
  Slots<Id> slots_;
  std::vector<State> states_;  ///< by slot
};

}  // namespace weir
