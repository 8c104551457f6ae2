#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/units.hpp"

namespace weir {

/// Ids in the order in which they were last heard of, in one or several lists; each id is in at
/// most one. Everything is O(1). Ids are small numbers: memory is 16 bytes up to the highest.
class Recency {
 public:
  explicit Recency(std::uint32_t lists);

  struct Entry {
    std::uint32_t id = 0;
    Duration seen{};
  };

  /// Puts `id` at the young end of `list`. Requires: `now` is not before that of any earlier touch
  /// of the list; `id` is in this list or in none.
  void touch(std::uint32_t list, std::uint32_t id, Duration now);
  void remove(std::uint32_t id);
  /// A hint: `id` is touched soon. See Operator::expect.
  void expect(std::uint32_t id, bool near) const {
    const std::size_t at = std::size_t{lists_} + id;
    if (at >= nodes_.size()) return;
    const Node& node = nodes_[at];
    if (!near) {
      __builtin_prefetch(&node);
    } else if (node.older != none) {
      __builtin_prefetch(&nodes_[node.older]);
      __builtin_prefetch(&nodes_[node.younger]);
    }
  }
  bool contains(std::uint32_t id) const;

  /// The one not heard of for longest; nothing if the list is empty.
  std::optional<Entry> oldest(std::uint32_t list) const;
  /// The list from old to young.
  std::vector<Entry> entries(std::uint32_t list) const;

  std::size_t memory_bytes() const { return nodes_.capacity() * sizeof(Node); }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  struct Node {
    Duration seen{};
    std::uint32_t older = none, younger = none;
  };

  void unlink(Node& node);

  std::uint32_t lists_;
  std::vector<Node> nodes_;  ///< one head for each list, which closes its ring, then the ids
};

}  // namespace weir
