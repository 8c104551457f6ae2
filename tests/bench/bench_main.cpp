// weir-bench: what one reading costs in each part, without a network. Prints JSON.
// Usage: weir-bench DIRECTORY   (on the disk that is to be measured)

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "config/params.hpp"
#include "firmware-bridge/registry.hpp"
#include "operators/pipeline.hpp"
#include "operators/registry.hpp"
#include "store/store.hpp"

using namespace weir;

namespace {

constexpr auto payload =
    R"({"ts":1541152486013,"temperature":21.57,"pressure":1013.25,"hum":40.125})";

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double median_of_runs(std::size_t runs, const std::function<double()>& figure) {
  std::vector<double> found;
  while (found.size() < runs) found.push_back(figure());
  std::sort(found.begin(), found.end());
  return found[runs / 2];
}

/// The median of five runs, in nanoseconds for each of `n`.
double median_ns(std::uint64_t n, const std::function<void()>& work) {
  return median_of_runs(5, [&] { return seconds_of(work) * 1e9 / static_cast<double>(n); });
}

/// Fisher and Yates, with a generator that gives the same order everywhere.
void shuffle(std::vector<SeriesId>& order, std::uint64_t& seed) {
  for (std::size_t i = order.size() - 1; i > 0; --i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    std::swap(order[i], order[(seed >> 33) % (i + 1)]);
  }
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t written_bytes() {
  std::ifstream file("/proc/self/io");
  for (std::string word; file >> word;) {
    if (word == "write_bytes:") {
      std::uint64_t n = 0;
      file >> n;
      return n;
    }
  }
  return 0;
}

double decode_ns() {
  ConfigFile config = ConfigFile::parse(R"([[source]]
name = "s"
metrics = ["temperature", "pressure", "hum"]
time = { field = "ts", unit = "ms" }
)",
                                        "bench");
  Params root = config.root();
  auto sources = root.tables("source");
  const auto decoder = make_decoder(sources[0]);
  std::string text = payload;
  text.resize(77, ' ');
  Decoded decoded;
  constexpr std::uint64_t n = 500'000;
  std::uint64_t values = 0;
  const double ns = median_ns(n, [&] {
    for (std::uint64_t i = 0; i < n; ++i) {
      if (decoder->decode(text, decoded)) values += decoded.values.size();
    }
  });
  if (values != 5 * n * 3) throw std::runtime_error("the decoder did not find three values");
  return ns;
}

constexpr auto rollup_text = R"([[rollup]]
name = "r"
from = "s"
aggregates = ["count", "mean", "min", "max", "stddev"]
window = )";
constexpr auto minute_and_zscore = R"({ tumbling = "1m" }
[[detector]]
name = "d"
from = "s"
method = "zscore"
)";

struct Rig {
  ConfigFile config;
  std::vector<SourceOptions> sources;
  SeriesTable table{{1'000'000, 1'000'000}};
  std::unique_ptr<Pipeline> pipeline;
  std::vector<SeriesId> series;

  explicit Rig(std::uint32_t devices, const std::string& window = minute_and_zscore)
      : config(ConfigFile::parse(rollup_text + window, "bench")) {
    SourceOptions source;
    source.name = "s";
    source.tag_names = {"device"};
    source.lateness = std::chrono::seconds(30);
    source.max_skew = std::chrono::minutes(5);
    source.idle = std::chrono::minutes(2);
    source.late_topic = "late";
    sources.push_back(source);
    Params root = config.root();
    const auto options = read_pipeline_options(root, sources);
    if (!config.problems().empty()) throw std::runtime_error(config.problems().text());
    pipeline = make_pipeline(*options, sources, table);
    const std::vector<std::string> tags = {"device"};
    const SourceId id = table.intern_source("s", tags);
    for (std::uint32_t i = 0; i < devices; ++i) {
      const std::string name = "dev" + std::to_string(i);
      const std::string_view value = name;
      const auto device = table.intern_device(id, std::span(&value, 1));
      series.push_back(*table.intern_series(*device, "temperature"));
    }
  }
};

struct PipelineFigures {
  double ns = 0, bytes_a_series = 0, results_a_reading = 0;
  double state_bytes_a_series = 0;  ///< as the pipeline counts them
};

