#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "operators/ddsketch.hpp"
#include "operators/hyperloglog.hpp"
#include "tests/operators/rig.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using weir::test::Seeded;

namespace {

using Values = std::vector<double>;

/// 0 < x < 1
double uniform(Seeded& seeded) {
  return (static_cast<double>(seeded.next() >> 12) + 0.5) / static_cast<double>(1ULL << 52);
}
double exponential(Seeded& seeded) {
  return -std::log(uniform(seeded));
}
double normal(Seeded& seeded) {
  return std::sqrt(2 * exponential(seeded)) * std::cos(6.283185307179586 * uniform(seeded));
}

struct Distribution {
  const char* name;
  double (*draw)(Seeded& seeded, std::size_t i);
};

constexpr Distribution distributions[] = {
    {"constant", [](Seeded&, std::size_t) { return 21.5; }},
    {"zero", [](Seeded&, std::size_t i) { return i % 2 == 0 ? 0.0 : -0.0; }},
    {"ascending", [](Seeded&, std::size_t i) { return static_cast<double>(i); }},
    {"descending", [](Seeded&, std::size_t i) { return 1e6 - static_cast<double>(i); }},
    {"uniform", [](Seeded& seeded, std::size_t) { return uniform(seeded) * 100; }},
    {"uniform around zero", [](Seeded& seeded, std::size_t) { return uniform(seeded) * 2 - 1; }},
    {"room temperature", [](Seeded& seeded, std::size_t) { return 21 + 0.3 * normal(seeded); }},
    {"normal around zero", [](Seeded& seeded, std::size_t) { return 5 * normal(seeded); }},
    {"normal, far below zero", [](Seeded& seeded, std::size_t) { return normal(seeded) - 1e4; }},
    {"exponential", [](Seeded& seeded, std::size_t) { return exponential(seeded); }},
    {"exponential, negative", [](Seeded& seeded, std::size_t) { return -exponential(seeded); }},
    {"laplace",
     [](Seeded& seeded, std::size_t) { return exponential(seeded) - exponential(seeded); }},
    {"lognormal", [](Seeded& seeded, std::size_t) { return std::exp(normal(seeded)); }},
    {"lognormal, wide", [](Seeded& seeded, std::size_t) { return std::exp(3 * normal(seeded)); }},
    {"pareto", [](Seeded& seeded, std::size_t) { return 1 / uniform(seeded); }},
    {"weibull", [](Seeded& seeded, std::size_t) { return std::pow(exponential(seeded), 2.5); }},
    {"two modes",
     [](Seeded& seeded, std::size_t i) { return (i % 3 == 0 ? 1000 : 1) + 0.1 * normal(seeded); }},
    {"switch", [](Seeded& seeded, std::size_t) { return seeded.below(10) == 0 ? 1.0 : 0.0; }},
    {"whole numbers",
     [](Seeded& seeded, std::size_t) { return static_cast<double>(seeded.below(256)); }},
    {"zeros with peaks",
     [](Seeded& seeded, std::size_t) { return seeded.below(5) > 0 ? 0 : 1e3 * normal(seeded); }},
    {"powers of ten",
     [](Seeded& seeded, std::size_t) {
       return std::pow(10.0, static_cast<double>(seeded.between(-7, 7)));
     }},
    {"sine", [](Seeded&, std::size_t i) { return 230 * std::sin(static_cast<double>(i) / 17); }},
};
constexpr std::size_t sizes[] = {3, 10, 31, 100, 316, 1000, 10'000, 100'000};
constexpr std::uint64_t millionths[] = {1,       1'000,   10'000,  50'000,  250'000, 500'000,
                                        750'000, 950'000, 990'000, 999'000, 999'999};

std::string saved(const auto& sketch) {
  std::string bytes;
  ByteWriter writer(bytes);
  sketch.save(writer);
  return bytes;
}

Values drawn(const Distribution& distribution, std::size_t size, Seeded& seeded) {
  Values values;
  for (std::size_t i = 0; i < size; ++i) values.push_back(distribution.draw(seeded, i));
  return values;
}

/// The worst relative error of all quantiles asked for; infinite where 0 is not told as 0.
double worst_error(const DDSketch& sketch, Values values) {
  std::sort(values.begin(), values.end());
  double worst = 0;
  for (const std::uint64_t q : millionths) {
    const double exact = values[q * (values.size() - 1) / 1'000'000];
    const double off = std::fabs(sketch.quantile(q) - exact);
    if (off > 0) worst = std::max(worst, off / std::fabs(exact));
  }
  return worst;
}

/// The values dealt to so many parts, which are then merged in a random order and pairing.
DDSketch merged_of_parts(const Values& values, double relative_error, Seeded& seeded) {
  std::vector<DDSketch> parts(2 + seeded.below(9), DDSketch(relative_error));
  for (const double value : values) parts[seeded.below(parts.size())].add(value);
  while (parts.size() > 1) {
    const std::size_t from = seeded.below(parts.size());
    DDSketch part = std::move(parts[from]);
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(from));
    parts[seeded.below(parts.size())].merge(part);
  }
  return std::move(parts[0]);
}

}  // namespace

