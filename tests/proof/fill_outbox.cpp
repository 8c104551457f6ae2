// Makes a store whose outbox is full of results that nobody fetched, by the store's own means.
// Usage: fill-outbox DIRECTORY COUNT TOPIC

#include <iostream>
#include <string>

#include "store/store.hpp"

namespace weir {
namespace {

constexpr std::uint64_t results_a_commit = 2000;
constexpr std::int64_t begin_s = 1'700'000'000;

Output rollup(std::uint64_t i, const std::string& topic) {
  const auto second = [](std::uint64_t n) {
    return timestamp_us((begin_s + static_cast<std::int64_t>(n)) * 1'000'000);
  };
  Output output;
  output.name = "second";
  output.topic = topic;
  output.group = {{"device", "device-" + std::to_string(i % 1000)}};
  output.metric = "temperature";
  output.window = {second(i / 1000), second(i / 1000 + 1)};
  output.count = 10;
  output.first = output.window.start;
  output.last = output.window.end - Duration(1);
  const double value = 20 + static_cast<double>(i % 997) / 31;
  output.fields = {
      {"count", std::int64_t{10}}, {"mean", value}, {"min", value - 1}, {"max", value + 1}};
  return output;
}

int fill(const StoreOptions& options, std::uint64_t count, const std::string& topic) {
  auto store = Store::open(options);
  if (!store) {
    std::cerr << store.error().message << '\n';
    return 1;
  }
  for (std::uint64_t done = 0; done < count;) {
    Store::Commit commit;
    commit.record.seq = (*store)->last_journal_seq() + 1;
    commit.record.now.wall = timestamp_us(begin_s * 1'000'000);
    for (std::uint64_t n = 0; n < results_a_commit && done < count; ++n)
      commit.outputs.push_back(rollup(done++, topic));
    if (auto receipt = (*store)->commit(commit); !receipt || receipt->over_limit) {
      std::cerr << (receipt ? "the store is too small" : receipt.error().message) << '\n';
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: fill-outbox DIRECTORY COUNT TOPIC\n";
    return 64;
  }
  weir::StoreOptions options;
  options.directory = argv[1];
  options.max_size = weir::Bytes{std::uint64_t{1} << 30};
  return weir::fill(options, std::stoull(argv[2]), argv[3]);
}
