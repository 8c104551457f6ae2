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

TEST_CASE("how a result stands among the others comes back, and costs nothing where it is plain") {
  Output output = sample_rollup();
  const std::size_t plain = encode_output(output).size();
  output.apart = output.preview = output.retracted = true;
  output.number = 12'345;
  output.merged = 3;
  const auto back = decode_output(encode_output(output));
  REQUIRE(back);
  CHECK(*back == output);
  output.apart = output.retracted = false;
  output.number = 0;
  CHECK(decode_output(encode_output(output))->preview);
  CHECK(encode_output(sample_rollup()).size() == plain);
  CHECK(encode_output(output).size() > plain);
}

TEST_CASE("what was expected comes back, and a weir that does not know of it can do without") {
  Output output = sample_rollup();
  const std::string plain = encode_output(output);
  output.expected = 300;
  const std::string bytes = encode_output(output);
  CHECK(bytes.substr(0, plain.size()) == plain);
  CHECK(static_cast<unsigned char>(bytes[plain.size()]) >= first_optional_section);
  const auto back = decode_output(bytes);
  REQUIRE(back);
  CHECK(*back == output);
  CHECK(decode_output(plain)->expected == 0);
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

TEST_CASE("what a table says of the device comes back, and cut short not at all") {
  Output output = sample_rollup();
  const std::size_t plain = encode_output(output).size();
  output.attributes = {{"site", "Berlin"}, {"model", ""}};
  const std::string bytes = encode_output(output);
  const auto back = decode_output(bytes);
  REQUIRE(back);
  CHECK(*back == output);
  for (std::size_t size = plain + 1; size < bytes.size(); ++size)
    CHECK_FALSE(decode_output(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("the state that a result carries comes back, and damaged not at all") {
  Output output = sample_rollup();
  const std::size_t plain = encode_output(output).size();
  output.state = {{"sum", 1e308}, {"quantiles_zeros", std::int64_t{3}}, {"mode_values", "1:2 3:4"}};
  output.merged = 4;
  output.number = 7;
  const std::string bytes = encode_output(output);
  const auto back = decode_output(bytes);
  REQUIRE(back);
  CHECK(*back == output);
  for (std::size_t size = plain + 1; size < bytes.size(); ++size) {
    const auto cut = decode_output(std::string_view(bytes).substr(0, size));
    CHECK((!cut || cut->state.empty()));
  }
  std::string other_type = bytes;
  other_type[other_type.find("sum") + 3] = 9;
  REQUIRE_FALSE(decode_output(other_type));
  CHECK(decode_output(other_type).error().kind == ErrorKind::corrupt);
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
  ByteWriter(bytes).u8(255);
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
