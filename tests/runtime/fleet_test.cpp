#include "runtime/fleet.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "runtime/message_template.hpp"
#include "tests/support/catch.hpp"

namespace weir {
namespace {

constexpr Duration second{1'000'000};
constexpr Timestamp start = timestamp_us(1'772'366'400'000'000);  // 2026-03-01T12:00:00Z

FleetOptions options_with(std::string_view faults) {
  FleetOptions options;
  options.devices = 50;
  options.duration = 60 * second;
  options.start = start;
  options.faults = parse_faults(faults).value();
  return options;
}

std::vector<FleetMessage> all_of(Fleet& fleet) {
  std::vector<FleetMessage> messages;
  for (FleetMessage message; fleet.next(message);) messages.push_back(message);
  return messages;
}

const FleetSummary::OfFault& of(const Fleet& fleet, Fault fault) {
  return fleet.summary().faults[static_cast<std::size_t>(fault)];
}

std::vector<FleetMessage> of_device(const std::vector<FleetMessage>& all, const std::string& name) {
  std::vector<FleetMessage> messages;
  for (const FleetMessage& message : all) {
    if (message.topic.find("/" + name + "/") != std::string::npos) messages.push_back(message);
  }
  return messages;
}

/// The number behind `"name":` in a payload of the default template.
double field(const FleetMessage& message, const std::string& name) {
  const std::size_t at = message.payload.find("\"" + name + "\":");
  REQUIRE(at != std::string::npos);
  const char* const begin = message.payload.data() + at + name.size() + 3;
  double value = 0;
  const auto end = message.payload.data() + message.payload.size();
  REQUIRE(std::from_chars(begin, end, value).ec == std::errc());
  return value;
}

Timestamp time_of(const FleetMessage& message) {
  return timestamp_us(static_cast<std::int64_t>(field(message, "ts")) * 1'000);
}

TEST_CASE("the same seed gives the same messages, another seed gives others") {
  const auto run = [](std::uint64_t seed) {
    FleetOptions options = options_with("all");
    options.seed = seed;
    Fleet fleet(options);
    std::string all;
    for (const FleetMessage& message : all_of(fleet)) {
      all += std::to_string(message.due.count()) + message.topic + message.payload + '\n';
    }
    return all;
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

TEST_CASE("the first messages of seed 1 are what they always were") {
  FleetOptions options = options_with("none");
  options.seed = 1;
  Fleet fleet(options);
  FleetMessage message;
  REQUIRE(fleet.next(message));
  CHECK(message.due == Duration(21104));
  CHECK(message.topic == "plant/line4/press048/state");
  CHECK(message.payload ==
        R"({"ts":1772366400021,"temperature":70.73,"pressure":3.2881,"vibration":1.478})");
}

TEST_CASE("messages come in the order of their time, one an interval and device") {
  Fleet fleet(options_with("none"));
  const auto messages = all_of(fleet);
  CHECK(std::ranges::is_sorted(messages, {}, &FleetMessage::due));
  CHECK(messages.size() > 50 * 57);
  CHECK(messages.size() < 50 * 63);
  CHECK(fleet.summary().messages == messages.size());
  CHECK(messages.back().due < 60 * second);
  std::set<std::string> topics;
  for (const FleetMessage& message : messages) {
    topics.insert(message.topic);
    CHECK(time_of(message) == std::chrono::floor<std::chrono::milliseconds>(start + message.due));
  }
  CHECK(topics.size() == 50);
}

TEST_CASE("healthy values stay near what a press would show") {
  FleetOptions options = options_with("none");
  options.day = 60 * second;
  Fleet fleet(options);
  for (const FleetMessage& message : all_of(fleet)) {
    CHECK(field(message, "temperature") == Approx(65).margin(16.5));
    CHECK(field(message, "pressure") == Approx(3.1).margin(0.5));
    CHECK(field(message, "vibration") == Approx(1.2).margin(0.8));
  }
}

TEST_CASE("an endless fleet always has one more message") {
  FleetOptions options = options_with("all");
  options.duration = Duration(0);
  options.devices = 3;
  Fleet fleet(options);
  FleetMessage message;
  Duration before{0};
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(fleet.next(message));
    REQUIRE(message.due >= before);
    before = message.due;
  }
}

TEST_CASE("each fault has its own devices, and what it did is counted") {
  FleetOptions options = options_with("all");
  options.devices = 200;
  Fleet fleet(options);
  const auto messages = all_of(fleet);
  std::set<std::string> names;
  for (std::size_t i = 1; i < fault_count; ++i) {
    INFO(fault_name(static_cast<Fault>(i)));
    const auto& fault = fleet.summary().faults[i];
    CHECK(fault.devices.size() == 4);
    CHECK(fault.messages > 0);
    names.insert(fault.devices.begin(), fault.devices.end());
  }
  CHECK(names.size() == 4 * (fault_count - 1));
}

TEST_CASE("a fleet with fewer devices than faults has the first faults") {
  FleetOptions options = options_with("all");
  options.devices = 2;
  Fleet fleet(options);
  CHECK(of(fleet, Fault::stuck).devices.size() == 1);
  CHECK(of(fleet, Fault::spike).devices.size() == 1);
  CHECK(of(fleet, Fault::drift).devices.empty());
}

TEST_CASE("a stuck device repeats its values for a while") {
  Fleet fleet(options_with("stuck"));
  const auto messages = of_device(all_of(fleet), of(fleet, Fault::stuck).devices.at(0));
  std::uint64_t repeats = 0;
  for (std::size_t i = 1; i < messages.size(); ++i) {
    if (field(messages[i], "pressure") == field(messages[i - 1], "pressure") &&
        field(messages[i], "temperature") == field(messages[i - 1], "temperature")) {
      ++repeats;
    }
  }
  CHECK(repeats == of(fleet, Fault::stuck).messages);
  CHECK(repeats > 20);
}

TEST_CASE("a spike stands far above the values around it") {
  Fleet fleet(options_with("spike"));
  const auto messages = of_device(all_of(fleet), of(fleet, Fault::spike).devices.at(0));
  const auto high = std::ranges::count_if(
      messages, [](const FleetMessage& m) { return field(m, "temperature") > 100; });
  CHECK(static_cast<std::uint64_t>(high) == of(fleet, Fault::spike).messages);
  CHECK(high > 0);
}

TEST_CASE("a drift climbs by about thirty degrees and ends") {
  Fleet fleet(options_with("drift"));
  const auto messages = of_device(all_of(fleet), of(fleet, Fault::drift).devices.at(0));
  const double first = field(messages.front(), "temperature");
  double highest = 0;
  for (const auto& message : messages) highest = std::max(highest, field(message, "temperature"));
  CHECK(highest - first == Approx(29).margin(4));
  CHECK(field(messages.back(), "temperature") == Approx(first).margin(4));
}

TEST_CASE("a dead device says nothing more") {
  Fleet fleet(options_with("dead"));
  const auto messages = of_device(all_of(fleet), of(fleet, Fault::dead).devices.at(0));
  CHECK(messages.back().due < 18 * second);
  CHECK(messages.back().due > 16 * second);
  CHECK(of(fleet, Fault::dead).messages == Approx(42).margin(4));
}

TEST_CASE("wrong clocks stand in 1970 and in 2087") {
  Fleet fleet(options_with("clock_past,clock_future"));
  const auto messages = all_of(fleet);
  const auto past = of_device(messages, of(fleet, Fault::clock_past).devices.at(0));
  const auto future = of_device(messages, of(fleet, Fault::clock_future).devices.at(0));
  for (const auto& message : past) CHECK(format_time(time_of(message)).starts_with("1970-01-01T"));
  for (const auto& message : future) {
    CHECK(format_time(time_of(message)).starts_with("2087-01-01T"));
  }
  CHECK(past.size() == of(fleet, Fault::clock_past).messages);
  CHECK(future.size() == of(fleet, Fault::clock_future).messages);
}

TEST_CASE("late messages come when they were said to, or at the end") {
  Fleet fleet(options_with("late"));
  std::uint64_t late = 0;
  for (const auto& message : of_device(all_of(fleet), of(fleet, Fault::late).devices.at(0))) {
    const Duration behind = start + message.due - time_of(message);
    if (behind < second / 1'000) continue;
    ++late;
    const bool by_the_end = message.due == 60 * second;
    CHECK((by_the_end || (behind >= 10 * second && behind < 10 * second + second / 1'000)));
  }
  CHECK(late == of(fleet, Fault::late).messages);
  CHECK(late > 3);
}

TEST_CASE("repeated messages are byte for byte the same") {
  Fleet fleet(options_with("repeated"));
  std::map<std::string, int> seen;
  std::uint64_t repeats = 0;
  for (const auto& message : of_device(all_of(fleet), of(fleet, Fault::repeated).devices.at(0))) {
    if (seen[message.payload]++ > 0) ++repeats;
  }
  CHECK(repeats == of(fleet, Fault::repeated).messages);
  CHECK(repeats > 3);
}

TEST_CASE("messages out of order come behind their successor") {
  Fleet fleet(options_with("out_of_order"));
  std::uint64_t behind = 0;
  Timestamp newest{};
  for (const auto& message :
       of_device(all_of(fleet), of(fleet, Fault::out_of_order).devices.at(0))) {
    if (time_of(message) < newest) ++behind;
    newest = std::max(newest, time_of(message));
  }
  CHECK(behind > 3);
  CHECK(behind <= of(fleet, Fault::out_of_order).messages);
  CHECK(behind + 1 >= of(fleet, Fault::out_of_order).messages);
}

TEST_CASE("every way to break a payload has its turn") {
  Fleet fleet(options_with("broken"));
  const auto messages = of_device(all_of(fleet), of(fleet, Fault::broken).devices.at(0));
  std::uint64_t counted = 0;
  for (const std::uint64_t n : fleet.summary().broken) {
    CHECK(n >= 3);
    counted += n;
  }
  CHECK(counted == of(fleet, Fault::broken).messages);
  const auto count = [&](auto shape) {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        messages, [&](const FleetMessage& message) { return shape(message.payload); }));
  };
  const auto broken = [&](BrokenPayload kind) {
    return fleet.summary().broken[static_cast<std::size_t>(kind)];
  };
  CHECK(count([](const std::string& p) { return p.empty(); }) == broken(BrokenPayload::empty));
  CHECK(count([](const std::string& p) { return p.starts_with('{') && !p.ends_with('}'); }) ==
        broken(BrokenPayload::truncated));
  CHECK(count([](const std::string& p) { return p.find("\"pressure\":NaN") != p.npos; }) ==
        broken(BrokenPayload::not_a_number));
  CHECK(count([](const std::string& p) { return p.find("\"vibration\":[\"hot\"]") != p.npos; }) ==
        broken(BrokenPayload::wrong_type));
  CHECK(count([](const std::string& p) { return p.starts_with("ERROR"); }) ==
        broken(BrokenPayload::not_json));
}

TEST_CASE("a flood is fifty times what its neighbours send") {
  Fleet fleet(options_with("flood"));
  const auto messages = of_device(all_of(fleet), of(fleet, Fault::flood).devices.at(0));
  CHECK(of(fleet, Fault::flood).messages == Approx(27 * 50).epsilon(0.1));
  CHECK(messages.size() > of(fleet, Fault::flood).messages);
}

TEST_CASE("faults are parsed, and an unknown one is named with those that exist") {
  CHECK(parse_faults("none").value().empty());
  CHECK(parse_faults("all").value().size() == fault_count - 1);
  CHECK(parse_faults("late,stuck,late").value() == std::vector{Fault::late, Fault::stuck});
  for (const std::string_view bad : {"", "sticky", "late,", "late,none", "all,late"}) {
    INFO(bad);
    REQUIRE(!parse_faults(bad));
    CHECK(parse_faults(bad).error().message.find("stuck, spike") != std::string::npos);
  }
}

TEST_CASE("senseless sizes of a fleet are mended, not obeyed") {
  FleetOptions options = options_with("flood");
  options.devices = 0;
  options.lines = 0;
  options.interval = Duration(0);
  options.flood_factor = 0;
  options.day = Duration(0);
  options.duration = Duration(1'000);
  Fleet fleet(options);
  CHECK(!all_of(fleet).empty());
}

TEST_CASE("a template fills what it knows and leaves other braces alone") {
  constexpr std::array<std::string_view, 2> names = {"a", "b"};
  TemplateValues values;
  values.integer(0, 1);
  values.text(1, "two");
  const auto filled = [&](std::string_view text) {
    std::string out = "left over";
    MessageTemplate(text, names).render(values, out);
    return out;
  };
  CHECK(filled("") == "");
  CHECK(filled("plain") == "plain");
  CHECK(filled("{a}{b}{a}") == "1two1");
  CHECK(filled(R"({"x":{a},"y":{"z":"{b}"}})") == R"({"x":1,"y":{"z":"two"}})");
  CHECK(filled("{c} {} {a") == "{c} {} {a");
  CHECK(filled("{{a}}") == "{1}");
}

TEST_CASE("template values are the shortest exact text, and none overflows") {
  TemplateValues values;
  values.number(0, 0.1);
  CHECK(values[0] == "0.1");
  values.number(0, -1e300);
  CHECK(values[0] == "-1e+300");
  values.number(0, 1e300, 2);
  CHECK(values[0] == "");
  values.time(0, timestamp_us(253'402'300'799'000'000));
  CHECK(values[3] == "9223372036854775000");
  CHECK(values[4] == "9999-12-31T23:59:59Z");
}

TEST_CASE("a fleet speaks through the templates it is given") {
  FleetOptions options = options_with("none");
  options.topic = "site/{device}/{line}";
  options.payload = "{seq};{time};{ts_s};{ts_us};{ts_ns}";
  Fleet fleet(options);
  FleetMessage message;
  REQUIRE(fleet.next(message));
  CHECK(message.topic.starts_with("site/press"));
  const std::string us = std::to_string(count_us(start + message.due));
  CHECK(message.payload == "1;" + format_time(start + message.due) + ";" +
                               us.substr(0, us.size() - 6) + ";" + us + ";" + us + "000");
}

}  // namespace
}  // namespace weir
