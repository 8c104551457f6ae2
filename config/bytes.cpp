#include "config/bytes.hpp"

#include <bit>

namespace weir {
namespace {

constexpr int varint_bytes_max = 10;

template <class T>
void append_fixed(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(value & 0xff));
    value = static_cast<T>(value >> 8);
  }
}

template <class T>
T read_fixed(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = static_cast<T>((value << 8) | static_cast<std::uint8_t>(bytes[i - 1]));
  return value;
}

}  // namespace

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::zigzag(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  varint((bits << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

void ByteWriter::fixed32(std::uint32_t value) {
  append_fixed(out_, value);
}

void ByteWriter::fixed64(std::uint64_t value) {
  append_fixed(out_, value);
}

void ByteWriter::f64(double value) {
  fixed64(std::bit_cast<std::uint64_t>(value));
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  out_.append(value);
}

std::string_view ByteReader::take(std::size_t n) {
  if (n > bytes_.size()) {
    // Nothing is left after a failure, so that a loop until at_end() ends.
    ok_ = false;
    bytes_ = {};
    return {};
  }
  const std::string_view taken = bytes_.substr(0, n);
  bytes_.remove_prefix(n);
  return taken;
}

std::uint8_t ByteReader::u8() {
  const std::string_view byte = take(1);
  return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte[0]);
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (int i = 0; i < varint_bytes_max; ++i) {
    const std::uint8_t byte = u8();
    if (!ok_) return 0;
    // Of the tenth byte only the lowest bit still fits.
    if (i == varint_bytes_max - 1 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  ok_ = false;
  bytes_ = {};
  return 0;
}

std::int64_t ByteReader::zigzag() {
  const std::uint64_t bits = varint();
  return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

std::uint32_t ByteReader::fixed32() {
  return read_fixed<std::uint32_t>(take(4));
}

std::uint64_t ByteReader::fixed64() {
  return read_fixed<std::uint64_t>(take(8));
}

double ByteReader::f64() {
  return std::bit_cast<double>(fixed64());
}

std::string_view ByteReader::text() {
  return take(static_cast<std::size_t>(count()));
}

std::uint64_t ByteReader::count() {
  const std::uint64_t n = varint();
  if (n <= bytes_.size()) return n;
  ok_ = false;
  bytes_ = {};
  return 0;
}

}  // namespace weir
