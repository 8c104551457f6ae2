#include "store/codec.hpp"

namespace weir {

namespace {

constexpr std::uint8_t output_version = 1;
constexpr std::uint8_t dead_letter_version = 1;
constexpr std::uint8_t merged_section = 1;
constexpr std::string_view output_text = "an outbox entry";

// tags   := varint n , (text name , text value)*
// fields := varint n , (text name , u8 type , zigzag | f64 | text)*        type = 0, 1, 2
// window := zigzag start , zigzag (end - start) ;  first := zigzag (first - start) ;
// last   := zigzag (last - first) : small numbers for what lies close together
enum class FieldType : std::uint8_t { integer = 0, number = 1, text = 2 };

/// Wraps around instead of overflowing, so that extremes come back, too.
std::int64_t distance(Timestamp from, Timestamp to) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(count_us(to)) -
                                   static_cast<std::uint64_t>(count_us(from)));
}
Timestamp moved(Timestamp from, std::int64_t distance) {
  return timestamp_us(static_cast<std::int64_t>(static_cast<std::uint64_t>(count_us(from)) +
                                                static_cast<std::uint64_t>(distance)));
}

void write_fields(const std::vector<Field>& fields, ByteWriter& out) {
  out.varint(fields.size());
  for (const Field& field : fields) {
    out.text(field.name);
    out.u8(static_cast<std::uint8_t>(field.value.index()));
    if (const auto* integer = std::get_if<std::int64_t>(&field.value))
      out.zigzag(*integer);
    else if (const auto* number = std::get_if<double>(&field.value))
      out.f64(*number);
    else
      out.text(std::get<std::string>(field.value));
  }
}

bool read_fields(ByteReader& in, std::vector<Field>& fields) {
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Field& field = fields.emplace_back();
    field.name = in.text();
    switch (static_cast<FieldType>(in.u8())) {
      case FieldType::integer:
        field.value = in.zigzag();
        break;
      case FieldType::number:
        field.value = in.f64();
        break;
      case FieldType::text:
        field.value = std::string(in.text());
        break;
      default:
        return false;
    }
  }
  return in.ok();
}

Result<void> check_version(ByteReader& in, std::uint8_t known, std::string_view what) {
  const std::uint8_t version = in.u8();
  if (!in.ok()) return fail(ErrorKind::corrupt, std::string(what) + " is cut short");
  if (version != known)
    return fail(ErrorKind::unsupported,
                std::string(what) + " is of version " + std::to_string(version));
  return {};
}

}  // namespace

Result<void> skip_sections(ByteReader& in, std::string_view what) {
  while (in.ok() && !in.at_end()) {
    const std::uint8_t tag = in.u8();
    (void)in.text();
    if (in.ok() && tag < first_optional_section)
      return fail(ErrorKind::unsupported,
                  std::string(what) + " has a section " + std::to_string(tag) + " of a newer weir");
  }
  if (!in.ok()) return fail(ErrorKind::corrupt, std::string(what) + " is cut short");
  return {};
}

void write_output(const Output& output, std::string& out) {
  ByteWriter writer(out);
  writer.u8(output_version);
  writer.u8(static_cast<std::uint8_t>(output.kind));
  writer.text(output.name);
  writer.text(output.topic);
  writer.varint(output.group.size());
  for (const Tag& tag : output.group) {
    writer.text(tag.name);
    writer.text(tag.value);
  }
  writer.text(output.metric);
  writer.zigzag(count_us(output.window.start));
  writer.zigzag(distance(output.window.start, output.window.end));
  writer.varint(output.revision);
  writer.u8(static_cast<std::uint8_t>(output.quality));
  writer.varint(output.count);
  writer.varint(output.late);
  writer.zigzag(distance(output.window.start, output.first));
  writer.zigzag(distance(output.first, output.last));
  write_fields(output.fields, writer);
  if (output.merged != 0) {
    writer.u8(merged_section);
    std::string body;
    ByteWriter(body).varint(output.merged);
    writer.text(body);
  }
}

/// The sections of an output; what it does not know is judged like any other.
Result<void> read_sections(ByteReader& in, Output& output) {
  while (!in.at_end() && static_cast<std::uint8_t>(in.rest().front()) == merged_section) {
    in.u8();
    ByteReader body(in.text());
    output.merged = static_cast<std::uint32_t>(body.varint());
    if (!body.ok()) return fail(ErrorKind::corrupt, std::string(output_text) + " is damaged");
  }
  return skip_sections(in, output_text);
}

std::string encode_output(const Output& output) {
  std::string out;
  write_output(output, out);
  return out;
}

Result<Output> decode_output(std::string_view bytes) {
  constexpr std::string_view what = output_text;
  ByteReader in(bytes);
  if (auto known = check_version(in, output_version, what); !known) return fail(known.error());
  Output output;
  output.kind = static_cast<OutputKind>(in.u8());
  output.name = in.text();
  output.topic = in.text();
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Tag& tag = output.group.emplace_back();
    tag.name = in.text();
    tag.value = in.text();
  }
  output.metric = in.text();
  output.window.start = timestamp_us(in.zigzag());
  output.window.end = moved(output.window.start, in.zigzag());
  const std::uint64_t revision = in.varint();
  output.revision = static_cast<std::uint32_t>(revision);
  output.quality = static_cast<Quality>(in.u8());
  output.count = in.varint();
  output.late = in.varint();
  output.first = moved(output.window.start, in.zigzag());
  output.last = moved(output.first, in.zigzag());
  const bool whole = read_fields(in, output.fields);
  if (!whole || revision > UINT32_MAX || output.kind < OutputKind::rollup ||
      output.kind > OutputKind::gap)
    return fail(ErrorKind::corrupt, std::string(what) + " is damaged");
  if (auto rest = read_sections(in, output); !rest) return fail(rest.error());
  return output;
}

void write_dead_letter(const DeadLetter& letter, std::string& out) {
  ByteWriter writer(out);
  writer.u8(dead_letter_version);
  writer.zigzag(count_us(letter.time));
  writer.text(letter.source);
  writer.text(letter.topic);
  writer.text(letter.reason);
  writer.text(letter.message);
  writer.text(letter.payload);
  writer.varint(letter.payload_size);
}

Result<DeadLetter> read_dead_letter(std::string_view bytes) {
  static constexpr std::string_view what = "a dead letter";
  ByteReader in(bytes);
  if (auto known = check_version(in, dead_letter_version, what); !known) return fail(known.error());
  DeadLetter letter;
  letter.time = timestamp_us(in.zigzag());
  letter.source = in.text();
  letter.topic = in.text();
  letter.reason = in.text();
  letter.message = in.text();
  letter.payload = in.text();
  letter.payload_size = in.varint();
  if (auto rest = skip_sections(in, what); !rest) return fail(rest.error());
  return letter;
}

}  // namespace weir
