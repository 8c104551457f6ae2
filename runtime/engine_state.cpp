#include "runtime/engine_state.hpp"

namespace weir {

namespace {

constexpr std::uint8_t state_version = 1;

}  // namespace

std::string encode_state(const Moment& last, const SeriesTable& table, const Ledger& ledger,
                         const Pipeline& pipeline) {
  std::string bytes, section;
  ByteWriter out(bytes), section_out(section);
  out.u8(state_version);
  out.zigzag(count_us(last.wall));
  out.zigzag(last.elapsed.count());
  out.u8(last.synchronised ? 1 : 0);
  table.write_since({}, section_out);
  out.text(section);
  section.clear();
  ledger.write(section_out);
  out.text(section);
  section.clear();
  pipeline.save(section_out);
  out.text(section);
  return bytes;
}

Result<std::vector<std::string>> decode_state(std::string_view bytes, Moment& last,
                                              SeriesTable& table, Ledger& ledger,
                                              Pipeline& pipeline) {
  ByteReader in(bytes);
  if (in.u8() != state_version) {
    return fail(ErrorKind::corrupt, "the checkpoint has an unknown version");
  }
  last.wall = timestamp_us(in.zigzag());
  last.elapsed = Duration(in.zigzag());
  last.synchronised = in.u8() != 0;
  ByteReader table_in(in.text()), ledger_in(in.text()), pipeline_in(in.text());
  if (!in.ok() || !table.read(table_in) || !ledger.read(ledger_in)) {
    return fail(ErrorKind::corrupt, "the checkpoint is not what weir writes");
  }
  return pipeline.load(pipeline_in);
}

}  // namespace weir
