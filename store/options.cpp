#include "store/store.hpp"

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr Bytes operator""_KiB(unsigned long long n) {
  return Bytes{n << 10};
}
constexpr Bytes operator""_MiB(unsigned long long n) {
  return Bytes{n << 20};
}

}  // namespace

StoreOptions StoreOptions::read(Params& root) {
  StoreOptions options;
  options.directory = root.table("gateway").required_text("data_dir");
  Params store = root.table("store");
  options.max_size = store.bytes("max_size", 256_MiB, {8_MiB, Bytes{std::uint64_t{1} << 40}});
  options.durability =
      store.choice("durability", Durability::power,
                   {{"power", Durability::power}, {"process", Durability::process}});
  options.commit_interval = store.duration("commit_interval", 1s, {1ms, 10s});
  options.sync_interval = store.duration("sync_interval", 1s, {10ms, 1h});
  options.backlog_after = store.duration("backlog_after", 5min, {1s, 24h});
  options.gap_topic = store.text("gap_topic", "weir.gaps");
  if (options.gap_topic.empty()) store.problem("gap_topic", "a topic of Kafka, not an empty text");
  options.checkpoint_after = store.bytes("checkpoint_after", 1_MiB, {64_KiB, 64_MiB});
  options.dead_letters =
      static_cast<std::uint32_t>(store.integer("dead_letters", 1000, {0, 1'000'000}));
  options.dead_letter_payload = store.bytes("dead_letter_payload", 1_KiB, {Bytes{0}, 1_MiB});

  // Room for results is what the rest leaves: two stretches of journal, two states, dead letters.
  const std::uint64_t part = count(options.max_size) / 8;
  if (count(options.checkpoint_after) > part)
    store.problem("checkpoint_after",
                  "expected at most an eighth of max_size, which is " + format_bytes(Bytes{part}));
  if (options.dead_letters * count(options.dead_letter_payload) > part)
    store.problem("dead_letters",
                  "expected dead_letters times dead_letter_payload to be at most "
                  "an eighth of max_size, which is " +
                      format_bytes(Bytes{part}));
  return options;
}

}  // namespace weir
