#include "store/codec.hpp"
#include "store/reading_codec.hpp"

namespace weir {

namespace {

constexpr std::uint8_t version = 1;
enum class Section : std::uint8_t {
  dictionary = 1,
  readings = 2,
  ledger = 3,
  begin_anew = 4,
  configuration = 5,
  deliveries = 128
};

tl::unexpected<Error> damaged() {
  return fail(ErrorKind::corrupt, "a journal record is damaged");
}

/// Packet ids mostly ascend by one: five bytes a message.
void write_deliveries(const JournalRecord& record, std::string& out) {
  ByteWriter writer(out);
  writer.u8(record.new_session ? 1 : 0);
  writer.varint(record.deliveries.size());
  std::int64_t last = 0;
  for (const Delivery& one : record.deliveries) {
    writer.zigzag(one.packet_id - last);
    writer.fixed32(one.hash);
    last = one.packet_id;
  }
}

bool read_deliveries(ByteReader& in, JournalRecord& record) {
  const std::uint8_t flag = in.u8();
  if (flag > 1) return false;
  record.new_session = flag == 1;
  std::uint64_t last = 0;
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    last += static_cast<std::uint64_t>(in.zigzag());
    if (last > 0xffff) return false;
    record.deliveries.push_back({static_cast<std::uint16_t>(last), in.fixed32()});
  }
  return in.ok() && in.at_end();
}

/// Whether the section was one of ours and is whole. Sections stand in ascending order, each once.
bool read_section(Section section, std::string_view body, JournalRecord& record) {
  ByteReader in(body);
  switch (section) {
    case Section::dictionary:
      record.dictionary = body;
      return true;
    case Section::readings:
      return read_readings(in, record.readings) && in.at_end();
    case Section::ledger:
      return record.delta.read(in) && in.at_end();
    case Section::begin_anew:
      record.begin_anew = timestamp_us(in.zigzag());
      return in.ok() && in.at_end();
    case Section::configuration:
      record.configuration = body;
      return true;
    case Section::deliveries:
      return read_deliveries(in, record);
  }
  return false;
}

}  // namespace

void write_tail(const Tail& tail, std::string& out) {
  ByteWriter writer(out);
  writer.varint(version);
  writer.varint(tail.next_seq);
  for (const std::uint64_t rows : tail.waiting) writer.varint(rows);
}

bool read_tail(ByteReader& in, Tail& tail) {
  if (in.varint() != version) return false;
  tail.next_seq = in.varint();
  for (std::uint64_t& rows : tail.waiting) rows = in.varint();
  return in.ok();
}

void write_record(const JournalRecord& record, const Ledger& delta, std::string& out) {
  ByteWriter writer(out);
  writer.u8(version);
  writer.varint(record.seq);
  writer.zigzag(count_us(record.now.wall));
  writer.zigzag(record.now.elapsed.count());
  writer.u8(record.now.synchronised ? 1 : 0);
  std::string body;
  const auto add = [&](Section section) {
    writer.u8(static_cast<std::uint8_t>(section));
    writer.text(body);
    body.clear();
  };
  if (!record.dictionary.empty()) {
    body = record.dictionary;
    add(Section::dictionary);
  }
  if (!record.readings.empty()) {
    write_readings(record.readings, body);
    add(Section::readings);
  }
  if (!delta.empty()) {
    ByteWriter ledger(body);
    delta.write(ledger);
    add(Section::ledger);
  }
  if (record.begin_anew) {
    ByteWriter(body).zigzag(count_us(*record.begin_anew));
    add(Section::begin_anew);
  }
  if (record.configuration) {
    body = *record.configuration;
    add(Section::configuration);
  }
  if (record.new_session || !record.deliveries.empty()) {
    write_deliveries(record, body);
    add(Section::deliveries);
  }
}

std::string encode_record(const JournalRecord& record) {
  std::string out;
  write_record(record, record.delta, out);
  return out;
}

Result<JournalRecord> decode_record(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint8_t written_as = in.u8();
  if (!in.ok()) return damaged();
  if (written_as != version)
    return fail(ErrorKind::unsupported,
                "a journal record is of version " + std::to_string(written_as));
  JournalRecord record;
  record.seq = in.varint();
  record.now.wall = timestamp_us(in.zigzag());
  record.now.elapsed = Duration(in.zigzag());
  const std::uint8_t synchronised = in.u8();
  if (!in.ok() || synchronised > 1) return damaged();
  record.now.synchronised = synchronised == 1;
  for (std::uint8_t before = 0; !in.at_end();) {
    const std::uint8_t tag = in.u8();
    const std::string_view body = in.text();
    if (!in.ok() || tag <= before) return damaged();
    before = tag;
    if (tag > static_cast<std::uint8_t>(Section::deliveries)) continue;
    if (tag > static_cast<std::uint8_t>(Section::configuration) && tag < first_optional_section)
      return fail(ErrorKind::unsupported,
                  "a journal record has a section " + std::to_string(tag) + " of a newer weir");
    if (!read_section(static_cast<Section>(tag), body, record)) return damaged();
  }
  return record;
}

}  // namespace weir