TEST_CASE("no quantile is further off than the configured part of it, alone and merged") {
  Seeded seeded(11);
  for (const Distribution& distribution : distributions) {
    for (const std::size_t size : sizes) {
      for (const double relative_error : {0.01, 0.05}) {
        CAPTURE(distribution.name, size, relative_error);
        const Values values = drawn(distribution, size, seeded);
        DDSketch sketch(relative_error);
        for (const double value : values) sketch.add(value);
        REQUIRE(sketch.count() == size);
        CHECK(worst_error(sketch, values) <= relative_error);
        for (int round = 0; round < 3; ++round) {
          REQUIRE(saved(merged_of_parts(values, relative_error, seeded)) == saved(sketch));
        }
      }
    }
  }
}

TEST_CASE("the error holds at the bounds of every bucket and at the ends of what a double can be") {
  constexpr double least = std::numeric_limits<double>::min();
  constexpr double most = std::numeric_limits<double>::max();
  for (const double relative_error : {0.001, 0.01, 0.2}) {
    CAPTURE(relative_error);
    const BucketMapping mapping(relative_error);
    Seeded seeded(12);
    std::int32_t before = mapping.bucket(least);
    for (double value = least; value < most / 1.1; value *= 1 + 0.1 * uniform(seeded)) {
      for (const double near : {value, std::nextafter(value, 0), std::nextafter(value, most)}) {
        if (near < least) continue;
        const double told = mapping.value(mapping.bucket(near));
        if (std::fabs(told - near) > relative_error * near) FAIL(near << " is told as " << told);
      }
      REQUIRE(mapping.bucket(value) >= before);
      before = mapping.bucket(value);
    }
    CHECK(std::fabs(mapping.value(mapping.bucket(most)) - most) <= relative_error * most);
  }
}

TEST_CASE("buckets are the same numbers on every machine") {
  const BucketMapping mapping(0.01);
  CHECK(mapping.bucket(1) == 0);
  CHECK(mapping.bucket(20.5) == 152);
  CHECK(mapping.bucket(1e-300) == -34880);
  CHECK(mapping.bucket(1e300) == 34879);
  CHECK(mapping.value(152) == 20.487015953889138);
}

TEST_CASE("beyond its buckets a sketch loses the quantiles nearest to zero and no others") {
  Seeded seeded(13);
  Values values;
  for (int i = -150; i <= 150; ++i) values.push_back(std::pow(10.0, i) * (1 + uniform(seeded)));
  for (int i = -150; i <= 150; ++i) values.push_back(-std::pow(10.0, i));
  DDSketch sketch(0.01);
  for (const double value : values) sketch.add(value);
  CHECK(sketch.held_bytes() <= 2 * BucketCounts::held_most * sizeof(std::uint64_t));
  // The largest 17 powers of ten on both sides.
  for (const std::uint64_t q : {0U, 10'000U, 27'000U, 973'000U, 990'000U, 1'000'000U}) {
    Values sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const double exact = sorted[q * (sorted.size() - 1) / 1'000'000];
    CAPTURE(q, exact);
    CHECK(std::fabs(sketch.quantile(q) - exact) <= 0.01 * std::fabs(exact));
  }
  for (int round = 0; round < 20; ++round)
    REQUIRE(saved(merged_of_parts(values, 0.01, seeded)) == saved(sketch));
}

