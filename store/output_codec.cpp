#include "store/codec.hpp"

namespace weir {

namespace {

constexpr std::uint8_t output_version = 1;
constexpr std::uint8_t dead_letter_version = 1;
constexpr std::uint8_t merged_section = 1;
// standing := u8 bits , varint number : where one of them is not 0
constexpr std::uint8_t standing_section = 2;
constexpr std::uint8_t state_section = 3;         // fields, if there are any
constexpr std::uint8_t expected_section = 128;    // varint, if it is not 0
constexpr std::uint8_t attributes_section = 129;  // tags, if there are any
constexpr std::uint8_t apart_bit = 1, preview_bit = 2, retracted_bit = 4;
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

void write_tags(const std::vector<Tag>& tags, ByteWriter& out) {
  out.varint(tags.size());
  for (const Tag& tag : tags) {
    out.text(tag.name);
    out.text(tag.value);
  }
}

void read_tags(ByteReader& in, std::vector<Tag>& tags) {
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Tag& tag = tags.emplace_back();
    tag.name = in.text();
    tag.value = in.text();
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

void write_standing(const Output& output, ByteWriter& out) {
  const auto bits = static_cast<std::uint8_t>((output.apart ? apart_bit : 0) |
                                              (output.preview ? preview_bit : 0) |
                                              (output.retracted ? retracted_bit : 0));
  if (bits == 0 && output.number == 0) return;
  std::string body;
  ByteWriter writer(body);
  writer.u8(bits);
  writer.varint(output.number);
  out.u8(standing_section);
  out.text(body);
}

void read_standing(ByteReader& body, Output& output) {
  const std::uint8_t bits = body.u8();
  output.apart = (bits & apart_bit) != 0;
  output.preview = (bits & preview_bit) != 0;
  output.retracted = (bits & retracted_bit) != 0;
  output.number = body.varint();
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
  write_tags(output.group, writer);
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
  write_standing(output, writer);
  if (!output.state.empty()) {
    writer.u8(state_section);
    std::string body;
    ByteWriter body_writer(body);
    write_fields(output.state, body_writer);
    writer.text(body);
  }
  if (output.expected != 0) {
    writer.u8(expected_section);
    std::string body;
    ByteWriter(body).varint(output.expected);
    writer.text(body);
  }
  if (!output.attributes.empty()) {
    writer.u8(attributes_section);
    std::string body;
    ByteWriter body_writer(body);
    write_tags(output.attributes, body_writer);
    writer.text(body);
  }
}

/// The sections of an output; what it does not know is judged like any other.
Result<void> read_sections(ByteReader& in, Output& output) {
  const auto is_next = [&in](std::uint8_t section) {
    return !in.at_end() && static_cast<std::uint8_t>(in.rest().front()) == section;
  };
  while (is_next(merged_section) || is_next(standing_section) || is_next(state_section) ||
         is_next(expected_section) || is_next(attributes_section)) {
    const std::uint8_t section = in.u8();
    ByteReader body(in.text());
    bool whole = true;
    if (section == merged_section)
      output.merged = static_cast<std::uint32_t>(body.varint());
    else if (section == standing_section)
      read_standing(body, output);
    else if (section == expected_section)
      output.expected = body.varint();
    else if (section == state_section)
      whole = read_fields(body, output.state);
    else
      read_tags(body, output.attributes);
    if (!whole || !body.ok())
      return fail(ErrorKind::corrupt, std::string(output_text) + " is damaged");
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
  read_tags(in, output.group);
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
