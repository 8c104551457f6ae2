#include "tests/store/samples.hpp"

#include <bit>
#include <cmath>
#include <filesystem>

namespace weir {

Output sample_output(OutputKind kind, std::uint64_t i) {
  Output output;
  output.kind = kind;
  output.name = "press_1m";
  output.topic = "telemetry.rollups";
  output.group = {{"line", "7"}, {"device", "press-" + std::to_string(i)}};
  output.metric = "temperature";
  const auto start = static_cast<std::int64_t>(1'772'366'400'000'000 + i * 60'000'000);
  output.window = {timestamp_us(start), timestamp_us(start + 60'000'000)};
  output.revision = 1;
  output.quality = Quality::arrival_time | Quality::inexact;
  output.count = 200 + i;
  output.late = 3;
  output.first = timestamp_us(start + 12'345);
  output.last = timestamp_us(start + 59'000'001);
  output.fields = {{"count", static_cast<std::int64_t>(200 + i)},
                   {"mean", 21.571230000000001},
                   {"state", std::string("raised \0 here", 13)}};
  return output;
}

Output sample_rollup(std::uint64_t i) {
  return sample_output(OutputKind::rollup, i);
}

DeadLetter sample_letter(std::uint64_t i) {
  DeadLetter letter;
  letter.time = timestamp_us(static_cast<std::int64_t>(1'772'366'400'000'000 + i));
  letter.source = "press";
  letter.topic = "plant/7/press-" + std::to_string(i) + "/state";
  letter.reason = i % 2 == 0 ? "undecodable" : "series_limit";
  letter.message = "not JSON at byte 3";
  letter.payload = "{\"a\": \xff" + std::to_string(i);
  letter.payload_size = letter.payload.size();
  return letter;
}

Fleet::Fleet(std::uint64_t seed) : random_(seed), hundredths_(300) {
  for (std::size_t i = 0; i < hundredths_.size(); ++i) {
    const std::int64_t starts[] = {2'150, 101'325, 4'575};
    hundredths_[i] = starts[i % 3];
  }
}

std::vector<Reading> Fleet::take(std::size_t readings) {
  std::vector<Reading> taken;
  while (taken.size() < readings) {
    const auto device = static_cast<std::uint32_t>(random_.below(100));
    time_us_ += 1000 * static_cast<std::int64_t>(random_.below(6));
    for (std::uint32_t metric = 0; metric < 3 && taken.size() < readings; ++metric) {
      std::int64_t& value = hundredths_[3 * device + metric];
      value += std::lround(10 * random_.noise());
      taken.push_back({timestamp_us(time_us_), static_cast<double>(value) / 100,
                       SeriesId{3 * device + metric}, Quality::good});
    }
  }
  return taken;
}

bool same(const Reading& a, const Reading& b) {
  return a.time == b.time && a.series == b.series && a.quality == b.quality &&
         std::bit_cast<std::uint64_t>(a.value) == std::bit_cast<std::uint64_t>(b.value);
}

bool same(const std::vector<Reading>& a, const std::vector<Reading>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Reading& x, const Reading& y) { return same(x, y); });
}

StoreOptions options_in(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  return options;
}

std::unique_ptr<Store> open_store(const StoreOptions& options) {
  auto store = Store::open(options);
  if (!store) FAIL("open: " << store.error().message);
  return std::move(*store);
}

std::unique_ptr<OutboxReader> open_reader(const StoreOptions& options) {
  auto reader = OutboxReader::open(options);
  if (!reader) FAIL("open: " << reader.error().message);
  return std::move(*reader);
}

Store::Commit next_commit(const Store& store, std::vector<Output> outputs) {
  Store::Commit commit;
  JournalRecord& record = commit.record;
  record.seq = store.last_journal_seq() + 1;
  record.now.wall = timestamp_us(static_cast<std::int64_t>(1'772'366'400'000'000 + record.seq));
  record.now.elapsed = Duration(static_cast<std::int64_t>(record.seq) * 50'000);
  record.readings = Fleet(record.seq).take(6);
  record.delta.add(Counter::messages_received, 2);
  record.delta.add(Counter::messages_journaled, 2);
  record.delta.add(Counter::readings_decoded, 6);
  record.delta.add(Counter::readings_journaled, 6);
  record.delta.add(Counter::readings_aggregated, 6);
  commit.outputs = std::move(outputs);
  return commit;
}

Recovered recover(Store& store) {
  Recovered recovered;
  auto checkpoint = store.checkpoint();
  if (!checkpoint) FAIL("checkpoint: " << checkpoint.error().message);
  recovered.checkpoint = std::move(*checkpoint);
  const auto replayed = store.replay(recovered.checkpoint.journal_seq, [&](JournalRecord&& record) {
    recovered.ledger.add(record.delta);
    recovered.records.push_back(std::move(record));
  });
  if (!replayed) FAIL("replay: " << replayed.error().message);
  return recovered;
}

std::uint64_t waiting(const Store::Stats& stats) {
  std::uint64_t sum = 0;
  for (const std::uint64_t rows : stats.waiting) sum += rows;
  return sum;
}

std::vector<OutboxEntry> read_lane(OutboxReader& reader, Lane lane, std::uint64_t after) {
  std::vector<OutboxEntry> all;
  std::vector<std::uint64_t> damaged;
  for (;;) {
    auto entries = reader.read(lane, after, 100, Bytes{1u << 20}, damaged);
    if (!entries) FAIL("read: " << entries.error().message);
    if (!damaged.empty()) FAIL("entry " << damaged.front() << " is damaged");
    if (entries->empty()) return all;
    after = entries->back().seq;
    std::move(entries->begin(), entries->end(), std::back_inserter(all));
  }
}

StoreAudit audit_of(const std::string& directory, const Position& delivered,
                    const AuditProgress& progress) {
  auto inspector = StoreInspector::open(directory);
  if (!inspector) FAIL("open: " << inspector.error().message);
  auto audit = (*inspector)->audit(delivered, progress);
  if (!audit) FAIL("audit: " << audit.error().message);
  return std::move(*audit);
}

void check_whole(const StoreAudit& audit) {
  CHECK(audit.pages == "ok");
  CHECK(audit.replay_error == "");
  for (const auto* table : {&audit.journal, &audit.checkpoints, &audit.dead_letters})
    CHECK(table->whole());
  for (const StoreAudit::Lane& lane : audit.outbox) {
    CHECK(lane.whole());
    CHECK(lane.rows == lane.counted);
    CHECK(lane.last_seq <= audit.issued);
  }
  CHECK(audit.letters_missing == 0);
  for (const auto* checkpoint : {&audit.newest, &audit.before}) {
    if (!*checkpoint) continue;
    CHECK((*checkpoint)->whole);
    CHECK((*checkpoint)->error == "");
    CHECK((*checkpoint)->journal_seq <= audit.last_record);
  }
}

std::uint64_t bytes_on_disk(const std::string& directory) {
  std::uint64_t sum = 0;
  for (const char* name : {"/weir.db", "/weir.db-wal"}) {
    std::error_code absent;
    const auto size = std::filesystem::file_size(directory + name, absent);
    if (!absent) sum += size;
  }
  return sum;
}

}  // namespace weir
