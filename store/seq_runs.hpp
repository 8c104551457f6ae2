#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// Which seqs of the outbox were given out: a stretch for each start of weir, with a jump of random
/// length before it. A disk that loses what it had synced, or is put back, makes weir give out seqs
/// once more; but behind another jump, so that a seq the peer has heard of and this database never
/// gave out gives the loss away, however many starts later.
class SeqRuns {
 public:
  /// Of what `text` wrote; nothing if it is not that.
  static std::optional<SeqRuns> parse(std::string_view text);
  std::string text() const;

  /// A start of weir: the newest run ended with `last`, the next begins after `jump` more. Returns
  /// its first seq. The first of all begins at 1. What was given out behind `last` is lost.
  std::uint64_t begin(std::uint64_t last, std::uint64_t jump);

  /// The newest run begins behind this one; 0: it is the first.
  std::uint64_t before() const { return runs_.empty() ? 0 : runs_.back().first - 1; }

  /// The highest seq up to `seq` that was given out, the newest run being open; 0: there is none.
  /// What is older than the runs that are kept counts as given out.
  std::uint64_t issued_up_to(std::uint64_t seq) const;
  /// The last seq in common with a peer that has heard of `heard`, if it has heard of any that was
  /// not given out. Of the newest run that is what is beyond everything in `sent`.
  std::optional<std::uint64_t> fork(std::span<const std::uint64_t> heard,
                                    std::span<const std::uint64_t> sent) const;

 private:
  static constexpr std::size_t kept = 64;
  struct Run {
    std::uint64_t first = 0, last = 0;
  };
  std::vector<Run> runs_;  ///< ascending; the last of the newest is not known
};

}  // namespace weir