TEST_CASE("what is too small for a normal number counts as zero") {
  DDSketch sketch(0.01);
  for (const double value : {5e-324, 1e-310, -1e-310}) sketch.add(value);
  CHECK(sketch.count() == 3);
  CHECK(sketch.quantile(500'000) == 0);
}

TEST_CASE("distinct values are counted exactly up to 128") {
  Seeded seeded(14);
  HyperLogLog seen;
  Values values;
  for (std::uint64_t n = 1; n <= HyperLogLog::exact_most; ++n) {
    values.push_back(static_cast<double>(n) / 8);
    seen.add(values.back());
    seen.add(values[seeded.below(values.size())]);
    REQUIRE(seen.estimate() == n);
  }
  CHECK(seen.held_bytes() <= HyperLogLog::held_most);
}

TEST_CASE("beyond that they are within three standard errors") {
  // Steps as sensors make them, and numbers at random.
  const std::function<double(std::uint64_t, Seeded&)> kinds[] = {
      [](std::uint64_t i, Seeded&) { return static_cast<double>(i); },
      [](std::uint64_t i, Seeded&) { return 20 + static_cast<double>(i) / 16; },
      [](std::uint64_t i, Seeded&) { return static_cast<double>(i) * 0.1; },
      [](std::uint64_t, Seeded& seeded) { return uniform(seeded); },
  };
  const double standard_error = 1.04 / 32;
  double squares = 0, sum = 0;
  int tries = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const auto& kind : kinds) {
      Seeded seeded(seed);
      HyperLogLog seen, left, right;
      std::uint64_t added = 0;
      for (const std::uint64_t n : {129U, 200U, 500U, 1000U, 3000U, 10'000U, 100'000U}) {
        for (; added < n; ++added) {
          const double value = kind(added + seed * 1'000'000, seeded);
          seen.add(value);
          (added % 3 == 0 ? left : right).add(value);
        }
        const double off = static_cast<double>(seen.estimate()) / static_cast<double>(n) - 1;
        CAPTURE(seed, n);
        CHECK(std::fabs(off) <= 3 * standard_error);
        squares += off * off;
        sum += off;
        ++tries;
        HyperLogLog both = left, other_way = right;
        both.merge(right);
        other_way.merge(left);
        REQUIRE(saved(both) == saved(seen));
        REQUIRE(saved(other_way) == saved(seen));
      }
      CHECK(seen.held_bytes() <= HyperLogLog::held_most);
    }
  }
  CHECK(std::sqrt(squares / tries) <= standard_error);
  CHECK(std::fabs(sum / tries) <= 0.01);
}

TEST_CASE("sketches come back as they were, and damaged bytes harm nobody") {
  Seeded seeded(15);
  DDSketch sketch(0.01);
  HyperLogLog few, many;
  for (int i = 0; i < 1000; ++i) {
    const double value = normal(seeded) * 100;
    sketch.add(value);
    many.add(value);
    if (i < 100) few.add(value);
  }
  const auto check = [&seeded](const auto& original, const auto& empty) {
    const std::string bytes = saved(original);
    auto copy = empty;
    ByteReader reader(bytes);
    copy.load(reader);
    CHECK(reader.ok());
    CHECK(reader.at_end());
    CHECK(saved(copy) == bytes);
    for (int round = 0; round < 300; ++round) {
      std::string damaged = bytes.substr(0, 1 + seeded.below(bytes.size()));
      for (int flips = 0; flips < 4; ++flips)
        damaged[seeded.below(damaged.size())] = static_cast<char>(seeded.below(256));
      auto victim = empty;
      ByteReader in(damaged);
      victim.load(in);
      victim.add(1);
      victim.merge(original);
      if constexpr (requires { victim.quantile(1); }) {
        if (victim.count() > 0) victim.quantile(500'000);
        CHECK(victim.held_bytes() <= 2 * BucketCounts::held_most * sizeof(std::uint64_t));
      } else {
        victim.estimate();
      }
    }
  };
  check(sketch, DDSketch(0.01));
  check(few, HyperLogLog());
  check(many, HyperLogLog());
}
