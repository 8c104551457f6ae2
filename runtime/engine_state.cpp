#include "runtime/engine_state.hpp"

namespace weir {

namespace {

// The doubt is there since version 2, packet ids are runs since version 3.
constexpr std::uint8_t state_version = 3;
constexpr std::uint8_t oldest_state_version = 1;

/// What stands before the sections; returns the version.
Result<std::uint8_t> read_head(ByteReader& in, Moment& last) {
  const std::uint8_t version = in.u8();
  if (version < oldest_state_version || version > state_version)
    return fail(ErrorKind::corrupt, "the checkpoint has an unknown version");
  last.wall = timestamp_us(in.zigzag());
  last.elapsed = Duration(in.zigzag());
  last.synchronised = in.u8() != 0;
  return version;
}

tl::unexpected<Error> not_ours() {
  return fail(ErrorKind::corrupt, "the checkpoint is not what weir writes");
}

}  // namespace

std::string encode_state(const EngineState& state) {
  std::string bytes, section;
  ByteWriter out(bytes), section_out(section);
  const auto add = [&] {
    out.text(section);
    section.clear();
  };
  out.u8(state_version);
  out.zigzag(count_us(state.last.wall));
  out.zigzag(state.last.elapsed.count());
  out.u8(state.last.synchronised ? 1 : 0);
  state.table.write_since({}, section_out);
  add();
  state.ledger.write(section_out);
  add();
  state.pipeline.save(section_out);
  add();
  state.redeliveries.save(section_out);
  add();
  out.varint(state.doubt);
  return bytes;
}

Result<std::vector<std::string>> decode_state(std::string_view bytes, const EngineState& into) {
  ByteReader in(bytes);
  const auto version = read_head(in, into.last);
  if (!version) return fail(version.error());
  ByteReader table_in(in.text()), ledger_in(in.text()), pipeline_in(in.text());
  ByteReader redeliveries_in(in.text());
  into.doubt = *version < 2 ? 0 : in.varint();
  if (!in.ok() || !into.table.read(table_in) || !into.ledger.read(ledger_in) ||
      !into.redeliveries.load(redeliveries_in, *version >= 3)) {
    return not_ours();
  }
  return into.pipeline.load(pipeline_in);
}

Result<Ledger> ledger_of(std::string_view bytes) {
  ByteReader in(bytes);
  Moment last;
  if (auto head = read_head(in, last); !head) return fail(head.error());
  in.text();  // the table
  ByteReader ledger_in(in.text());
  Ledger ledger;
  if (!in.ok() || !ledger.read(ledger_in)) return not_ours();
  return ledger;
}

}  // namespace weir
