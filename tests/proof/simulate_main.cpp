// weir-simulate-gateway: the production engine, store and uplink through simulated power cuts.
//
//   weir-simulate-gateway [--cuts N] [--seed S] [--lies N] [--report FILE] [--verbose]
//
// --cuts     power cuts in all, in runs of fifty, each of its own seed (20000)
// --lies     the card lies about one sync in N (never)
// --verbose  weir's own log
//
// Prints one line of JSON. A run that fails is named with its seed: --seed that --cuts 50 repeats
// it. Exit status 0 if nothing was lost, nothing came twice and no window is wrong.

#include <fcntl.h>
#include <unistd.h>

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

constexpr std::uint32_t cuts_a_run = 50;

struct Arguments {
  std::uint64_t cuts = 20'000, seed = 1, lies = 0;
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
    else if (word == "--cuts")
      out.cuts = std::stoull(value);
    else if (word == "--seed")
      out.seed = std::stoull(value);
    else if (word == "--lies")
      out.lies = std::stoull(value);
    else
      return false;
  }
  return true;
}

void add(SimulationReport& sum, SimulationReport&& run) {
  sum.cuts += run.cuts;
  sum.messages += run.messages;
  sum.acknowledged += run.acknowledged;
  sum.sent_again += run.sent_again;
  sum.redelivered += run.redelivered;
  sum.records += run.records;
  sum.windows += run.windows;
  sum.lost_sectors += run.lost_sectors;
  sum.set_aside += run.set_aside;
  sum.simulated_seconds += run.simulated_seconds;
  sum.lost += run.lost;
  sum.twice += run.twice;
  sum.wrong += run.wrong;
  for (std::string& failure : run.failures) sum.failures.push_back(std::move(failure));
}

std::string to_json(const SimulationReport& report, const Arguments& arguments, double seconds) {
  JsonWriter out;
  out.begin_object()
      .member("seed", arguments.seed)
      .member("cuts", report.cuts)
      .member("lost", report.lost)
      .member("twice", report.twice)
      .member("wrong_windows", report.wrong)
      .member("failures", std::uint64_t{report.failures.size()})
      .member("messages", report.messages)
      .member("acknowledged", report.acknowledged)
      .member("sent_again", report.sent_again)
      .member("redelivered", report.redelivered)
      .member("records", report.records)
      .member("windows", report.windows)
      .member("lost_sectors", report.lost_sectors)
      .member("databases_set_aside", report.set_aside)
      .member("simulated_hours", report.simulated_seconds / 3600)
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
  for (std::uint64_t run = 0; sum.cuts < arguments.cuts && sum.failures.size() < 20; ++run) {
    const TempDir directory;
    SimulationOptions options;
    options.seed = arguments.seed + run;
    options.cuts = cuts_a_run;
    options.lies = arguments.lies;
    options.directory = directory.path();
    add(sum, simulate_gateway(options));
    if (::isatty(terminal) == 1)
      ::dprintf(terminal, "\r%llu of %llu power cuts", static_cast<unsigned long long>(sum.cuts),
                static_cast<unsigned long long>(arguments.cuts));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  for (const std::string& failure : sum.failures) std::cout << failure << '\n';
  const std::string json = to_json(sum, arguments, seconds);
  std::cout << json << std::endl;
  if (!arguments.report.empty()) std::ofstream(arguments.report) << json << '\n';
  return sum.failures.empty() && sum.lost + sum.twice + sum.wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  weir::Arguments arguments;
  if (!weir::read_arguments(argc, argv, arguments)) {
    std::cerr << "usage: weir-simulate-gateway [--cuts N] [--seed S] [--lies N] [--report FILE] "
                 "[--verbose]\n";
    return 64;
  }
  return weir::run(arguments);
}
