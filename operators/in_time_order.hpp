#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "config/bytes.hpp"
#include "operators/output.hpp"

namespace weir {

struct Point {
  Timestamp time{};
  double value = 0;
};

/// Folds the readings of a window step by step in the order of their event time, those of the same
/// time in the order of arrival. The newest ones (`kept` to `room` of them) stand as they are and
/// take late ones between them; what is older is folded together and takes nothing any more: *a
/// reading that comes behind `kept` or more newer ones of its window may be left out*.
///
/// Fold is plain data with `step(from, to)` for two neighbours, `join(other)` for what was folded
/// elsewhere, `save` and `load`.
template <class Fold>
class InTimeOrder {
 public:
  static constexpr std::size_t room = 16, kept = 8;

  void add(const Point& point) {
    if (folded_ && point.time < points_[0].time) return;
    std::size_t at = size_++;
    for (; at > 0 && point.time < points_[at - 1].time; --at) points_[at] = points_[at - 1];
    points_[at] = point;
    if (size_ == room) fold_oldest();
  }

  /// Exact where the times of the two don't overlap, or one has not folded anything yet. Of parts
  /// that overlap, what `other` has folded counts by its first and last reading.
  void merge(const InTimeOrder& other) {
    if (other.size_ == 0) return;
    if (size_ == 0) {
      *this = other;
    } else if (last().time <= other.first().time) {
      continue_with(other);
    } else if (other.last().time < first().time) {
      const InTimeOrder later = *this;
      *this = other;
      continue_with(later);
    } else if (!other.folded_) {
      add_points(other);
    } else if (!folded_) {
      const InTimeOrder mine = *this;
      *this = other;
      add_points(mine);
    } else {
      add(other.first_);
      add_points(other);
    }
  }

  bool empty() const { return size_ == 0; }
  const Point& first() const { return folded_ ? first_ : points_[0]; }  ///< requires: not empty
  const Point& last() const { return points_[size_ - 1]; }              ///< requires: not empty

  /// All readings folded. Requires: not empty.
  Fold whole() const {
    Fold all = fold_;
    for (std::size_t i = 1; i < size_; ++i) all.step(points_[i - 1], points_[i]);
    return all;
  }

  void save(ByteWriter& out) const {
    out.u8(folded_ ? 1 : 0);
    if (folded_) {
      save_point(first_, out);
      fold_.save(out);
    }
    out.varint(size_);
    for (std::size_t i = 0; i < size_; ++i) save_point(points_[i], out);
  }
  void load(ByteReader& in) {
    folded_ = in.u8() != 0;
    if (folded_) {
      first_ = load_point(in);
      fold_.load(in);
    }
    size_ = static_cast<std::size_t>(std::min<std::uint64_t>(in.count(), room - 1));
    for (std::size_t i = 0; i < size_; ++i) points_[i] = load_point(in);
  }

 protected:
  explicit InTimeOrder(const Fold& start) : fold_(start) {}
  InTimeOrder() = default;

 private:
  void add_points(const InTimeOrder& other) {
    for (std::size_t i = 0; i < other.size_; ++i) add(other.points_[i]);
  }

  // The newest folded reading stays, as the one that the next step begins with.
  void fold_oldest() {
    if (!folded_) first_ = points_[0];
    folded_ = true;
    constexpr std::size_t gone = room - kept;
    for (std::size_t i = 0; i < gone; ++i) fold_.step(points_[i], points_[i + 1]);
    std::copy(points_.begin() + gone, points_.end(), points_.begin());
    size_ = kept;
  }

  void continue_with(const InTimeOrder& later) {
    if (!later.folded_) return add_points(later);
    const Point begin = first();
    fold_ = whole();
    fold_.step(last(), later.first());
    fold_.join(later.fold_);
    first_ = begin;
    folded_ = true;
    points_ = later.points_;
    size_ = later.size_;
  }

  static void save_point(const Point& point, ByteWriter& out) {
    out.zigzag(count_us(point.time));
    out.f64(point.value);
  }
  static Point load_point(ByteReader& in) {
    const Timestamp time = timestamp_us(in.zigzag());
    return {time, in.f64()};
  }

  Fold fold_{};
  Point first_{};  ///< of all, once something is folded
  std::array<Point, room> points_{};
  std::size_t size_ = 0;
  bool folded_ = false;
};

/// How far a window's values reach in time, in seconds: from its first reading to its last, and at
/// each end as far as the value there is taken to hold.
///
/// That is the rule by which Prometheus extrapolates (promql, extrapolatedRate): up to the end of
/// the window if it is nearer than 1.1 times the mean distance of the readings, else half of that
/// distance. So a series without gaps covers its windows whole, whatever its phase, and what a
/// device did before it came or after it died is not made up.
struct Reach {
  double before = 0, between = 0, after = 0;
  bool whole = false;  ///< the window is covered from end to end

  double all() const { return before + between + after; }
};
Reach reach_of(const Window& window, std::uint64_t count, Timestamp first, Timestamp last);

/// For means over time: of how many windows of the rollup, all covered whole, a result tells.
/// Nothing if it tells of one that is not.
std::optional<double> whole_windows(const Output& result);

}  // namespace weir
