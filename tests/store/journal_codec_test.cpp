#include <cmath>
#include <limits>

#include "store/row.hpp"
#include "tests/store/samples.hpp"

namespace weir {

namespace {

JournalRecord full_record(std::vector<Reading> readings) {
  JournalRecord record;
  record.seq = 4711;
  record.now = {timestamp_us(-5), Duration(77), false};
  record.dictionary = std::string("names\0and more", 14);
  record.readings = std::move(readings);
  record.delta.add(Counter::messages_received, 5);
  record.delta.add(Counter::messages_refused, "undecodable", 300);
  return record;
}

std::vector<Reading> round_trip(std::vector<Reading> readings) {
  JournalRecord record;
  record.readings = std::move(readings);
  auto back = decode_record(encode_record(record));
  REQUIRE(back);
  return std::move(back->readings);
}

bool same(const JournalRecord& a, const JournalRecord& b) {
  return a.seq == b.seq && a.now.wall == b.now.wall && a.now.elapsed == b.now.elapsed &&
         a.now.synchronised == b.now.synchronised && a.dictionary == b.dictionary &&
         a.delta.counts() == b.delta.counts() && weir::same(a.readings, b.readings) &&
         a.configuration == b.configuration && a.new_session == b.new_session &&
         a.deliveries == b.deliveries;
}

constexpr auto int64_max = std::numeric_limits<std::int64_t>::max();
constexpr auto int64_min = std::numeric_limits<std::int64_t>::min();

std::vector<Reading> hostile_readings(SeededRandom& random) {
  const double values[] = {0.0,
                           -0.0,
                           1.5,
                           -273.15,
                           0.1 + 0.2,
                           1e300,
                           5e-324,
                           2.2250738585072014e-308,
                           9007199254740992.0,
                           -9007199254740993.0,
                           std::numeric_limits<double>::max(),
                           std::numeric_limits<double>::lowest(),
                           std::numeric_limits<double>::infinity(),
                           std::nan(""),
                           123456.789012345,
                           1.0 / 3};
  const std::int64_t times[] = {0, 1, -1, int64_max, int64_min, 1'772'366'400'000'000};
  std::vector<Reading> readings(random.below(40));
  Reading last;
  for (Reading& reading : readings) {
    reading = last;
    reading.series = SeriesId{index(last.series) + 1};
    if (random.one_in(3)) reading.series = SeriesId{static_cast<std::uint32_t>(random.next())};
    if (random.one_in(5)) reading.series = SeriesId{~0u};
    if (random.one_in(3)) reading.time = timestamp_us(times[random.below(6)]);
    if (random.one_in(4)) reading.quality = static_cast<Quality>(random.below(256));
    reading.value =
        random.one_in(2) ? values[random.below(16)] : std::round(random.noise() * 1e4) / 100;
    last = reading;
  }
  return readings;
}

}  // namespace

TEST_CASE("a journal record comes back as it was written") {
  JournalRecord record = full_record(Fleet().take(1000));
  record.new_session = true;
  record.deliveries = {{65535, 0xffffffff}, {1, 1}, {2, 0x12345678}, {2, 7}};
  const auto back = decode_record(encode_record(record));
  REQUIRE(back);
  CHECK(same(*back, record));
}

TEST_CASE("a record that changes the configuration comes back, also to an empty one") {
  for (const std::string text : {"", "rollup = [{\"name\" = \"m\"}]\n"}) {
    JournalRecord record = full_record(Fleet().take(3));
    record.configuration = text;
    const auto back = decode_record(encode_record(record));
    REQUIRE(back);
    CHECK(same(*back, record));
    CHECK(back->configuration == text);
  }
}

TEST_CASE("a message that may be delivered again costs five bytes") {
  JournalRecord record = full_record(Fleet().take(10));
  const std::size_t without = encode_record(record).size();
  for (std::uint16_t id = 1; id <= 1000; ++id) record.deliveries.push_back({id, 0x89abcdef});
  CHECK(encode_record(record).size() <= without + 5 * 1000 + 10);
}

TEST_CASE("packet ids out of their range are refused") {
  for (const std::int64_t step : {std::int64_t{65536}, std::int64_t{-1}, int64_max, int64_min}) {
    std::string bytes = encode_record(JournalRecord{});
    std::string section;
    ByteWriter deliveries(section);
    deliveries.u8(0);
    deliveries.varint(1);
    deliveries.zigzag(step);
    deliveries.fixed32(1);
    ByteWriter(bytes).u8(128);
    ByteWriter(bytes).text(section);
    CHECK_FALSE(decode_record(bytes));
  }
}

TEST_CASE("a record without readings is a few bytes") {
  JournalRecord record;
  record.seq = 1;
  record.now.wall = timestamp_us(1'772'366'400'000'000);
  const std::string bytes = encode_record(record);
  CHECK(bytes.size() < 16);
  const auto back = decode_record(bytes);
  REQUIRE(back);
  CHECK(same(*back, record));
}

TEST_CASE("values come back bit by bit, extremes and -0.0 included") {
  SeededRandom random(7);
  for (int i = 0; i < 3000; ++i) {
    const auto readings = hostile_readings(random);
    INFO("round " << i);
    REQUIRE(same(round_trip(readings), readings));
  }
}

TEST_CASE("series at both ends of their range come back") {
  std::vector<Reading> readings;
  for (const std::uint32_t series : {~0u, 0u, ~0u - 1, ~0u, 0u, 1u})
    readings.push_back({timestamp_us(5), 1.25, SeriesId{series}, Quality::good});
  CHECK(same(round_trip(readings), readings));
}

TEST_CASE("times in any unit come back") {
  for (const std::int64_t unit : {1, 7, 10, 1000, 1'000'000, 60'000'000}) {
    std::vector<Reading> readings;
    for (std::int64_t i = 0; i < 50; ++i)
      readings.push_back({timestamp_us(1'772'366'400'000'123 + (i * i % 17) * unit), 0.5,
                          SeriesId{3}, Quality::good});
    CHECK(same(round_trip(readings), readings));
  }
}

TEST_CASE("a reading of the usual mix takes at most three bytes") {
  JournalRecord record;
  record.readings = Fleet().take(250);
  CHECK(encode_record(record).size() <= 3 * 250);
  record.readings = Fleet().take(3000);
  CHECK(encode_record(record).size() <= 9 * 3000 / 4);
}

TEST_CASE("one device of full precision does not make the others longer") {
  JournalRecord record;
  record.readings = Fleet().take(999);
  const std::size_t before = encode_record(record).size();
  for (std::size_t i = 0; i < 30; i += 3)
    record.readings[30 * i].value = std::sqrt(2.0 + double(i));
  CHECK(encode_record(record).size() < before + 10 * 20);
  CHECK(same(round_trip(record.readings), record.readings));
}

TEST_CASE("a record cut short anywhere is refused") {
  const std::string bytes = encode_record(full_record(Fleet().take(40)));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto back = decode_record(std::string_view(bytes).substr(0, size));
    // Between two sections a cut looks like a record without the later ones; the row's CRC knows.
    if (back) CHECK(back->delta.empty());
  }
}

TEST_CASE("no flipped byte of a record crashes the reader") {
  const std::string whole = encode_record(full_record(Fleet().take(40)));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (unsigned flip = 1; flip < 256; ++flip) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ flip);
      const auto back = decode_record(bytes);
      if (!back) CHECK(back.error().kind != ErrorKind::fatal);
    }
}

TEST_CASE("a count that lies asks for no memory") {
  std::string bytes = encode_record(JournalRecord{});
  std::string section;
  ByteWriter readings(section);
  readings.varint(std::uint64_t{1} << 60);
  ByteWriter(bytes).u8(2);
  ByteWriter(bytes).text(section);
  CHECK_FALSE(decode_record(bytes));
}

TEST_CASE("a section a later weir may leave out is skipped, any other is refused") {
  const JournalRecord record = full_record(Fleet().take(3));
  std::string optional = encode_record(record);
  ByteWriter(optional).u8(200);
  ByteWriter(optional).text("from the future");
  const auto back = decode_record(optional);
  REQUIRE(back);
  CHECK(same(*back, record));

  std::string needed = encode_record(record);
  ByteWriter(needed).u8(100);
  ByteWriter(needed).text("from the future");
  const auto refused = decode_record(needed);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);

  std::string newer = encode_record(record);
  newer[0] = 2;
  CHECK(decode_record(newer).error().kind == ErrorKind::unsupported);
}

TEST_CASE("a row passes its check only as it was sealed, in its own place") {
  std::string body = begin_row() + encode_record(full_record(Fleet().take(20)));
  seal_row(body, RowKind::journal, 12);
  REQUIRE(open_row(body, RowKind::journal, 12));
  CHECK_FALSE(open_row(body, RowKind::journal, 13));
  CHECK_FALSE(open_row(body, RowKind::checkpoint, 12));
  for (std::size_t size = 0; size < body.size(); ++size)
    CHECK_FALSE(open_row(std::string_view(body).substr(0, size), RowKind::journal, 12));
  for (std::size_t bit = 0; bit < 8 * body.size(); ++bit) {
    std::string flipped = body;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    CHECK_FALSE(open_row(flipped, RowKind::journal, 12));
  }
}

}  // namespace weir
