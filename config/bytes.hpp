#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir {

/// Appends explicit little-endian encodings to a string. Never a raw struct: what is stored on one
/// machine is read on another. Unsigned numbers are LEB128, signed ones zigzag on top of it.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void varint(std::uint64_t value);
  void zigzag(std::int64_t value);
  void fixed32(std::uint32_t value);
  void fixed64(std::uint64_t value);
  void f64(double value);             ///< the IEEE 754 bits, little endian
  void text(std::string_view value);  ///< varint length, then the bytes

 private:
  std::string& out_;
};

/// Reads what ByteWriter wrote. Never reads past its end: after the first read that would, `ok()`
/// is false for good and every read returns zero or an empty text. Check `ok()` once, at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t u8();
  std::uint64_t varint();
  std::int64_t zigzag();
  std::uint32_t fixed32();
  std::uint64_t fixed64();
  double f64();
  std::string_view text();  ///< points into the bytes handed in

  /// A varint that counts things of at least one byte each: fails the reader if that many bytes
  /// are not left, so that a damaged count never asks for memory.
  std::uint64_t count();

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view take(std::size_t n);

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace weir
