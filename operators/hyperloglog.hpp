#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/bytes.hpp"

namespace weir {

/// How many different numbers there were: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) of
/// 1024 registers over a hash of 64 bits, with the estimator of Ertl ("New cardinality estimation
/// algorithms for HyperLogLog sketches", 2017), which is unbiased over the whole range and needs
/// only + * / and sqrt. One standard error is 1.04 / sqrt(1024) = 3.25 %. Up to `exact_most`
/// numbers the hashes themselves are kept and the answer is exact.
///
/// The hash is a fixed one-to-one mixing of the bits of the number; -0 and 0 are one number.
/// Merging is exact: parts merged in any order are the sketch of all numbers.
class HyperLogLog {
 public:
  static constexpr std::size_t exact_most = 128, registers = 1024;
  static constexpr std::size_t held_most = registers + exact_most * sizeof(std::uint64_t);

  void add(double value);
  void merge(const HyperLogLog& other);
  std::uint64_t estimate() const;

  /// Whether `text` is the hashes, each of 16 hexadecimal digits; otherwise it is the ranks, each
  /// one of the 64 characters of base64.
  bool is_exact() const { return ranks_.empty(); }
  std::string text() const;

  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  std::size_t held_bytes() const {
    return hashes_.capacity() * sizeof(std::uint64_t) + ranks_.capacity();
  }

 private:
  void add_hash(std::uint64_t hash);
  void raise(std::uint64_t hash);
  void take_registers();

  std::vector<std::uint64_t> hashes_;  ///< in ascending order, while they are few
  std::vector<std::uint8_t> ranks_;    ///< the registers; empty until then
};

}  // namespace weir
