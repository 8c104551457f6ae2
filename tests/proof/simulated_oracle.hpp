#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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
    std::uint64_t published = 0;  ///< the sum of all values
    std::uint64_t arrived = 0;    ///< of the highest revision
    std::uint64_t late = 0;       ///< of readings that came after it was told about
    std::uint64_t revision = 0;
    std::uint64_t count = 0;  ///< what the highest revision says
  };

  explicit Oracle(Duration window) : window_(window) {}

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

 private:
  std::string take_late(const SinkRecord& record);
  const Duration window_;
  std::map<Slot, Window> windows_;
  std::map<std::string, std::string> seen_;  ///< by identity; also by epoch and seq
  std::uint64_t repeated_ = 0, changed_ = 0, late_again_ = 0;
};

}  // namespace weir
