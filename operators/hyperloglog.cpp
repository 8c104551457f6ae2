#include "operators/hyperloglog.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>

namespace weir {

namespace {

constexpr unsigned register_bits = 10;
constexpr std::size_t rank_most = 64 - register_bits + 1;
static_assert(HyperLogLog::registers == std::size_t{1} << register_bits);

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t mixed(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// Ertl's sigma, x + sum of x^(2^k) 2^(k-1), for 0 <= x < 1.
double sigma(double x) {
  double sum = x, weight = 1, before = -1;
  while (sum != before) {
    before = sum;
    x *= x;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}

/// Ertl's tau, (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3.
double tau(double x) {
  if (x <= 0 || x >= 1) return 0;
  double sum = 1 - x, weight = 1, before = -1;
  while (sum != before) {
    before = sum;
    x = std::sqrt(x);
    weight /= 2;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

}  // namespace

void HyperLogLog::add(double value) {
  // + 0.0 makes -0 into 0.
  add_hash(mixed(std::bit_cast<std::uint64_t>(value + 0.0)));
}

void HyperLogLog::add_hash(std::uint64_t hash) {
  if (!ranks_.empty()) return raise(hash);
  const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
  if (at != hashes_.end() && *at == hash) return;
  if (hashes_.size() < exact_most) {
    hashes_.insert(at, hash);
    return;
  }
  take_registers();
  raise(hash);
}

void HyperLogLog::take_registers() {
  ranks_.assign(registers, 0);
  for (const std::uint64_t hash : hashes_) raise(hash);
  hashes_ = std::vector<std::uint64_t>();  // gives its memory back
}

void HyperLogLog::raise(std::uint64_t hash) {
  std::uint8_t& rank = ranks_[hash >> (64 - register_bits)];
  // The bit behind the last one ends the count of zeros.
  const std::uint64_t rest = hash << register_bits | std::uint64_t{1} << (register_bits - 1);
  rank = std::max(rank, static_cast<std::uint8_t>(std::countl_zero(rest) + 1));
}

void HyperLogLog::merge(const HyperLogLog& other) {
  for (const std::uint64_t hash : other.hashes_) add_hash(hash);
  if (other.ranks_.empty()) return;
  if (ranks_.empty()) take_registers();
  std::transform(ranks_.begin(), ranks_.end(), other.ranks_.begin(), ranks_.begin(),
                 [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
}

std::uint64_t HyperLogLog::estimate() const {
  if (ranks_.empty()) return hashes_.size();
  std::array<std::uint32_t, rank_most + 1> with{};
  for (const std::uint8_t rank : ranks_) ++with[rank];
  constexpr double m = registers, half_ln_2_inverse = 0.72134752044448170368;
  double z = m * tau(1 - with[rank_most] / m);
  for (std::size_t rank = rank_most - 1; rank > 0; --rank) z = (z + with[rank]) / 2;
  z += m * sigma(with[0] / m);
  constexpr double most = 1e18;  // registers that are all full make it infinite
  return static_cast<std::uint64_t>(std::min(half_ln_2_inverse * m * m / z + 0.5, most));
}

std::string HyperLogLog::text() const {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t hash : hashes_) {
    for (int shift = 60; shift >= 0; shift -= 4) text += hexadecimal[(hash >> shift) & 15];
  }
  for (const std::uint8_t rank : ranks_) text += digits[rank];
  return text;
}

void HyperLogLog::save(ByteWriter& out) const {
  out.varint(hashes_.size());
  for (const std::uint64_t hash : hashes_) out.fixed64(hash);
  out.u8(ranks_.empty() ? 0 : 1);
  for (const std::uint8_t rank : ranks_) out.u8(rank);
}

void HyperLogLog::load(ByteReader& in) {
  *this = HyperLogLog();
  for (std::uint64_t left = in.count(); left > 0; --left) add_hash(in.fixed64());
  if (in.u8() == 0) return;
  if (ranks_.empty()) take_registers();
  for (std::uint8_t& rank : ranks_) rank = std::min<std::uint8_t>(in.u8(), rank_most);
}

}  // namespace weir
