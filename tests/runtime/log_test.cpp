#include "runtime/log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "tests/support/catch.hpp"

using namespace weir;
using std::chrono::seconds;

namespace {

/// Standard error goes to a file while this lives; the log is as configured before afterwards.
class CapturedStderr {
 public:
  explicit CapturedStderr(LogOptions options, bool as_journal = false)
      : file_(std::tmpfile()), saved_(::dup(STDERR_FILENO)) {
    REQUIRE(file_ != nullptr);
    flush_log();
    ::dup2(::fileno(file_), STDERR_FILENO);
    struct stat status {};
    ::fstat(STDERR_FILENO, &status);
    const std::string stream =
        std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino + !as_journal);
    ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
    configure_log(options);
  }
  ~CapturedStderr() {
    flush_log();
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    std::fclose(file_);
    ::unsetenv("JOURNAL_STREAM");
    configure_log({});
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;

  std::vector<std::string> lines() const {
    std::string all;
    std::rewind(file_);
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, file_)) > 0;) {
      all.append(buffer, n);
    }
    std::vector<std::string> lines;
    std::istringstream in(all);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::FILE* file_;
  int saved_;
};

/// The line without its time, whose form is checked.
std::string behind_time(const std::string& line) {
  const std::size_t end = line.find("Z ");
  REQUIRE(end != std::string::npos);
  REQUIRE(parse_time(line.substr(0, end + 1)));
  return line.substr(end + 2);
}

LogOptions options_of(const char* toml, Problems& problems) {
  ConfigFile file = ConfigFile::parse(toml, "weir.toml");
  Params root = file.root();
  const LogOptions options = LogOptions::read(root);
  root.finish();
  problems = file.problems();
  return options;
}

}  // namespace

TEST_CASE("a line of the log has its time, its level and its sentence") {
  const CapturedStderr captured({});
  log_info("connected to the broker");
  log_warning("the link is down");
  log_error("100% {} of %s");
  const auto lines = captured.lines();
  REQUIRE(lines.size() == 3);
  CHECK(behind_time(lines[0]) == "info    connected to the broker");
  CHECK(behind_time(lines[1]) == "warning the link is down");
  CHECK(behind_time(lines[2]) == "error   100% {} of %s");
}

TEST_CASE("messages below the level are not written") {
  const CapturedStderr captured({LogLevel::warning, LogFormat::text});
  log_debug("a");
  log_info("b");
  log_warning("c");
  CHECK(captured.lines().size() == 1);
}

TEST_CASE("in the journal a line has its priority instead of its time") {
  const CapturedStderr captured({LogLevel::debug, LogFormat::text}, true);
  log_debug("a");
  log_info("b");
  log_warning("c");
  log_error("d");
  CHECK(captured.lines() == std::vector<std::string>{"<7>a", "<6>b", "<4>c", "<3>d"});
}

TEST_CASE("as JSON every line is one object, whatever the message holds") {
  const CapturedStderr captured({LogLevel::info, LogFormat::json});
  log_error("a \"quoted\"\nline\x1b");
  const auto lines = captured.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("{\"time\":\"") == 0);
  CHECK(lines[0].find("\"level\":\"error\",\"message\":\"a \\\"quoted\\\"\\nline\\u001") !=
        std::string::npos);
}

TEST_CASE("a message can neither forge a line nor steer the terminal") {
  const CapturedStderr captured({});
  log_info("topic a\n2026-01-01T00:00:00Z error   forged\x1b[2J\x7f\t\r");
  const auto lines = captured.lines();
  REQUIRE(lines.size() == 1);
  CHECK(behind_time(lines[0]) ==
        "info    topic a\\n2026-01-01T00:00:00Z error   forged\\x1b[2J\\x7f\\t\\x0d");
}

TEST_CASE("a component's log begins with its name") {
  const CapturedStderr captured({});
  const Log kafka = log_as("kafka");
  kafka(LogLevel::warning, "no broker answers");
  REQUIRE(captured.lines().size() == 1);
  CHECK(behind_time(captured.lines()[0]) == "warning kafka: no broker answers");
}

TEST_CASE("a message that repeats is written five times and then summed up") {
  const CapturedStderr captured({});
  for (int i = 0; i < 100; ++i) log_warning("the broker refused us");
  log_warning("something else");
  flush_log();
  const auto lines = captured.lines();
  REQUIRE(lines.size() == 7);
  CHECK(behind_time(lines[4]) == "warning the broker refused us");
  CHECK(behind_time(lines[5]) == "warning something else");
  CHECK(behind_time(lines[6]) == "warning the broker refused us (95 times more within a minute)");
}

TEST_CASE("many threads write whole lines") {
  const CapturedStderr captured({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 50; ++i) {
        log_info("thread " + std::to_string(t) + " line " + std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = captured.lines();
  REQUIRE(lines.size() == 200);
  for (const std::string& line : lines) CHECK(behind_time(line).find("info    thread ") == 0);
}

TEST_CASE("the repeat filter starts anew after its period") {
  RepeatFilter filter;
  for (int i = 0; i < 8; ++i) CHECK(filter.pass(LogLevel::info, "a", seconds(i)) == (i < 5));
  CHECK(filter.take_ended(seconds(59)).empty());
  const auto sums = filter.take_ended(seconds(60));
  REQUIRE(sums.size() == 1);
  CHECK(sums[0].text == "a");
  CHECK(sums[0].count == 3);
  CHECK(filter.take_all().empty());
  CHECK(filter.pass(LogLevel::info, "a", seconds(61)));
}

TEST_CASE("the repeat filter sums up a period that ended unnoticed") {
  RepeatFilter filter;
  for (int i = 0; i < 7; ++i) filter.pass(LogLevel::info, "a", seconds(0));
  CHECK(filter.pass(LogLevel::info, "a", seconds(100)));
  const auto sums = filter.take_ended(seconds(100));
  REQUIRE(sums.size() == 1);
  CHECK(sums[0].count == 2);
}

TEST_CASE("the repeat filter tells levels and texts apart") {
  RepeatFilter filter;
  for (int i = 0; i < 5; ++i) CHECK(filter.pass(LogLevel::info, "a", seconds(0)));
  CHECK(filter.pass(LogLevel::error, "a", seconds(0)));
  CHECK(filter.pass(LogLevel::info, "b", seconds(0)));
  CHECK_FALSE(filter.pass(LogLevel::info, "a", seconds(0)));
}

TEST_CASE("the repeat filter forgets the oldest text for a new one, but not its sum") {
  RepeatFilter filter;
  for (int i = 0; i < 9; ++i) filter.pass(LogLevel::info, "flood", seconds(0));
  for (std::size_t i = 0; i < RepeatFilter::capacity; ++i) {
    CHECK(filter.pass(LogLevel::info, std::to_string(i), seconds(1)));
  }
  const auto sums = filter.take_ended(seconds(1));
  REQUIRE(sums.size() == 1);
  CHECK(sums[0].text == "flood");
  CHECK(sums[0].count == 4);
}

TEST_CASE("level and format of the log are configured") {
  Problems problems;
  LogOptions options = options_of("", problems);
  CHECK(options.level == LogLevel::info);
  CHECK(options.format == LogFormat::text);
  options = options_of("[log]\nlevel = \"debug\"\nformat = \"json\"\n", problems);
  CHECK(problems.empty());
  CHECK(options.level == LogLevel::debug);
  CHECK(options.format == LogFormat::json);
  options_of("[log]\nlevel = \"loud\"\n", problems);
  CHECK(problems.list().size() == 1);
}