/// A fleet whose series report every ten seconds, each round in another order, so that nothing is
/// where the cache or the prefetcher expects it; every sixth round closes every series' window.
PipelineFigures pipeline_figures(std::uint32_t devices, std::uint32_t readings = 2'000'000,
                                 const std::string& window = minute_and_zscore) {
  Rig rig(devices, window);
  const std::uint64_t before = resident_bytes();
  const std::uint32_t rounds = std::max(12U, readings / devices);
  const std::uint64_t n = std::uint64_t{rounds} * devices;
  std::int64_t now_us = 1'700'000'000'000'000;
  std::uint64_t results = 0, seed = 1;
  Outputs out;
  std::vector<Reading> batch;
  std::vector<SeriesId> order = rig.series;
  PipelineFigures figures;
  figures.ns = median_of_runs(5, [&] {
    double seconds = 0;
    for (std::uint32_t round = 0; round < rounds; ++round) {
      shuffle(order, seed);
      now_us += 10'000'000;
      for (std::size_t at = 0; at < order.size(); at += batch.size()) {
        batch.clear();
        for (std::size_t i = at; i < std::min(at + 1000, order.size()); ++i) {
          Reading reading;
          reading.series = order[i];
          reading.time = timestamp_us(now_us);
          reading.value = 20.0 + static_cast<double>((i + round) * 7919 % 1000) / 100.0;
          batch.push_back(reading);
        }
        Moment now;
        now.wall = timestamp_us(now_us);
        now.elapsed = Duration(now_us - 1'600'000'000'000'000);
        out.clear();
        seconds += seconds_of([&] {
          rig.pipeline->process(batch, now, out);
          rig.pipeline->tick(now, out);
        });
        results += out.size();
      }
    }
    return seconds * 1e9 / static_cast<double>(n);
  });
  figures.results_a_reading = static_cast<double>(results) / static_cast<double>(5 * n);
  figures.state_bytes_a_series =
      static_cast<double>(rig.pipeline->memory_bytes()) / static_cast<double>(devices);
  figures.bytes_a_series =
      static_cast<double>(resident_bytes() - before) / static_cast<double>(devices);
  return figures;
}

/// Each kind of window alone, and the longer of two to show what its length costs.
constexpr const char* windows[] = {
    R"({ tumbling = "1m" })",
    R"({ tumbling = "1h" })",
    R"({ every = "1d", tz = "Europe/Berlin" })",
    R"({ hopping = "1m", hop = "10s" })",
    R"({ hopping = "1h", hop = "10m" })",
    R"({ session = "15s", max_length = "1m" })",
    R"({ count = 6 })",
    R"({ count = 360 })",
    R"({ trailing = "1m" })",
    R"({ trailing = "1h" })",
};

void print_windows(std::ostream& out) {
  out << "  \"windows\": [";
  for (const char* window : windows) {
    out << (window == windows[0] ? "\n" : ",\n") << "    {\"window\": \"";
    for (const char* at = window; *at != '\0'; ++at) out << (*at == '"' ? '\'' : *at);
    out << '"';
    for (const std::uint32_t series : {10U, 1000U, 100'000U}) {
      const PipelineFigures figures = pipeline_figures(series, 400'000, window);
      out << ", \"ns_a_reading_" << series << "_series\": " << figures.ns;
      if (series == 1000U) out << ", \"bytes_a_series\": " << figures.state_bytes_a_series;
    }
    out << "}";
  }
  out << "\n  ],\n";
}

struct AggregateFigures {
  double add_ns = 1e9, result_ns = 1e9;
  std::size_t bytes = 0;  ///< of one window, with what it holds beside itself
};

/// One aggregate alone, over a window a series with its readings nearly in order: what a reading
/// costs, and what the value of a window does. The best of seven runs: these are short, and what
/// else runs on the machine only adds.
AggregateFigures aggregate_figures(const AggregateEntry& entry, std::size_t series,
                                   std::size_t readings) {
  AggregateOptions options;
  options.states = {{"s", 20}};
  const AggregateSet set(entry.choose != nullptr ? entry.choose(entry.name, options)
                                                 : std::vector<Aggregate>{&entry});
  const std::size_t words = set.state_bytes() / 8;
  std::vector<std::uint64_t> block(series * words + 1);
  const auto state_of = [&](std::size_t i) {
    return reinterpret_cast<std::byte*>(block.data() + i * words);
  };
  Output result;
  result.count = readings;
  result.window = {timestamp_us(0), timestamp_us(static_cast<std::int64_t>(readings) * 1'000'000)};
  const auto add_all = [&] {
    for (std::size_t n = 0; n < readings; ++n) {
      const std::size_t second = n - (n % 16 == 15 ? 3 : 0);  // one in sixteen comes late
      Reading reading;
      reading.time = timestamp_us(static_cast<std::int64_t>(second) * 1'000'000);
      for (std::size_t i = 0; i < series; ++i) {
        reading.value = 20.0 + static_cast<double>((i + n) * 7919 % 1000) / 100.0;
        set.add(state_of(i), reading);
      }
    }
  };
  const auto ask_all = [&] {
    for (std::size_t i = 0; i < series; ++i) {
      result.fields.clear();
      set.append_fields(state_of(i), result);
    }
  };
  AggregateFigures figures;
  for (int run = 0; run < 7; ++run) {
    for (std::size_t i = 0; i < series; ++i) set.init(state_of(i));
    const auto windows = static_cast<double>(series);
    const double all = windows * static_cast<double>(readings);
    figures.add_ns = std::min(figures.add_ns, seconds_of(add_all) * 1e9 / all);
    figures.result_ns = std::min(figures.result_ns, seconds_of(ask_all) * 1e9 / windows);
    figures.bytes = set.state_bytes() + set.held_bytes(state_of(0));
    for (std::size_t i = 0; i < series; ++i) set.release(state_of(i));
  }
  return figures;
}

void print_aggregates(std::ostream& out) {
  out << "  \"aggregates\": {";
  for (const AggregateEntry* entry : aggregates()) {
    // The fewer series, the longer the windows, so that a run is long enough to be measured.
    const AggregateFigures few = aggregate_figures(*entry, 10, 60'000);
    const AggregateFigures some = aggregate_figures(*entry, 1000, 600);
    const AggregateFigures many = aggregate_figures(*entry, 100'000, 60);
    out << (entry == aggregates()[0] ? "\n" : ",\n") << "    \"" << entry->name
        << "\": {\"ns_a_reading_10_series\": " << few.add_ns
        << ", \"ns_a_reading_1000_series\": " << some.add_ns
        << ", \"ns_a_reading_100000_series\": " << many.add_ns
        << ", \"ns_a_result\": " << some.result_ns << ", \"bytes\": " << some.bytes << "}";
  }
  out << "\n  },\n";
}

struct JournalFigures {
  double us_a_message = 0, bytes_a_reading = 0, record_bytes_a_reading = 0;
};

/// `messages` of three readings in each commit, synced.
JournalFigures journal_figures(const std::string& directory, std::uint32_t messages,
                               std::uint32_t commits) {
  StoreOptions options;
  options.directory = directory + "/bench-" + std::to_string(messages);
  auto store = Store::open(options);
  if (!store) throw std::runtime_error(store.error().message);
  Rig rig(1000);
  std::int64_t now_us = 1'700'000'000'000'000;
  std::uint64_t at = 0, encoded = 0;
  const std::uint64_t before = written_bytes();
  const double seconds = seconds_of([&] {
    for (std::uint32_t c = 0; c < commits; ++c) {
      Store::Commit commit;
      commit.record.seq = (*store)->last_journal_seq() + 1;
      commit.record.now.wall = timestamp_us(now_us);
      for (std::uint32_t i = 0; i < messages * 3; ++i, ++at) {
        Reading reading;
        reading.series = rig.series[at % rig.series.size()];
        reading.time = timestamp_us(now_us += 333);
        reading.value = static_cast<double>(2000 + at * 7919 % 1000) / 100.0;
        commit.record.readings.push_back(reading);
      }
      commit.record.delta.add(Counter::messages_journaled, messages);
      const auto receipt = (*store)->commit(commit);
      if (!receipt) throw std::runtime_error(receipt.error().message);
      encoded += receipt->journal_bytes;
      if ((*store)->checkpoint_due()) {
        if (!(*store)->write_checkpoint(std::string(200'000, 's')))
          throw std::runtime_error("checkpoint");
      }
    }
  });
  const double readings = static_cast<double>(messages) * 3 * commits;
  JournalFigures figures;
  figures.us_a_message = seconds * 1e6 / (static_cast<double>(messages) * commits);
  figures.bytes_a_reading = static_cast<double>(written_bytes() - before) / readings;
  figures.record_bytes_a_reading = static_cast<double>(encoded) / readings;
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: weir-bench DIRECTORY\n";
    return 64;
  }
  try {
    const double decode = decode_ns();
    const PipelineFigures small = pipeline_figures(1000), large = pipeline_figures(100'000);
    if (small.results_a_reading <= 0) throw std::runtime_error("no window was closed");
    const JournalFigures thousand = journal_figures(argv[1], 1000, 300);
    const JournalFigures interval_50ms = journal_figures(argv[1], 17, 2000);
    const JournalFigures interval_1s = journal_figures(argv[1], 333, 1000);
    std::cout << "{\n";
    print_aggregates(std::cout);
    print_windows(std::cout);
    std::cout << "  \"decode_ns_a_message\": " << decode << ",\n"
              << "  \"pipeline_ns_a_reading_1000_series\": " << small.ns << ",\n"
              << "  \"pipeline_ns_a_reading_100000_series\": " << large.ns << ",\n"
              << "  \"pipeline_bytes_a_series\": " << large.bytes_a_series << ",\n"
              << "  \"journal_us_a_message_1000_a_commit\": " << thousand.us_a_message << ",\n"
              << "  \"journal_record_bytes_a_reading\": " << thousand.record_bytes_a_reading
              << ",\n"
              << "  \"disk_bytes_a_reading_50ms_commits\": " << interval_50ms.bytes_a_reading
              << ",\n"
              << "  \"disk_bytes_a_reading_1s_commits\": " << interval_1s.bytes_a_reading << "\n"
              << "}\n";
  } catch (const std::exception& error) {
    std::cerr << "weir-bench: " << error.what() << '\n';
    return 1;
  }
}
