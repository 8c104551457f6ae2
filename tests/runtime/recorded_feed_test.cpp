#include "runtime/recorded_feed.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"

namespace weir {
namespace {

using namespace std::chrono_literals;

/// A directory of its own that is gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-feed-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

RecordedFeed feed_of(std::vector<std::string> files, RecordedOptions options = {}) {
  return {std::move(files), std::move(options), "plant/{line}/{device}/state",
          RecordedFeed::default_payload};
}

std::vector<FleetMessage> all_of(RecordedFeed& feed) {
  std::vector<FleetMessage> messages;
  for (FleetMessage message; feed.next(message);) messages.push_back(message);
  return messages;
}

TEST_CASE("a CSV file becomes one message a reading, due when it was recorded") {
  const Folder folder;
  RecordedOptions options;
  options.time_column = "timestamp";
  options.time_format = TimeFormat::rfc3339;
  auto feed = feed_of({folder.file("oven.csv",
                                   "timestamp,value\n2014-07-01 00:00:00,10844\n"
                                   "2014-07-01 00:30:00,8127.5\n")},
                      options);
  const auto messages = all_of(feed);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].due == Duration(0));
  CHECK(messages[0].topic == "plant/recorded/oven/state");
  CHECK(messages[0].payload == R"({"ts":1404172800000,"value":10844})");
  CHECK(messages[1].due == 1800s);
  CHECK(messages[1].payload == R"({"ts":1404174600000,"value":8127.5})");
  CHECK(feed.complaint().empty());
}

TEST_CASE("readings that were recorded out of order never turn the time back") {
  const Folder folder;
  auto feed = feed_of({folder.file("a.jsonl", R"({"time":5000,"device":"d","metric":"m","value":1})"
                                              "\n"
                                              R"({"time":9000,"device":"d","metric":"m","value":2})"
                                              "\n"
                                              R"({"time":7000,"device":"d","metric":"m","value":3})"
                                              "\n"
                                              R"({"time":1000,"device":"d","metric":"m","value":4})"
                                              "\n")});
  std::vector<Duration> due;
  for (const FleetMessage& message : all_of(feed)) due.push_back(message.due);
  CHECK(due == std::vector<Duration>{Duration(0), 4s, 4s, 4s});
}

TEST_CASE("files are played one behind the other") {
  const Folder folder;
  const auto line = [](int time) {
    return R"({"time":)" + std::to_string(time) + R"(,"device":"d","metric":"m","value":1})" + "\n";
  };
  auto feed = feed_of({folder.file("a.jsonl", line(100'000) + line(103'000)),
                       folder.file("b.jsonl", line(1'000) + line(2'000))});
  const auto messages = all_of(feed);
  REQUIRE(messages.size() == 4);
  CHECK(messages[2].due == 3s);
  CHECK(messages[3].due == 4s);
}

TEST_CASE("names that would break a topic or a payload do not") {
  const Folder folder;
  auto feed = feed_of(
      {folder.file("a.jsonl", R"({"time":0,"device":"a/+#","metric":"say \"hi\"","value":0.1})"
                              "\n")});
  const auto messages = all_of(feed);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].topic == "plant/recorded/a___/state");
  CHECK(messages[0].payload == R"({"ts":0,"say \"hi\"":0.1})");
}

TEST_CASE("lines that can't be read are left out and told") {
  const Folder folder;
  auto feed = feed_of({folder.file("a.jsonl", R"({"time":0,"device":"d","metric":"m","value":1})"
                                              "\nnonsense\n{}\n"
                                              R"({"time":1000,"device":"d","metric":"m","value":2})"
                                              "\n")});
  CHECK(all_of(feed).size() == 2);
  CHECK(feed.complaint().find("a.jsonl:2") != std::string::npos);
  CHECK(feed.complaint().find("1 more") != std::string::npos);
}

TEST_CASE("a file that is not there ends it with its name") {
  auto feed = feed_of({"/nowhere/a.csv"});
  CHECK(all_of(feed).empty());
  CHECK(feed.complaint().find("/nowhere/a.csv") != std::string::npos);
}

}  // namespace
}  // namespace weir
