#pragma once

#include <cstdint>
#include <vector>

#include "operators/reading.hpp"
#include "operators/saturate.hpp"

namespace weir {

/// The newest readings of one series in the order of their time, in blocks, with what has been
/// folded of them; plain data, kept by the rollup of look-backs (window_trailing.cpp).
///
/// Two stacks (as for a queue with a minimum; Tangwongsan, Hirzel, Schneider 2015 have the history)
/// a block at a time: each block of the front knows the sum of all readings from it to the end of
/// the front, and what came since is summed as it comes. So a look-back is the few readings of the
/// block that it cuts through, and two sums.
template <class Sum>
struct Trail {
  static constexpr std::size_t block_readings = 8;

  struct Kept {
    Timestamp time{};
    double value = 0;
    Quality quality = Quality::good;
    bool late = false;  ///< it was behind the watermark when it came
  };
  struct Block {
    std::vector<Kept> readings;
    Sum* suffix = nullptr;  ///< of the front: this and all front blocks behind it
  };

  std::vector<Block> blocks;
  std::size_t front = 0;             ///< how many blocks belong to the front
  std::size_t size = 0;              ///< readings in all blocks
  Sum* back = nullptr;               ///< the sum of the blocks behind the front
  Timestamp forgotten = time_begin;  ///< readings up to this are not there any more
  Window told{};                     ///< of the last look-back that was emitted
  std::uint32_t next_revision = 0;

  bool empty() const { return blocks.empty(); }
  Timestamp newest() const { return blocks.back().readings.back().time; }
};

}  // namespace weir
