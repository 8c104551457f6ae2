// Processes and brokers that end without warning: nothing is lost and nothing is seen twice.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include "runtime/kafka_sink.hpp"
#include "runtime/seeded_random.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_outbox.hpp"
#include "tests/support/kafka_consumer.hpp"
#include "tests/support/real_kafka.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t rows = 3000;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

UplinkOptions uplink_options() {
  UplinkOptions options;
  options.gateway = environment("FEED_GATEWAY");
  options.epoch = "11111111-2222-4333-8444-555555555555";
  options.batch = 25;
  options.publish_timeout = 10s;
  options.retry_min = 10ms;
  options.retry_max = 200ms;
  return options;
}

KafkaOptions kafka_options() {
  KafkaOptions options;
  options.brokers = {environment("FEED_BROKERS")};
  options.position_topic = environment("FEED_POSITIONS");
  options.transaction_timeout = 10s;
  options.properties = {{"reconnect.backoff.max.ms", "500"}};
  return options;
}

void name_scene(const std::string& brokers) {
  ::setenv("FEED_BROKERS", brokers.c_str(), 1);
  ::setenv("FEED_GATEWAY", unique_name("gw").c_str(), 1);
  ::setenv("FEED_TOPIC", unique_name("rows").c_str(), 1);
  ::setenv("FEED_POSITIONS", unique_name("positions").c_str(), 1);
}

void fill(FakeOutbox& outbox) {
  for (std::uint64_t i = 1; i <= rows; ++i)
    outbox.add(i % 10 == 0 ? Lane::alerts : Lane::live,
               sample_output("m" + std::to_string(i), environment("FEED_TOPIC")));
}

/// This program again, as the feeder below; `progress` gets a byte after every publish.
pid_t start_feeder(int progress) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, progress, STDOUT_FILENO);
  std::string name = "feeder";
  std::string option = "[.feeder]";
  char* arguments[] = {name.data(), option.data(), nullptr};
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  REQUIRE(failed == 0);
  return pid;
}

/// Lets a feeder publish `steps` times and then live for `extra_ms` more. True if it had finished.
bool feed_and_kill(std::uint64_t steps, int extra_ms) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t pid = start_feeder(ends[1]);
  ::close(ends[1]);
  char byte = 0;
  bool alive = true;
  while (steps > 0 && (alive = ::read(ends[0], &byte, 1) == 1)) steps -= byte == '.' ? 1 : 0;
  pollfd end{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
  if (alive) ::poll(&end, 1, extra_ms);
  ::close(end.fd);
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(ends[0]);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void check_that_every_row_arrived_once() {
  KafkaConsumer consumer(environment("FEED_BROKERS"), environment("FEED_TOPIC"));
  std::multiset<std::string> found;
  for (const ConsumedRecord& item : consumer.read_to_end())
    found.insert(item.headers.at("weir-seq"));
  std::string missing, twice;
  for (std::uint64_t seq = 1; seq <= rows; ++seq) {
    const std::size_t n = found.count(std::to_string(seq));
    if (n == 0) missing += std::to_string(seq) + " ";
    if (n > 1) twice += std::to_string(seq) + " ";
  }
  CHECK(missing == "");
  CHECK(twice == "");
  CHECK(found.size() == rows);
}

}  // namespace

TEST_CASE("feeds rows until all are delivered", "[.feeder]") {
  FakeOutbox outbox;
  fill(outbox);
  KafkaSink sink(kafka_options(), environment("FEED_GATEWAY"), uplink_options().epoch, {});
  Uplink uplink(uplink_options(), outbox, sink, {});
  while (outbox.size() > 0) {
    if (uplink.step(10s)) REQUIRE(::write(STDOUT_FILENO, ".", 1) == 1);
    outbox.apply(uplink.take_feedback());
  }
}

TEST_CASE("a gateway killed twenty times delivers every row exactly once") {
  const std::string brokers = real_kafka_brokers();
  if (brokers.empty()) return;
  name_scene(brokers);
  SeededRandom random(20);
  int kills = 0;
  for (; kills < 20; ++kills) {
    if (feed_and_kill(random.below(6), static_cast<int>(random.below(40)))) break;
  }
  CHECK(kills == 20);
  CHECK(feed_and_kill(rows, 60'000));
  check_that_every_row_arrived_once();
}

TEST_CASE("a broker killed under load costs nothing and repeats nothing") {
  if (real_kafka_brokers().empty()) return;
  const std::string directory =
      (std::filesystem::temp_directory_path() / unique_name("weir-kafka")).string();
  const auto broker = [&](const std::string& command) {
    const std::string line = std::string(WEIR_SOURCE_DIR) + "/tests/kafka/broker.sh " + command +
                             " " + directory + " >/dev/null";
    return std::system(line.c_str()) == 0;
  };
  REQUIRE(broker("start"));
  std::string address;
  std::getline(std::ifstream(directory + "/brokers") >> std::ws, address);
  name_scene(address);

  FakeOutbox outbox;
  fill(outbox);
  KafkaSink sink(kafka_options(), environment("FEED_GATEWAY"), uplink_options().epoch, {});
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t wakes = 0;
  Uplink uplink(uplink_options(), outbox, sink, [&] {
    const std::lock_guard lock(mutex);
    ++wakes;
    changed.notify_all();
  });
  uplink.start();
  const auto delivered_at_least = [&](std::uint64_t share) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 90s, [&] {
      outbox.apply(uplink.take_feedback());
      return outbox.size() <= rows - share;
    });
  };
  REQUIRE(delivered_at_least(rows / 5));
  REQUIRE(broker("kill"));
  REQUIRE(broker("start"));
  CHECK(delivered_at_least(rows / 2));
  REQUIRE(broker("stop"));
  REQUIRE(broker("start"));
  CHECK(delivered_at_least(rows));
  uplink.stop(5s);
  check_that_every_row_arrived_once();
  CHECK(broker("clean"));
}
