#include "config/units.hpp"

#include <limits>

#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string duration_error(std::string_view text) {
  const auto parsed = parse_duration(text);
  return parsed ? "read as " + format_duration(*parsed) : parsed.error().message;
}

std::string bytes_error(std::string_view text) {
  const auto parsed = parse_bytes(text);
  return parsed ? "read as " + format_bytes(*parsed) : parsed.error().message;
}

}  // namespace

TEST_CASE("a duration is a number directly before each unit") {
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("1h30m").value() == 90min);
  CHECK(parse_duration("2d").value() == 48h);
  CHECK(parse_duration("1w").value() == 168h);
  CHECK(parse_duration("7us").value() == 7us);
  CHECK(parse_duration("0.5s").value() == 500ms);
  CHECK(parse_duration("1.5h").value() == 90min);
  CHECK(parse_duration("1w2d3h4m5s6ms7us").value() == 168h + 48h + 3h + 4min + 5s + Duration(6007));
  CHECK(parse_duration("0").value() == 0s);
  CHECK(parse_duration("0s").value() == 0s);
  CHECK(parse_duration("0.000001s").value() == 1us);
  CHECK(parse_duration("0.333333w").value() == Duration(201'599'798'400));
  CHECK(parse_duration("000000000000000000000000000001s").value() == 1s);
}

TEST_CASE("a duration in any other form is refused and says what it looks like") {
  for (const char* text : {"",    " ",    "s",          "30 s", " 30s", "30s ",  "1h 30m", "1,5s",
                           ".5s", "5.s",  "1e3s",       "+1s",  "1H",   "1sec",  "1s2s",   "1m1h",
                           "1ss", "0x1s", "1\xC2\xB5s", "\xff", "s30",  "1..5s", "1.5.5s"}) {
    INFO(text);
    REQUIRE_FALSE(parse_duration(text));
    CHECK(parse_duration(text).error().kind == ErrorKind::invalid);
    CHECK(duration_error(text).find("\"250ms\" or \"1h30m\"") != std::string::npos);
  }
  CHECK_FALSE(parse_duration(std::string_view("1\0s", 3)));
}

TEST_CASE("the usual mistakes with durations have messages of their own") {
  CHECK(duration_error("30") == "a duration needs a unit: \"30s\", \"5m\", \"2h\"");
  CHECK(duration_error("1.5") == "a duration needs a unit: \"30s\", \"5m\", \"2h\"");
  CHECK(duration_error("-5s") == "a duration can't be negative");
  CHECK(duration_error("0.0000001s") == "a duration can't be finer than a microsecond");
  CHECK(duration_error("0.5us") == "a duration can't be finer than a microsecond");
}

TEST_CASE("a duration ends at 100 years, and no number of digits overflows it") {
  CHECK(parse_duration("36525d"));
  CHECK(duration_error("36525d1us") == "a duration can't be longer than 100 years");
  CHECK(duration_error("36525.1d") == "a duration can't be longer than 100 years");
  CHECK(duration_error("18446744073709551616us") == "a duration can't be longer than 100 years");
  CHECK(duration_error("18446744073709551617w") == "a duration can't be longer than 100 years");
  CHECK(duration_error(std::string(100'000, '9') + "s") ==
        "a duration can't be longer than 100 years");
  CHECK(duration_error("0." + std::string(100'000, '9') + "s") ==
        "a duration can't be finer than a microsecond");
}

TEST_CASE("a duration is written without the units that are zero") {
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(90min) == "1h30m");
  CHECK(format_duration(250ms) == "250ms");
  CHECK(format_duration(1500ms) == "1s500ms");
  CHECK(format_duration(168h) == "7d");
  CHECK(format_duration(1us) == "1us");
  CHECK(format_duration(-90s) == "-1m30s");
  CHECK(format_duration(Duration::min()) == "-106751991d4h54s775ms808us");
}

TEST_CASE("every duration that is written is read back as the same") {
  std::uint64_t seed = 1;
  for (int i = 0; i < 20'000; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    const Duration duration(static_cast<std::int64_t>((seed >> 13) >> (i % 50)));
    INFO(format_duration(duration));
    REQUIRE(parse_duration(format_duration(duration)).value() == duration);
  }
}

TEST_CASE("a size is a number directly before one unit") {
  CHECK(parse_bytes("64MiB").value() == Bytes{64u << 20});
  CHECK(parse_bytes("512").value() == Bytes{512});
  CHECK(parse_bytes("512B").value() == Bytes{512});
  CHECK(parse_bytes("0").value() == Bytes{0});
  CHECK(parse_bytes("1kB").value() == Bytes{1000});
  CHECK(parse_bytes("1KiB").value() == Bytes{1024});
  CHECK(parse_bytes("2MB").value() == Bytes{2'000'000});
  CHECK(parse_bytes("1.5GB").value() == Bytes{1'500'000'000});
  CHECK(parse_bytes("1GiB").value() == Bytes{1ULL << 30});
  CHECK(parse_bytes("3TB").value() == Bytes{3'000'000'000'000});
  CHECK(parse_bytes("1TiB").value() == Bytes{1ULL << 40});
}

TEST_CASE("a part of a byte is cut off, and refused where bytes are counted") {
  CHECK(parse_bytes("0.1KiB").value() == Bytes{102});
  CHECK(bytes_error("1.5") == "a size can't be finer than a byte");
  CHECK(bytes_error("1.5B") == "a size can't be finer than a byte");
}

TEST_CASE("a size in any other form is refused and says what it looks like") {
  for (const char* text : {"", "MiB", "1 MiB", "1MiB ", "1KB", "1kib", "1mb", "1M", "1b", "1.MB",
                           ".5MB", "+1B", "1e3B", "1MiB1KiB", "0x10", "\xff", "1,5GB"}) {
    INFO(text);
    REQUIRE_FALSE(parse_bytes(text));
    CHECK(bytes_error(text).find("as \"64MiB\"") != std::string::npos);
  }
  CHECK(bytes_error("-1B") == "a size can't be negative");
}

TEST_CASE("a size ends at 2^63 bytes, and no number of digits overflows it") {
  CHECK(parse_bytes("9223372036854775808").value() == Bytes{1ULL << 63});
  CHECK(bytes_error("9223372036854775809") == "a size can't be above 2^63 bytes");
  CHECK(bytes_error("18446744073709551616") == "a size can't be above 2^63 bytes");
  CHECK(bytes_error("8388608TiB") == "read as 8388608TiB");
  CHECK(bytes_error("8388608.1TiB") == "a size can't be above 2^63 bytes");
  CHECK(bytes_error(std::string(100'000, '9') + "GB") == "a size can't be above 2^63 bytes");
}

TEST_CASE("a size is written in the largest binary unit that is exact") {
  CHECK(format_bytes(Bytes{256u << 20}) == "256MiB");
  CHECK(format_bytes(Bytes{1000}) == "1000B");
  CHECK(format_bytes(Bytes{0}) == "0B");
  CHECK(format_bytes(Bytes{1536}) == "1536B");
  CHECK(format_bytes(Bytes{1536u << 10}) == "1536KiB");
  CHECK(format_bytes(Bytes{1ULL << 40}) == "1TiB");
  CHECK(format_bytes(Bytes{std::numeric_limits<std::uint64_t>::max()}) == "18446744073709551615B");
}
