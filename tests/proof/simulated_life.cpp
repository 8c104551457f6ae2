#include <chrono>
#include <functional>

#include "tests/proof/simulated_parts.hpp"

namespace weir {

using namespace std::chrono_literals;

Life::Life(const Parts& parts) : config_(ConfigFile::parse(parts.config, "simulation")) {
  if (auto started = start(parts); !started) died(started.error());
}

Result<void> Life::start(const Parts& parts) {
  Params root = config_.root();
  auto sources = SourceConfig::read_all(root);
  for (const auto& one : sources) source_options_.push_back(one.options);
  const auto pipeline_options = read_pipeline_options(root, source_options_);
  auto store = Store::open(parts.store);
  if (!store) return fail(store.error());
  store_ = std::move(*store);
  auto reader = OutboxReader::open(parts.store);
  if (!reader) return fail(reader.error());
  reader_ = std::move(*reader);
  pipeline_ = make_pipeline(*pipeline_options, source_options_, table_);
  ingest_.emplace(std::move(sources), table_);
  if (parts.opened) parts.opened(store_->uuid());
  UplinkOptions uplink_options;
  uplink_options.gateway = "g";
  uplink_options.epoch = store_->uuid();
  uplink_options.issued = store_->seq_runs();
  uplink_.emplace(uplink_options, *reader_, parts.sink, [] {});
  EngineOptions options;
  options.commit_interval = 50ms;
  engine_.emplace(options, EngineParts{parts.clock, inbox_, *ingest_, table_, *pipeline_, *store_,
                                       parts.source, *uplink_, parts.sink, board_});
  if (auto recovered = engine_->recover(); !recovered) return recovered;
  states_ = parts.states;
  if (!states_) return {};
  const auto before = states_->find(store_->last_journal_seq());
  if (before != states_->end()) as_before_ = before->second == state();
  return {};
}

std::size_t Life::state() const {
  std::string bytes;
  ByteWriter out(bytes);
  table_.write_since({}, out);
  pipeline_->save(out);
  engine_->ledger().write(out);
  return std::hash<std::string>()(bytes);
}

void Life::remember_state(std::uint64_t before) {
  const std::uint64_t seq = store_->last_journal_seq();
  if (states_ && seq != before) (*states_)[seq] = state();
}

void Life::step() {
  if (!alive()) return;
  const std::uint64_t before = store_->last_journal_seq();
  if (auto done = engine_->step(Duration(0)); !done) died(done.error());
  remember_state(before);
}

void Life::deliver() {
  if (alive()) uplink_->step(1s);
}

void Life::stop() {
  if (!alive()) return;
  const std::uint64_t before = store_->last_journal_seq();
  if (auto done = engine_->stop(); !done) died(done.error());
  remember_state(before);
}

std::uint64_t Life::waiting() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : store_->stats().waiting) sum += n;
  return sum;
}

}  // namespace weir
