#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/outbox.hpp"

namespace weir {

/// A stretch of the backlog with its rollups merged into coarser windows: what to write, and what
/// it saves. Each merged result takes the seq of the last one it stands for, so that the order of
/// the lane and the position stay true.
struct Coarsening {
  std::uint64_t last = 0;  ///< the last seq that was looked at; 0: there was none
  std::size_t rows = 0;    ///< looked at
  std::vector<std::pair<std::uint64_t, std::string>> replaced;  ///< seq and body, not sealed yet
  std::vector<std::uint64_t> removed;                           ///< merged into one of those
  std::vector<std::uint64_t> superseded;  ///< a later revision of the same window stood behind it
  std::optional<Window> windows;          ///< hull of what was merged
  std::uint64_t cost = 0;                 ///< bytes of pages that writing it takes

  bool empty() const { return replaced.empty() && superseded.empty(); }
  bool worthwhile() const { return 4 * (removed.size() + superseded.size()) >= rows; }
  void leave();  ///< nothing is to be written after all
};

/// How much one coarsening looks at, and how many results it holds in memory at once.
struct CoarseningLimits {
  std::size_t rows = 65'536;
  std::size_t groups = 32'768;
  std::uint64_t bytes = 0;
  Timestamp before{};  ///< what was inserted then or later may still be revised
};

/// Reads; changes nothing. Entries that can't be merged (other kinds, aggregates that don't allow
/// it, revisions of a window that is elsewhere, damaged ones) are left as they are.
Result<Coarsening> coarsen_backlog(Outbox& outbox, std::uint64_t after,
                                   const CoarseningLimits& limits);

}  // namespace weir
