#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "config/bytes.hpp"
#include "operators/output.hpp"

namespace weir {

/// Values x > 0 sorted into buckets whose bounds lie a factor of at most (1 + a) / (1 - a) apart,
/// so that one value for the whole bucket is wrong by no more than the part `a` of any in it.
///
/// Buckets are equal steps of log2(x), with the logarithm of the mantissa replaced by the cubic of
/// Masson and Lee (sketches-java, CubicallyInterpolatedMapping), which costs one bucket in a
/// hundred. It needs no more than + * and a conversion, so every machine finds the same bucket; the
/// last bit of a library's log() differs from one to the next.
class BucketMapping {
 public:
  /// Requires: 0.001 <= relative_error <= 0.2.
  explicit BucketMapping(double relative_error);

  /// Of a positive normal number.
  std::int32_t bucket(double value) const;
  /// What stands for all values of the bucket: equally far, as a part of each, from both bounds.
  double value(std::int32_t bucket) const;
  double steps_an_octave() const { return steps_an_octave_; }

 private:
  double lower_bound(std::int32_t bucket) const;

  double steps_an_octave_;
};

/// How many values fell into each bucket, for at most `most` neighbouring buckets. Beyond that the
/// lowest ones become one: what lies below the highest bucket by more counts as that bound.
class BucketCounts {
 public:
  static constexpr std::int32_t most = 2048;
  static constexpr std::int32_t block = 8;  ///< what memory is taken for at once; a power of two
  static constexpr std::size_t held_most = most + 2 * block;  ///< counts

  void add(std::int32_t bucket, std::uint64_t count);
  void merge(const BucketCounts& other);

  std::uint64_t total() const;
  /// The bucket of the value with `rank` values below it. Requires: rank < total().
  std::int32_t at_rank(std::uint64_t rank) const;

  /// "12:3 14:1": buckets that hold anything, in ascending order, and how many.
  std::string text() const;
  /// Buckets that hold anything, in ascending order; the same for equal contents.
  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  std::size_t held_bytes() const { return counts_.capacity() * sizeof(std::uint64_t); }

 private:
  void cover(std::int32_t bucket);
  void collapse_below(std::int32_t bucket);

  std::vector<std::uint64_t> counts_;
  std::int32_t first_ = 0, highest_ = 0;  ///< of counts_; of those that hold anything
};

/// Quantiles with a bounded relative error: DDSketch (Masson, Rim, Lee, VLDB 2019), for values of
/// both signs and zero. Merging is exact: parts merged in any order are the sketch of all values.
///
/// The error holds for every quantile as long as the values of one sign span no more than
/// BucketCounts::most buckets: a factor of 10^17 at an error of 1 %, of 60 at 0.1 %. Beyond that
/// the quantiles nearest to zero lose it, on both sides; those of large magnitude keep it. A
/// magnitude below 2.3e-308 counts as zero.
class DDSketch {
 public:
  explicit DDSketch(double relative_error) : mapping_(relative_error) {}

  void add(double value);
  void merge(const DDSketch& other);

  std::uint64_t count() const;
  /// The quantile `millionths` / 1e6 in the paper's definition: of n values in ascending order the
  /// one at floor(q (n - 1)), counted from 0 (of an even number the median is the lower of the two
  /// in the middle). Never beyond the lowest and the highest value. Requires: count() > 0.
  double quantile(std::uint64_t millionths) const;

  void ship(std::vector<Field>& out) const;  ///< as Accumulator::ship
  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  std::size_t held_bytes() const { return positive_.held_bytes() + negative_.held_bytes(); }

 private:
  BucketMapping mapping_;
  std::uint64_t zeros_ = 0;
  double lowest_ = std::numeric_limits<double>::infinity();
  double highest_ = -std::numeric_limits<double>::infinity();
  BucketCounts positive_, negative_;  ///< by magnitude
};

}  // namespace weir
