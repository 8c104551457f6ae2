#pragma once

#include <algorithm>
#include <vector>

#include "operators/saturate.hpp"

namespace weir {

/// The lowest of many watermarks that move one at a time: a tournament tree. `set` climbs only
/// while the minimum of a subtree changes, two levels on average. A single leaf needs no memory.
class HoldTree {
 public:
  /// A leaf that holds nobody back: of an idle device.
  static constexpr Timestamp no_hold = time_end;

  /// Adds a leaf; they are numbered 0, 1, 2 …
  std::uint32_t add(Timestamp value) {
    const std::uint32_t leaf = leaves_++;
    if (leaves_ == 1) {
      lowest_ = value;
      return leaf;
    }
    if (leaves_ > capacity()) grow();
    set(leaf, value);
    return leaf;
  }

  void set(std::uint32_t leaf, Timestamp value) {
    if (leaves_ == 1) {
      lowest_ = value;
      return;
    }
    std::size_t at = capacity() + leaf;
    nodes_[at] = value;
    while (at > 1) {
      at /= 2;
      const Timestamp lower = std::min(nodes_[2 * at], nodes_[2 * at + 1]);
      if (nodes_[at] == lower) return;
      nodes_[at] = lower;
    }
    lowest_ = nodes_[1];
  }

  /// `no_hold` if no leaf holds. Requires: at least one leaf.
  Timestamp lowest() const { return lowest_; }
  /// A leaf whose value is the lowest.
  std::uint32_t lowest_leaf() const {
    if (leaves_ == 1) return 0;
    std::size_t at = 1;
    while (at < capacity()) at = nodes_[2 * at] == nodes_[at] ? 2 * at : 2 * at + 1;
    return static_cast<std::uint32_t>(at - capacity());
  }

  std::size_t memory_bytes() const { return nodes_.capacity() * sizeof(Timestamp); }

 private:
  std::size_t capacity() const { return nodes_.size() / 2; }

  void grow() {
    const std::size_t old = capacity(), now = std::max<std::size_t>(2, 2 * old);
    std::vector<Timestamp> nodes(2 * now, no_hold);
    if (old == 0) nodes[now] = lowest_;
    for (std::size_t leaf = 0; leaf < old; ++leaf) nodes[now + leaf] = nodes_[old + leaf];
    for (std::size_t at = now - 1; at > 0; --at) {
      nodes[at] = std::min(nodes[2 * at], nodes[2 * at + 1]);
    }
    nodes_ = std::move(nodes);
    lowest_ = nodes_[1];
  }

  Timestamp lowest_ = no_hold;
  std::uint32_t leaves_ = 0;
  std::vector<Timestamp> nodes_;  ///< root at 1, children of i at 2i and 2i + 1; empty for one leaf
};

}  // namespace weir
