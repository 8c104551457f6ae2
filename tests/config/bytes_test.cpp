#include "config/bytes.hpp"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

std::string written(const std::function<void(ByteWriter&)>& write) {
  std::string out;
  ByteWriter writer(out);
  write(writer);
  return out;
}

std::string varint(std::uint64_t value) {
  return written([&](ByteWriter& out) { out.varint(value); });
}

}  // namespace

TEST_CASE("the encodings are what their definitions say, byte by byte") {
  CHECK(varint(0) == std::string(1, '\0'));
  CHECK(varint(127) == "\x7f");
  CHECK(varint(128) == std::string("\x80\x01"));
  CHECK(varint(624'485) == "\xe5\x8e\x26");
  CHECK(varint(std::numeric_limits<std::uint64_t>::max()) ==
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  CHECK(written([](ByteWriter& out) { out.zigzag(-1); }) == "\x01");
  CHECK(written([](ByteWriter& out) { out.zigzag(1); }) == "\x02");
  CHECK(written([](ByteWriter& out) { out.fixed32(0x01020304); }) == "\x04\x03\x02\x01");
  CHECK(written([](ByteWriter& out) { out.fixed64(0x0102030405060708); }) ==
        "\x08\x07\x06\x05\x04\x03\x02\x01");
  CHECK(written([](ByteWriter& out) { out.f64(1.0); }) == std::string("\0\0\0\0\0\0\xf0\x3f", 8));
  CHECK(written([](ByteWriter& out) { out.text("weir"); }) == "\x04weir");
}

TEST_CASE("numbers of every size are read back as they were written") {
  std::string bytes;
  ByteWriter out(bytes);
  std::vector<std::uint64_t> numbers = {0, std::numeric_limits<std::uint64_t>::max()};
  for (int shift = 0; shift < 64; ++shift)
    for (const std::uint64_t below : {0U, 1U, 2U}) numbers.push_back((1ULL << shift) + 1 - below);
  for (const std::uint64_t n : numbers) {
    out.varint(n);
    out.zigzag(static_cast<std::int64_t>(n));
    out.fixed64(n);
    out.fixed32(static_cast<std::uint32_t>(n));
    out.u8(static_cast<std::uint8_t>(n));
  }
  ByteReader in(bytes);
  for (const std::uint64_t n : numbers) {
    CHECK(in.varint() == n);
    CHECK(in.zigzag() == static_cast<std::int64_t>(n));
    CHECK(in.fixed64() == n);
    CHECK(in.fixed32() == static_cast<std::uint32_t>(n));
    CHECK(in.u8() == static_cast<std::uint8_t>(n));
  }
  CHECK(in.ok());
  CHECK(in.at_end());
}

TEST_CASE("doubles keep every bit") {
  using Limits = std::numeric_limits<double>;
  for (const double value :
       {0.0, -0.0, 0.1, Limits::denorm_min(), Limits::max(), Limits::infinity(), std::nan("7")}) {
    const std::string bytes = written([&](ByteWriter& out) { out.f64(value); });
    CHECK(std::bit_cast<std::uint64_t>(ByteReader(bytes).f64()) ==
          std::bit_cast<std::uint64_t>(value));
  }
}

TEST_CASE("a text may hold any byte and points into what was handed in") {
  const std::string text("a\0\xff\n", 4);
  const std::string bytes = written([&](ByteWriter& out) { out.text(text); });
  ByteReader in(bytes);
  const std::string_view read = in.text();
  CHECK(read == text);
  CHECK(read.data() == bytes.data() + 1);
  CHECK(ByteReader(std::string_view("\0", 1)).text().empty());
}

TEST_CASE("a record cut at any byte fails the reader and yields nothing behind the cut") {
  const std::string bytes = written([](ByteWriter& out) {
    out.u8(1);
    out.varint(1u << 20);
    out.zigzag(-(1 << 20));
    out.fixed32(3);
    out.fixed64(4);
    out.f64(5);
    out.text("six");
  });
  const auto read_all = [](ByteReader& in) {
    in.u8();
    in.varint();
    in.zigzag();
    in.fixed32();
    in.fixed64();
    in.f64();
    return in.text();
  };
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    INFO(n);
    // A copy of the exact size, so that a sanitizer sees a read behind it.
    const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    ByteReader in(std::string_view(cut.data(), cut.size()));
    CHECK(read_all(in).empty());
    CHECK_FALSE(in.ok());
    CHECK(in.at_end());
    CHECK(in.u8() == 0);
    CHECK(in.varint() == 0);
    CHECK(in.zigzag() == 0);
    CHECK(in.fixed32() == 0);
    CHECK(in.fixed64() == 0);
    CHECK(in.f64() == 0);
    CHECK(in.count() == 0);
    CHECK(in.text().empty());
    CHECK_FALSE(in.ok());
  }
  ByteReader whole(bytes);
  CHECK(read_all(whole) == "six");
  CHECK(whole.ok());
}

TEST_CASE("a varint of more than ten bytes or 64 bits fails the reader") {
  for (const std::string& damaged :
       {std::string(10, '\x80') + '\x01', std::string(9, '\xff') + '\x02',
        std::string(9, '\x80') + '\x7f', std::string(9, '\x80') + '\x80',
        std::string(100, '\xff')}) {
    ByteReader in(damaged);
    CHECK(in.varint() == 0);
    CHECK_FALSE(in.ok());
    ByteReader signed_in(damaged);
    CHECK(signed_in.zigzag() == 0);
    CHECK_FALSE(signed_in.ok());
  }
  const std::string padded = std::string(9, '\x80') + '\x01';
  ByteReader in(padded);
  CHECK(in.varint() == 1ULL << 63);
  CHECK(in.ok());
}

TEST_CASE("a length beyond the end never asks for memory") {
  for (const std::uint64_t length :
       {std::uint64_t{4}, std::uint64_t{1} << 32, std::numeric_limits<std::uint64_t>::max()}) {
    const std::string bytes = varint(length) + "abc";
    ByteReader text(bytes);
    CHECK(text.text().empty());
    CHECK_FALSE(text.ok());
    ByteReader count(bytes);
    CHECK(count.count() == 0);
    CHECK_FALSE(count.ok());
  }
  const std::string bytes = varint(3) + "abc";
  ByteReader in(bytes);
  CHECK(in.count() == 3);
  CHECK(in.rest() == "abc");
  CHECK(in.ok());
}

TEST_CASE("random bytes are read without harm") {
  std::uint64_t seed = 3;
  const auto next = [&] { return seed = seed * 6364136223846793005ULL + 1442695040888963407ULL; };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<char> bytes((next() >> 40) % 64);
    for (char& byte : bytes) byte = static_cast<char>(next() >> 56);
    ByteReader in(std::string_view(bytes.data(), bytes.size()));
    while (!in.at_end()) {
      const std::size_t left = in.rest().size();
      switch ((next() >> 33) % 7) {
        case 0:
          in.u8();
          break;
        case 1:
          in.varint();
          break;
        case 2:
          in.zigzag();
          break;
        case 3:
          in.fixed32();
          break;
        case 4:
          in.f64();
          break;
        case 5:
          in.count();
          break;
        default:
          in.text();
          break;
      }
      REQUIRE(in.rest().size() < left);
    }
  }
}
