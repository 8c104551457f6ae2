#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.hpp"
#include "tests/proof/simulated_oracle.hpp"

namespace weir {

/// What a card that lies has cost, and whether the centre was told. It knows what weir can't: which
/// reading was acknowledged when, and which commits a start no longer finds.
class Losses {
 public:
  /// Readings are numbered from 0, in the order of their publication.
  void published(const Oracle::Slot& slot, std::uint64_t value) {
    readings_.push_back({slot, value});
  }
  void published_bad() { readings_.emplace_back(); }  ///< a message without a reading
  /// By the newest record of the journal at the latest; so many records had arrived by then.
  void acknowledged(std::span<const std::uint64_t> numbers, std::uint64_t journal_seq,
                    std::size_t arrived);
  /// A start, after `recover`. `arrived`: all that the centre has.
  void started(const Store& store, std::span<const SinkRecord> arrived);

  struct Verdict {
    std::uint64_t lost = 0;  ///< acknowledged readings that are in no result and in no late record
    std::uint64_t unseen = 0;  ///< of these: gone with their commit, of which nothing had arrived
    std::vector<std::string> silent;  ///< losses that nothing announced: sentences
  };
  Verdict judge(const Oracle& oracle, std::span<const SinkRecord> arrived) const;

 private:
  struct Reading {
    Oracle::Slot slot;
    std::uint64_t value = 0;
    bool acknowledged = false, rolled_back = false;
    std::uint64_t journal_seq = 0;  ///< it is in this record or an earlier one
    std::size_t arrived = 0;        ///< before it was acknowledged
  };
  std::vector<Reading> readings_;
  std::vector<std::size_t> known_;  ///< starts that lacked what had arrived: how much that was
};

}  // namespace weir
