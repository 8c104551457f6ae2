#include "config/time_zone.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string big_endian(std::int64_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

struct Listed {
  std::int64_t at;
  std::int32_t offset;
};

std::string block(const std::vector<Listed>& changes, std::int32_t first, int size) {
  const auto n = static_cast<std::int64_t>(changes.size());
  std::string bytes = "TZif2" + std::string(15, '\0');
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{0}, std::int64_t{0}, n, n + 1, std::int64_t{4}})
    bytes += big_endian(count, 4);
  for (const Listed& change : changes) bytes += big_endian(change.at, size);
  for (std::int64_t i = 0; i < n; ++i) bytes += static_cast<char>(i + 1);
  bytes += big_endian(first, 4) + std::string(2, '\0');
  for (const Listed& change : changes) bytes += big_endian(change.offset, 4) + std::string(2, '\0');
  return bytes + "XYZ" + '\0';
}

/// As zic writes them today: what is listed ends long ago, the rule says the rest.
std::string file(const std::vector<Listed>& changes, std::int32_t first, const std::string& rule) {
  return block({}, 0, 4) + block(changes, first, 8) + "\n" + rule + "\n";
}

TimeZone zone(const std::string& bytes) {
  auto parsed = TimeZone::parse("test", bytes);
  REQUIRE(parsed);
  return *parsed;
}

Timestamp utc(const char* text) {
  return parse_time(text, Duration(0)).value();
}
Duration local(const char* text) {
  return utc(text).time_since_epoch();
}

const std::string berlin = file({{-1000, 3600}, {0, 3600}}, 3208, "CET-1CEST,M3.5.0,M10.5.0/3");

}  // namespace

TEST_CASE("before the first change, between changes and by the rule, a zone has its offset") {
  const TimeZone found = zone(berlin);
  CHECK(found.offset_at(timestamp_us(-1'000'000'001)) == 3208s);
  CHECK(found.offset_at(timestamp_us(-999'999'999)) == 1h);
  CHECK(found.offset_at(utc("2021-03-28T00:59:59.999999Z")) == 1h);
  CHECK(found.offset_at(utc("2021-03-28T01:00:00Z")) == 2h);
  CHECK(found.offset_at(utc("2021-10-31T00:59:59Z")) == 2h);
  CHECK(found.offset_at(utc("2021-10-31T01:00:00Z")) == 1h);
  CHECK(found.offset_at(utc("2099-07-01T00:00:00Z")) == 2h);
}

TEST_CASE("a local time that comes twice is the first, one that is skipped is the end of the gap") {
  const TimeZone found = zone(berlin);
  CHECK(found.first_at(local("2021-06-01T12:00:00Z")) == utc("2021-06-01T10:00:00Z"));
  CHECK(found.first_at(local("2021-01-01T00:00:00.5Z")) == utc("2020-12-31T23:00:00.5Z"));
  CHECK(found.first_at(local("2021-03-28T02:30:00Z")) == utc("2021-03-28T01:00:00Z"));
  CHECK(found.first_at(local("2021-03-28T03:00:00Z")) == utc("2021-03-28T01:00:00Z"));
  CHECK(found.first_at(local("2021-10-31T02:30:00Z")) == utc("2021-10-31T00:30:00Z"));
  CHECK(found.first_at(local("2021-10-31T03:00:00Z")) == utc("2021-10-31T02:00:00Z"));
}

TEST_CASE("rules are read in every form of POSIX") {
  const auto offset = [](const std::string& rule, const char* time) {
    return zone(file({}, 0, rule)).offset_at(utc(time));
  };
  CHECK(offset("<+0330>-3:30", "2021-07-01T00:00:00Z") == 3h + 30min);
  CHECK(offset("EST5EDT,M3.2.0,M11.1.0", "2021-07-01T00:00:00Z") == -4h);
  CHECK(offset("EST5EDT,M3.2.0,M11.1.0", "2021-12-01T00:00:00Z") == -5h);
  // The southern summer, and Dublin, whose standard time is that of the summer.
  CHECK(offset("AEST-10AEDT,M10.1.0,M4.1.0/3", "2021-01-01T00:00:00Z") == 11h);
  CHECK(offset("IST-1GMT0,M10.5.0,M3.5.0/1", "2021-07-01T00:00:00Z") == 1h);
  CHECK(offset("IST-1GMT0,M10.5.0,M3.5.0/1", "2021-12-01T00:00:00Z") == 0h);
  // Days by number, and times beyond the day.
  CHECK(offset("AAA0BBB,J60/0,J61/0", "2020-03-01T00:00:00Z") == 1h);
  CHECK(offset("AAA0BBB,59/0,60/0", "2020-02-29T00:00:00Z") == 1h);
  CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z") == -1h);
  CHECK(offset("XXX3EDT4,0/0,J365/23", "2024-12-31T12:00:00Z") == -4h);
}

TEST_CASE("a file that is cut off, is none or counts leap seconds is refused") {
  CHECK_FALSE(TimeZone::parse("x", ""));
  CHECK_FALSE(TimeZone::parse("x", "[[rollup]]"));
  for (std::size_t size = 0; size < berlin.size(); ++size) {
    INFO(size);
    CHECK_FALSE(TimeZone::parse("x", berlin.substr(0, size)));
  }
  std::string leaps = berlin;
  const std::size_t second = block({}, 0, 4).size();
  leaps[second + 20 + 11] = 1;
  CHECK(TimeZone::parse("x", leaps).error().message.find("leap") != std::string::npos);
}

TEST_CASE("a rule that is damaged anywhere is refused or another one, and crashes nothing") {
  for (std::size_t at = 0; at < berlin.size(); ++at) {
    for (const char put : {'\0', '9', '-', ',', '\xFF'}) {
      std::string damaged = berlin;
      damaged[at] = put;
      const auto parsed = TimeZone::parse("x", damaged);
      if (parsed) (void)parsed->first_at(local("2021-03-28T02:30:00Z"));
    }
  }
}

TEST_CASE("zones come from the system, and an unknown one is named") {
  const auto found = load_time_zone("Europe/Berlin");
  REQUIRE(found);
  CHECK(found->name() == "Europe/Berlin");
  CHECK(found->offset_at(utc("2021-07-01T00:00:00Z")) == 2h);
  CHECK(found->offset_at(utc("1950-01-01T00:00:00Z")) == 1h);
  CHECK(found->first_at(local("2045-07-01T00:00:00Z")) == utc("2045-06-30T22:00:00Z"));
  CHECK(load_time_zone("UTC")->offset_at(utc("2021-07-01T00:00:00Z")) == 0h);
  for (const char* name : {"Europe/Berlln", "", "/etc/passwd", "../../../etc/passwd", "Europe"}) {
    const auto refused = load_time_zone(name);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find(std::string("\"") + name + "\"") != std::string::npos);
  }
}
