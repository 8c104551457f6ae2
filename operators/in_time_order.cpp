#include "operators/in_time_order.hpp"

#include "operators/saturate.hpp"

namespace weir {

Reach reach_of(const Window& window, std::uint64_t count, Timestamp first, Timestamp last) {
  Reach reach;
  reach.between = as_seconds(saturating_difference(last, first));
  if (count < 2 || reach.between <= 0) return reach;
  const double distance = reach.between / static_cast<double>(count - 1);
  const auto held = [distance](double to_the_end) {
    return to_the_end < 1.1 * distance ? to_the_end : distance / 2;
  };
  const double before = as_seconds(saturating_difference(first, window.start));
  const double after = as_seconds(saturating_difference(window.end, last));
  reach.before = held(before);
  reach.after = held(after);
  reach.whole = reach.before == before && reach.after == after;
  return reach;
}

std::optional<double> whole_windows(const Output& result) {
  if (result.merged > 0) return result.merged;
  const Reach reach = reach_of(result.window, result.count, result.first, result.last);
  return reach.whole ? std::optional(1.0) : std::nullopt;
}

}  // namespace weir
