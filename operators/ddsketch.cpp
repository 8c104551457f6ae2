#include "operators/ddsketch.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace weir {

namespace {

constexpr double smallest = std::numeric_limits<double>::min();
constexpr std::int32_t block = BucketCounts::block;
// Far beyond any bucket of a double, and far from the ends of the type: for damaged bytes.
constexpr std::int64_t furthest = std::int64_t{1} << 30;

/// ln((1 + a) / (1 - a)) by its series 2 (a + a^3/3 + a^5/5 + …): the same bits everywhere.
double log_of_ratio(double a) {
  double sum = 0, power = a;
  for (int k = 1; k < 60; k += 2) {
    sum += power / k;
    power *= a * a;
  }
  return 2 * sum;
}

constexpr std::int32_t block_of(std::int32_t bucket) {
  return bucket & ~(block - 1);
}

}  // namespace

// The cubic climbs by at least 10/7 for each unit of ln(x); the logarithm would by 1/ln(2). The
// last factor makes up for rounding.
BucketMapping::BucketMapping(double relative_error)
    : steps_an_octave_(0.7 / log_of_ratio(relative_error) * (1 + 1e-9)) {}

std::int32_t BucketMapping::bucket(double value) const {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<std::int32_t>(bits >> 52) - 1023;
  constexpr std::uint64_t mantissa = (std::uint64_t{1} << 52) - 1, one = std::uint64_t{1023} << 52;
  const double s = std::bit_cast<double>((bits & mantissa) | one) - 1;
  const double octaves = exponent + ((6.0 / 35 * s - 3.0 / 5) * s + 10.0 / 7) * s;
  const double steps = octaves * steps_an_octave_;
  const auto whole = static_cast<std::int32_t>(steps);
  return steps < whole ? whole - 1 : whole;
}

// By bisection over the bits of a double, which are in the order of their values: the bounds are
// those of `bucket`, rounding and all.
double BucketMapping::lower_bound(std::int32_t wanted) const {
  auto low = std::bit_cast<std::uint64_t>(smallest);
  auto high = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::max());
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (bucket(std::bit_cast<double>(middle)) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return std::bit_cast<double>(low);
}

double BucketMapping::value(std::int32_t bucket) const {
  const double lower = lower_bound(bucket), upper = lower_bound(bucket + 1);
  return lower * (2 / (1 + lower / upper));
}

void BucketCounts::add(std::int32_t bucket, std::uint64_t count) {
  if (counts_.empty()) {
    first_ = block_of(bucket);
    highest_ = bucket;
  }
  if (bucket > highest_) {
    highest_ = bucket;
    if (first_ < highest_ - (most - 1)) collapse_below(highest_ - (most - 1));
  }
  bucket = std::max(bucket, highest_ - (most - 1));
  if (bucket < first_ || static_cast<std::size_t>(bucket - first_) >= counts_.size()) cover(bucket);
  counts_[static_cast<std::size_t>(bucket - first_)] += count;
}

void BucketCounts::cover(std::int32_t bucket) {
  const std::int32_t first = std::min(first_, block_of(bucket));
  const auto before = static_cast<std::size_t>(first_ - first);
  const auto size =
      std::max(counts_.size() + before, static_cast<std::size_t>(block_of(bucket) + block - first));
  if (size > counts_.capacity())
    counts_.reserve(std::max(size, std::min(2 * counts_.capacity(), held_most)));
  counts_.insert(counts_.begin(), before, 0);
  counts_.resize(size);
  first_ = first;
}

void BucketCounts::collapse_below(std::int32_t bucket) {
  const auto size = static_cast<std::int32_t>(counts_.size());
  const auto until = [&](std::int32_t end) {
    return counts_.begin() + std::clamp(end - first_, 0, size);
  };
  std::uint64_t sum = 0;
  for (auto count = counts_.begin(); count != until(bucket); ++count) {
    sum += *count;
    *count = 0;
  }
  counts_.erase(counts_.begin(), until(block_of(bucket)));
  first_ = block_of(bucket);
  cover(bucket);
  counts_[static_cast<std::size_t>(bucket - first_)] += sum;
}

