#pragma once

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "runtime/uplink.hpp"
#include "store/store.hpp"

namespace weir {

/// An outbox in memory: one sequence for all lanes, as the store has it. Any thread.
class FakeOutbox : public OutboxReader {
 public:
  /// Adds a small rollup that is told apart by its metric, "m<seq>"; returns its seq.
  std::uint64_t add(Lane lane);
  std::uint64_t add(Lane lane, Output output);
  void damage(std::uint64_t seq);  ///< its CRC fails from now on
  /// The next reads fail, with an error of this kind.
  void fail_reads(std::size_t count, ErrorKind kind = ErrorKind::unavailable);
  /// What the engine does with feedback at a commit.
  void apply(const Uplink::Feedback& feedback);
  std::size_t size() const;
  std::size_t reads() const;

  Result<std::vector<OutboxEntry>> read(Lane lane, std::uint64_t after, std::size_t max_entries,
                                        Bytes max_bytes,
                                        std::vector<std::uint64_t>& damaged) override;
  Result<std::size_t> entries_up_to(Lane lane, std::uint64_t seq, std::size_t limit) override;

 private:
  mutable std::mutex mutex_;
  std::array<std::map<std::uint64_t, OutboxEntry>, lane_count> lanes_;
  std::set<std::uint64_t> damaged_;
  std::uint64_t last_seq_ = 0;
  std::size_t failing_reads_ = 0, reads_ = 0;
  ErrorKind failure_ = ErrorKind::unavailable;
};

/// A rollup of one window, complete enough to be a record.
Output sample_output(const std::string& metric, const std::string& topic = "rollups");

}  // namespace weir
