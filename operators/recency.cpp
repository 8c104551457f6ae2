#include "operators/recency.hpp"

namespace weir {

Recency::Recency(std::uint32_t lists) : lists_(lists), nodes_(lists) {
  for (std::uint32_t head = 0; head < lists; ++head) {
    nodes_[head].older = nodes_[head].younger = head;
  }
}

void Recency::touch(std::uint32_t list, std::uint32_t id, Duration now) {
  const std::uint32_t at = lists_ + id;
  if (at >= nodes_.size()) nodes_.resize(std::size_t{at} + 1);
  Node& node = nodes_[at];
  if (node.older != none) {
    // Heard of at this very moment already: its place is right, and its neighbours stay untouched.
    if (node.seen == now) return;
    unlink(node);
  }
  Node& head = nodes_[list];
  node = {now, head.older, list};
  nodes_[head.older].younger = at;
  head.older = at;
}

void Recency::remove(std::uint32_t id) {
  if (!contains(id)) return;
  Node& node = nodes_[lists_ + id];
  unlink(node);
  node.older = node.younger = none;
}

bool Recency::contains(std::uint32_t id) const {
  return std::size_t{lists_} + id < nodes_.size() && nodes_[lists_ + id].older != none;
}

std::optional<Recency::Entry> Recency::oldest(std::uint32_t list) const {
  const std::uint32_t at = nodes_[list].younger;
  if (at == list) return std::nullopt;
  return Entry{at - lists_, nodes_[at].seen};
}

std::vector<Recency::Entry> Recency::entries(std::uint32_t list) const {
  std::vector<Entry> entries;
  for (std::uint32_t at = nodes_[list].younger; at != list; at = nodes_[at].younger) {
    entries.push_back({at - lists_, nodes_[at].seen});
  }
  return entries;
}

void Recency::unlink(Node& node) {
  nodes_[node.older].younger = node.younger;
  nodes_[node.younger].older = node.older;
}

}  // namespace weir