void BucketCounts::merge(const BucketCounts& other) {
  for (std::size_t i = other.counts_.size(); i > 0; --i) {
    if (other.counts_[i - 1] == 0) continue;
    add(other.first_ + static_cast<std::int32_t>(i - 1), other.counts_[i - 1]);
  }
}

std::uint64_t BucketCounts::total() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts_) sum += count;
  return sum;
}

std::int32_t BucketCounts::at_rank(std::uint64_t rank) const {
  std::size_t i = 0;
  for (; i < counts_.size() && rank >= counts_[i]; ++i) rank -= counts_[i];
  return first_ + static_cast<std::int32_t>(i);
}

std::string BucketCounts::text() const {
  std::string text;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    if (!text.empty()) text += ' ';
    text +=
        std::to_string(first_ + static_cast<std::int64_t>(i)) + ':' + std::to_string(counts_[i]);
  }
  return text;
}

void BucketCounts::save(ByteWriter& out) const {
  out.varint(counts_.size() - static_cast<std::size_t>(
                                  std::count(counts_.begin(), counts_.end(), std::uint64_t{0})));
  std::int64_t before = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const std::int64_t bucket = first_ + static_cast<std::int64_t>(i);
    out.zigzag(bucket - before);
    out.varint(counts_[i]);
    before = bucket;
  }
}

void BucketCounts::load(ByteReader& in) {
  *this = BucketCounts();
  std::int64_t bucket = 0;
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const std::int64_t step = std::clamp(in.zigzag(), -furthest, furthest);
    bucket = std::clamp(bucket + step, -furthest, furthest);
    if (const std::uint64_t count = in.varint(); count > 0) {
      add(static_cast<std::int32_t>(bucket), count);
    }
  }
}

void DDSketch::add(double value) {
  lowest_ = std::min(lowest_, value + 0.0);  // -0 becomes 0: it may be either way around, merged
  highest_ = std::max(highest_, value + 0.0);
  if (value >= smallest)
    positive_.add(mapping_.bucket(value), 1);
  else if (value <= -smallest)
    negative_.add(mapping_.bucket(-value), 1);
  else
    ++zeros_;
}

void DDSketch::merge(const DDSketch& other) {
  lowest_ = std::min(lowest_, other.lowest_);
  highest_ = std::max(highest_, other.highest_);
  zeros_ += other.zeros_;
  positive_.merge(other.positive_);
  negative_.merge(other.negative_);
}

std::uint64_t DDSketch::count() const {
  return negative_.total() + zeros_ + positive_.total();
}

double DDSketch::quantile(std::uint64_t millionths) const {
  constexpr std::uint64_t million = 1'000'000;
  const std::uint64_t below = negative_.total(), last = below + zeros_ + positive_.total() - 1;
  // floor(last * millionths / million) without overflow.
  const std::uint64_t rank = last / million * millionths + last % million * millionths / million;
  double found = 0;
  if (rank < below)
    found = -mapping_.value(negative_.at_rank(below - 1 - rank));
  else if (rank >= below + zeros_)
    found = mapping_.value(positive_.at_rank(rank - below - zeros_));
  return std::max(lowest_, std::min(found, highest_));
}

void DDSketch::ship(std::vector<Field>& out) const {
  out.push_back({"quantiles_steps", mapping_.steps_an_octave()});
  out.push_back({"quantiles_lowest", lowest_});
  out.push_back({"quantiles_highest", highest_});
  out.push_back({"quantiles_zeros", static_cast<std::int64_t>(zeros_)});
  out.push_back({"quantiles_positive", positive_.text()});
  out.push_back({"quantiles_negative", negative_.text()});
}

void DDSketch::save(ByteWriter& out) const {
  out.f64(lowest_);
  out.f64(highest_);
  out.varint(zeros_);
  negative_.save(out);
  positive_.save(out);
}

void DDSketch::load(ByteReader& in) {
  lowest_ = in.f64();
  highest_ = in.f64();
  zeros_ = in.varint();
  negative_.load(in);
  positive_.load(in);
}

}  // namespace weir
