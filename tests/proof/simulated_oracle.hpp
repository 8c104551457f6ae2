#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/reading.hpp"
#include "runtime/sink.hpp"

namespace weir {

/// Value of a header, empty if there is none.
std::string header(const SinkRecord& record, std::string_view name);

/// What was published, and what arrived of it. The k-th reading of a device in a window has the
/// value 2^k: the sum of a window names the readings in it, so that a value that is wrong, missing
/// or counted twice shows by itself.
class Oracle {
 public:
  using Slot = std::pair<std::string, std::int64_t>;  ///< device and start of the window, in us
  struct Window {
    std::vector<Timestamp> times;  ///< of the readings: those of 1, 2, 4 …
    std::uint64_t published = 0;   ///< the sum of all values
    std::uint64_t arrived = 0;     ///< of the highest revision
    std::uint64_t revision = 0;
    std::uint64_t count = 0;     ///< what the highest revision says
    std::uint64_t due_late = 0;  ///< the sum of what was published when it was closed for good
    std::uint64_t late = 0;      ///< of what arrived as late
    bool late_twice = false;

    /// The first and the last value of those readings, by event time.
    std::pair<std::uint64_t, std::uint64_t> ends(std::uint64_t sum) const;
  };

  Oracle(Duration window, Duration lateness) : window_(window), lateness_(lateness) {}

  /// The value of the next reading of that device and time; nothing: the window has enough.
  std::optional<std::uint64_t> next(const std::string& device, Timestamp time);
  /// Holds a delivered record against what was published. Returns what is wrong with it, or
  /// nothing.
  std::string take(const SinkRecord& record);
  /// Whether what a record says can be true: readings that were published, each once at most.
  /// Returns what is wrong, or nothing.
  std::string check(const SinkRecord& record) const;
  Slot slot_at(const std::string& device, Timestamp time) const;
  const std::map<Slot, Window>& windows() const { return windows_; }
  std::uint64_t repeated() const { return repeated_; }      ///< the same bytes under another seq
  std::uint64_t changed() const { return changed_; }        ///< other bytes under the same identity
  std::uint64_t late_again() const { return late_again_; }  ///< late readings told twice
  /// Alerts of one device are raised and cleared in turn; how often it was otherwise.
  std::uint64_t out_of_turn() const { return out_of_turn_; }

 private:
  const Duration window_, lateness_;
  std::map<std::string, Timestamp> newest_;  ///< by device
  std::map<Slot, Window> windows_;
  std::map<std::string, std::string> seen_;    ///< by identity; also by epoch and seq
  std::map<std::string, std::string> raised_;  ///< by device: since when an alert is on
  std::uint64_t repeated_ = 0, changed_ = 0, late_again_ = 0, out_of_turn_ = 0;
};

}  // namespace weir
