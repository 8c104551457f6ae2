#include "store/row.hpp"

#include <zlib.h>

#include "config/bytes.hpp"

namespace weir {

namespace {

std::string_view kind_text(RowKind kind) {
  switch (kind) {
    case RowKind::journal:
      return "journal";
    case RowKind::checkpoint:
      return "checkpoint";
    case RowKind::dead_letter:
      return "dead letter";
    case RowKind::gap:
      return "gap";
    default:
      return "outbox";
  }
}

std::uint32_t checksum(std::string_view content, RowKind kind, std::uint64_t id) {
  std::string place;
  ByteWriter out(place);
  out.u8(static_cast<std::uint8_t>(kind));
  out.fixed64(id);
  const auto crc_of = [](uLong crc, std::string_view bytes) {
    return crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  };
  return static_cast<std::uint32_t>(crc_of(crc_of(0, place), content));
}

}  // namespace

void seal_row(std::string& body, RowKind kind, std::uint64_t id) {
  const std::uint32_t crc = checksum(std::string_view(body).substr(4), kind, id);
  for (std::size_t i = 0; i < 4; ++i) body[i] = static_cast<char>(crc >> (8 * i));
}

Result<std::string_view> open_row(std::string_view body, RowKind kind, std::uint64_t id) {
  ByteReader in(body);
  const std::uint32_t crc = in.fixed32();
  if (!in.ok() || crc != checksum(in.rest(), kind, id))
    return fail(ErrorKind::corrupt,
                std::string(kind_text(kind)) + " row " + std::to_string(id) + " is damaged");
  return in.rest();
}

}  // namespace weir
