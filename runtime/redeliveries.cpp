#include "runtime/redeliveries.hpp"

#include <utility>

namespace weir {

namespace {

constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio

/// Eight bytes a step, read as little-endian on every machine.
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  hash = (hash ^ text.size()) * odd;
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8 && at + i < text.size(); ++i)
      word |= std::uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
    hash = (hash ^ word) * odd;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

std::uint32_t delivery_hash(std::string_view topic, std::string_view payload) {
  const auto hash = static_cast<std::uint32_t>(mix(mix(0, topic), payload) * odd >> 32);
  return hash != 0 ? hash : 1;
}

bool Redeliveries::repeats(const Batch::Message& message) {
  const std::uint16_t id = message.ack.packet_id;
  if (id == 0) return false;
  if (message.session != session_) {
    known_.clear();
    session_ = message.session;
    new_session_ = true;
    fresh_.clear();
  }
  const Delivery delivery{id, delivery_hash(message.topic, message.payload)};
  if (message.duplicate && !known_.empty() && known_[id] == delivery.hash) return true;
  note(delivery);
  fresh_.push_back(delivery);
  return false;
}

void Redeliveries::note(const Delivery& delivery) {
  if (known_.empty()) known_.resize(65536);
  known_[delivery.packet_id] = delivery.hash;
}

void Redeliveries::take(JournalRecord& record) {
  record.new_session = std::exchange(new_session_, false);
  record.deliveries = std::exchange(fresh_, {});
}

void Redeliveries::replay(const JournalRecord& record) {
  if (record.new_session) known_.clear();
  for (const Delivery& delivery : record.deliveries) note(delivery);
}

void Redeliveries::save(ByteWriter& out) const {
  struct Run {
    std::size_t first, behind;
  };
  std::vector<Run> runs;
  for (std::size_t id = 0; id < known_.size(); ++id) {
    if (known_[id] == 0) continue;
    if (runs.empty() || runs.back().behind != id) runs.push_back({id, id});
    ++runs.back().behind;
  }
  out.varint(runs.size());
  for (const auto& [first, behind] : runs) {
    out.varint(first);
    out.varint(behind - first);
    for (std::size_t id = first; id < behind; ++id) out.fixed32(known_[id]);
  }
}

bool Redeliveries::load(ByteReader& in, bool runs) {
  for (std::uint64_t left = in.count(); left > 0; --left) {
    std::uint64_t id = in.varint();
    const std::uint64_t behind = id + (runs ? in.varint() : 1);
    if (id == 0 || behind <= id || behind > 0x10000) return false;
    for (; id < behind; ++id) {
      const std::uint32_t hash = in.fixed32();
      if (hash == 0) return false;
      note({static_cast<std::uint16_t>(id), hash});
    }
  }
  return in.ok();
}

}  // namespace weir
