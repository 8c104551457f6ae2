// A Kafka-protocol broker without a JVM, for the demonstration and for trying weir:
// librdkafka's mock cluster, served on a free loopback port until SIGTERM, SIGINT or, where
// standard input is a pipe, its end.
//
//   weir-mock-kafka [--topics a,b] [--partitions N] [--port-file FILE]
//
// Prints its address ("127.0.0.1:40001") as its first line, and writes it to FILE when it answers.

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "tests/support/mock_kafka.hpp"

namespace {

struct Arguments {
  std::string topics, port_file;
  int partitions = 1;
};

int usage(const char* message) {
  std::cerr << message
            << "\nusage: weir-mock-kafka [--topics a,b] [--partitions N] [--port-file FILE]\n";
  return 2;
}

bool read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--topics")
      out.topics = value;
    else if (name == "--port-file")
      out.port_file = value;
    else if (name != "--partitions" ||
             std::from_chars(value.data(), value.data() + value.size(), out.partitions).ec !=
                 std::errc() ||
             out.partitions < 1)
      return false;
  }
  return argc % 2 == 1;
}

void create_topics(weir::MockKafka& kafka, std::string_view topics, int partitions) {
  while (!topics.empty()) {
    const std::size_t comma = std::min(topics.find(','), topics.size());
    if (comma > 0) kafka.create_topic(std::string(topics.substr(0, comma)), partitions);
    topics.remove_prefix(std::min(comma + 1, topics.size()));
  }
}

/// Written under another name first, so that whoever waits for the file finds it complete.
bool write_port_file(const std::string& path, const std::string& address) {
  const std::string partial = path + ".partial";
  std::ofstream(partial) << address << '\n';
  return std::rename(partial.c_str(), path.c_str()) == 0;
}

void wait_for_the_end(int signals) {
  struct stat input {};
  const bool watch_input = ::fstat(STDIN_FILENO, &input) == 0 && S_ISFIFO(input.st_mode);
  std::array<pollfd, 2> events = {
      {{signals, POLLIN, 0}, {watch_input ? STDIN_FILENO : -1, POLLIN, 0}}};
  while (true) {
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[0].revents != 0) return;
    std::array<char, 256> ignored;
    if (events[1].revents != 0 && ::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) return usage("unknown or incomplete argument");

  // Blocked before the cluster's threads begin, so that the signals reach the descriptor.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = ::signalfd(-1, &ends, SFD_CLOEXEC);

  weir::MockKafka kafka;
  create_topics(kafka, arguments.topics, arguments.partitions);
  std::cout << kafka.brokers() << std::endl;
  if (!arguments.port_file.empty() && !write_port_file(arguments.port_file, kafka.brokers())) {
    std::cerr << "can't write " << arguments.port_file << '\n';
    return 1;
  }
  wait_for_the_end(signals);
  return 0;
}
