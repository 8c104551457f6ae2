#include <cmath>
#include <limits>

#include "store/codec.hpp"
#include "tests/store/samples.hpp"

namespace weir {

TEST_CASE("every kind of output comes back as it was written") {
  for (const OutputKind kind :
       {OutputKind::rollup, OutputKind::alert, OutputKind::late, OutputKind::quarantined}) {
    const Output output = sample_output(kind, 3);
    const auto back = decode_output(encode_output(output));
    REQUIRE(back);
    CHECK(*back == output);
  }
  const auto empty = decode_output(encode_output(Output{}));
  REQUIRE(empty);
  CHECK(*empty == Output{});
}

TEST_CASE("an output of extremes comes back bit by bit") {
  Output output = sample_rollup();
  output.window = {timestamp_us(std::numeric_limits<std::int64_t>::min()),
                   timestamp_us(std::numeric_limits<std::int64_t>::max())};
  output.first = timestamp_us(std::numeric_limits<std::int64_t>::max());
  output.last = timestamp_us(std::numeric_limits<std::int64_t>::min());
  output.revision = ~0u;
  output.count = output.late = ~std::uint64_t{0};
  output.fields = {{"", -0.0},
                   {"tiny", 5e-324},
                   {"least", std::numeric_limits<std::int64_t>::min()},
                   {"long", std::string(70'000, 'x')}};
  const auto back = decode_output(encode_output(output));
  REQUIRE(back);
  CHECK(*back == output);
  CHECK(std::signbit(std::get<double>(back->fields[0].value)));
}

TEST_CASE("an output cut short anywhere is refused") {
  const std::string bytes = encode_output(sample_rollup());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_output(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("no flipped byte of an output crashes the reader") {
  const std::string whole = encode_output(sample_rollup());
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (unsigned flip = 1; flip < 256; ++flip) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ flip);
      const auto back = decode_output(bytes);
      if (!back) CHECK(back.error().kind != ErrorKind::fatal);
    }
}

TEST_CASE("an output skips what a later weir added and may be left out") {
  std::string bytes = encode_output(sample_rollup());
  ByteWriter(bytes).u8(first_optional_section);
  ByteWriter(bytes).text("a sketch");
  const auto back = decode_output(bytes);
  REQUIRE(back);
  CHECK(*back == sample_rollup());

  ByteWriter(bytes).u8(1);
  ByteWriter(bytes).text("needed");
  CHECK(decode_output(bytes).error().kind == ErrorKind::unsupported);
}

TEST_CASE("a dead letter comes back as it was written, and cut short not at all") {
  const DeadLetter letter = sample_letter(5);
  std::string bytes;
  write_dead_letter(letter, bytes);
  const auto back = read_dead_letter(bytes);
  REQUIRE(back);
  CHECK(back->time == letter.time);
  CHECK(back->topic == letter.topic);
  CHECK(back->reason == letter.reason);
  CHECK(back->payload == letter.payload);
  CHECK(back->payload_size == letter.payload_size);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(read_dead_letter(std::string_view(bytes).substr(0, size)));
}

}  // namespace weir
