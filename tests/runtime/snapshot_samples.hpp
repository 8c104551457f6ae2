#pragma once

#include "runtime/process_usage.hpp"
#include "runtime/snapshot.hpp"

namespace weir {

inline Ledger busy_ledger() {
  Ledger ledger;
  ledger.add(Counter::messages_received, 1'234'567);
  ledger.add(Counter::messages_journaled, 1'234'500);
  ledger.add(Counter::messages_refused, "undecodable", 60);
  ledger.add(Counter::messages_refused, "retained", 7);
  ledger.add(Counter::readings_decoded, 3'000);
  ledger.add(Counter::readings_journaled, 2'990);
  ledger.add(Counter::readings_refused, "series_limit", 10);
  ledger.add(Counter::readings_aggregated, 2'900);
  ledger.add(Counter::readings_late, 40);
  ledger.add(Counter::readings_quarantined, 30);
  ledger.add(Counter::readings_filtered, "unused", 20);
  ledger.add(Counter::results_produced, "rollup", 90);
  ledger.add(Counter::results_produced, "alert", 10);
  ledger.add(Counter::results_delivered, "live", 80);
  ledger.add(Counter::results_delivered, "alerts", 9);
  ledger.add(Counter::results_evicted, "max_size", 4);
  ledger.add(Counter::clock_jumps, 2);
  return ledger;
}

inline Source::Status busy_source() {
  Source::Status source;
  source.name = "mqtt";
  source.peer = "mqtts://broker.local:8883";
  source.connected = true;
  source.state = "connected since 12:00";
  source.connects = 2;
  source.disconnects = 1;
  source.messages = 1'234'600;
  source.bytes = 95'000'000;
  source.oversized = 3;
  source.malformed = 4;
  source.refused_filters = 8;
  source.unacknowledged = 5;
  return source;
}

inline Sink::Status busy_sink() {
  Sink::Status sink;
  sink.name = "kafka";
  sink.peer = "kafka1.example:9092";
  sink.state = "no broker answers, next try in 4 s";
  sink.delivery = "exactly-once";
  sink.transactions = 21;
  sink.aborted = 2;
  sink.errors = 6;
  sink.records = 89;
  sink.bytes = 40'000;
  return sink;
}

/// A gateway in the middle of its work, with a figure of its own in every place. Its ledger
/// balances.
inline Snapshot busy_snapshot() {
  using std::chrono::seconds;
  Snapshot s;
  s.gateway = "line7-gw2";
  s.version = "0.1.0";
  s.config_path = "/etc/weir/weir.toml";
  s.store_uuid = "7d1c9a52-2c0f-4c1b-9a54-0d6f1f1f8f10";
  s.started = {timestamp_us(1'772'366'400'000'000), seconds(100), true};
  s.now = {s.started.wall + std::chrono::hours(51), seconds(100) + std::chrono::hours(51), true};

  s.ledger = busy_ledger();
  s.waiting = 7;

  s.store.database = Bytes{3u << 20};
  s.store.wal = Bytes{512u << 10};
  s.store.waiting = {1, 6, 0, 0};
  s.store.oldest = {s.now.wall - std::chrono::milliseconds(2500), s.now.wall - seconds(75)};
  s.store.journal_records = 11;
  s.store.journal_bytes = 4096;
  s.store.dead_letters = 67;
  s.store.commits = 500;
  s.store.checkpoints = 3;
  s.store_limit = Bytes{256u << 20};

  s.sources.push_back(busy_source());

  s.sink = busy_sink();

  s.watermarks = {12, 3, s.now.wall - seconds(90), s.now.wall - seconds(1)};
  s.pipeline_bytes = 70'000;
  s.operator_memory = {{"rollup press_1m", 60'000}, {"detector overheat", 9'000}};
  s.devices = 12;
  s.series = 36;
  s.devices_limit = 10'000;
  s.series_limit = 20'000;
  s.inbox = {2048, 25};
  s.inbox_limit = Bytes{8u << 20};
  for (const int milliseconds : {1, 2, 2, 40, 7000}) {
    s.commit_seconds.add(std::chrono::milliseconds(milliseconds));
  }
  s.journal_seq = 511;
  return s;
}

inline ProcessUsage usual_usage() {
  return {Bytes{20u << 20}, Bytes{5u << 20}, 24, std::chrono::milliseconds(12'500)};
}

}  // namespace weir
