// weir-simulate-gateway: the production engine, store and uplink in a simulated world with faults.
//
//   weir-simulate-gateway [--figure NAME] [--count N] [--seed S] [--lies N] [--report FILE]
//                         [--verbose]
//
// --figure   cuts: power cuts (the default); lies: the same with a card that lies about syncs;
//            clocks: jumps of the wall clock; errors: I/O calls that fail; damage: damaged
//            databases; outage: hours without a link; days: days of a gateway with all of that
// --count    how many of them, in runs of a few, each of its own seed; --cuts N stands for
//            --figure cuts --count N
// --lies     the card lies about one sync in N (cuts: never, lies: 5)
// --verbose  weir's own log
//
// Prints one line of JSON. A run that fails is named with its seed: --seed that --count 1 repeats
// it. Exit status 0 if nothing was wrong.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "runtime/json_writer.hpp"
#include "tests/proof/simulator.hpp"
#include "tests/support/temp_dir.hpp"

namespace weir {
namespace {

struct Arguments {
  const Figure* figure = figures.begin();
  std::uint64_t count = 0, seed = 1, lies = 0;
  std::string report;
  bool verbose = false;
};

bool read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--verbose") {
      out.verbose = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    if (word == "--report")
      out.report = value;
    else if (word == "--count" || word == "--cuts")
      out.count = std::stoull(value);
    else if (word == "--seed")
      out.seed = std::stoull(value);
    else if (word == "--lies")
      out.lies = std::stoull(value);
    else if (word == "--figure")
      out.figure = std::ranges::find(figures, value, &Figure::name);
    else
      return false;
  }
  if (out.figure == figures.end()) return false;
  if (out.count == 0) out.count = out.figure->count;
  return true;
}

void add(SimulationReport& sum, SimulationReport&& run) {
  for (const auto& [name, count] : run.counts) sum.counts[name] += count;
  sum.simulated_seconds += run.simulated_seconds;
  for (std::string& failure : run.failures) sum.failures.push_back(std::move(failure));
}

std::string to_json(const SimulationReport& report, const Arguments& arguments, double seconds) {
  JsonWriter out;
  out.begin_object()
      .member("figure", arguments.figure->name)
      .member("seed", arguments.seed)
      .member("failures", std::uint64_t{report.failures.size()});
  for (const auto& [name, count] : report.counts) out.member(name, count);
  out.member("simulated_hours", report.simulated_seconds / 3600)
      .member("seconds", seconds)
      .end_object();
  return out.take();
}

int run(const Arguments& arguments) {
  const int terminal = ::dup(STDERR_FILENO);
  if (!arguments.verbose) {
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDERR_FILENO);
    ::close(nowhere);
  }
  if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
  const auto begun = std::chrono::steady_clock::now();
  SimulationReport sum;
  const std::string unit(arguments.figure->unit);
  for (std::uint64_t run = 0; sum.counts[unit] < arguments.count && sum.failures.size() < 20;
       ++run) {
    const TempDir directory;
    add(sum, arguments.figure->run(
                 {arguments.seed + run, arguments.lies, directory.path(), arguments.count}));
    if (::isatty(terminal) == 1)
      ::dprintf(terminal, "\r%llu of %llu %s", static_cast<unsigned long long>(sum.counts[unit]),
                static_cast<unsigned long long>(arguments.count), unit.c_str());
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  for (const std::string& failure : sum.failures) std::cout << failure << '\n';
  const std::string json = to_json(sum, arguments, seconds);
  std::cout << json << std::endl;
  if (!arguments.report.empty()) std::ofstream(arguments.report) << json << '\n';
  return sum.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  weir::Arguments arguments;
  if (!weir::read_arguments(argc, argv, arguments)) {
    std::cerr << "usage: weir-simulate-gateway [--figure NAME] [--count N] [--seed S] [--lies N] "
                 "[--report FILE] [--verbose]\n";
    return 64;
  }
  return weir::run(arguments);
}
