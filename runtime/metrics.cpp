#include "runtime/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "runtime/ledger_view.hpp"

namespace weir {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

/// Families in the order of their making; a sample belongs to the family made last.
class Exposition {
 public:
  Exposition& counter(std::string name, std::string help) {
    return family(std::move(name), std::move(help), MetricType::Counter);
  }
  Exposition& gauge(std::string name, std::string help) {
    return family(std::move(name), std::move(help), MetricType::Gauge);
  }

  Exposition& add(double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = metric.gauge.value = value;
    families_.back().metric.push_back(std::move(metric));
    return *this;
  }
  Exposition& add(std::uint64_t value, Labels labels = {}) {
    return add(static_cast<double>(value), std::move(labels));
  }
  Exposition& add(Bytes value, Labels labels = {}) { return add(count(value), std::move(labels)); }
  Exposition& add(bool value, Labels labels = {}) {
    return add(value ? 1.0 : 0.0, std::move(labels));
  }

  void histogram(std::string name, std::string help, const Histogram& values) {
    family(std::move(name), std::move(help), MetricType::Histogram);
    ClientMetric metric;
    std::uint64_t sum = 0;
    // The serializer adds the bucket +Inf from the count.
    for (std::size_t i = 0; i < Histogram::bounds.size(); ++i) {
      sum += values.buckets[i];
      metric.histogram.bucket.push_back({sum, Histogram::bounds[i]});
    }
    metric.histogram.sample_count = sum + values.buckets.back();
    metric.histogram.sample_sum = values.sum;
    families_.back().metric.push_back(std::move(metric));
  }

  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  Exposition& family(std::string name, std::string help, MetricType type) {
    families_.push_back({std::move(name), std::move(help), type, {}});
    return *this;
  }

  std::vector<MetricFamily> families_;
};

/// The parts that are known beforehand start at zero, so that a rate over the first one is right.
std::vector<std::string> known_parts(const CounterFamily& family) {
  std::vector<std::string> parts;
  if (family.counter == Counter::results_produced) {
    for (const OutputKind kind : {OutputKind::rollup, OutputKind::alert, OutputKind::late}) {
      parts.emplace_back(kind_name(kind));
    }
  } else if (family.counter == Counter::results_delivered) {
    for (const Lane lane : lanes) parts.emplace_back(lane_name(lane));
  }
  return parts;
}

void add_counter(const CounterFamily& family, const Ledger& ledger, Exposition& out) {
  out.counter("weir_" + std::string(counter_name(family.counter)) + "_total",
              std::string(family.help));
  if (family.label.empty()) {
    out.add(ledger.total(family.counter));
    return;
  }
  std::vector<std::string> parts = known_parts(family);
  for (const auto& [key, value] : ledger.counts()) {
    const bool listed = std::find(parts.begin(), parts.end(), key.second) != parts.end();
    if (key.first == family.counter && !listed) parts.push_back(key.second);
  }
  for (const std::string& part : parts) {
    out.add(ledger.of(family.counter, part), {{std::string(family.label), part}});
  }
}

void add_ledger(const Snapshot& snapshot, Exposition& out) {
  for (const CounterFamily& family : counter_families()) add_counter(family, snapshot.ledger, out);
  out.gauge("weir_ledger_balanced", "1 while the ledger balances.")
      .add(snapshot.ledger.imbalance(snapshot.waiting).empty());
}

void add_lanes(const Snapshot& snapshot, Exposition& out) {
  const Store::Stats& store = snapshot.store;
  out.gauge("weir_outbox_entries", "Results that wait for delivery, by lane.");
  for (const Lane lane : lanes) {
    out.add(store.waiting[static_cast<std::size_t>(lane)],
            {{"lane", std::string(lane_name(lane))}});
  }
  out.gauge("weir_outbox_oldest_age_seconds",
            "How long the oldest waiting result has waited, by lane; 0 if none waits.");
  for (const Lane lane : lanes) {
    out.add(as_seconds(oldest_age(snapshot, lane)), {{"lane", std::string(lane_name(lane))}});
  }
}

void add_engine(const Snapshot& snapshot, Exposition& out) {
  if (const auto lag = watermark_lag(snapshot)) {
    out.gauge("weir_watermark_lag_seconds",
              "Wall time less the lowest watermark of the active devices.")
        .add(as_seconds(*lag));
  }
  out.gauge("weir_devices", "Devices known.").add(std::uint64_t{snapshot.devices});
  out.gauge("weir_devices_idle", "Devices silent for longer than their source's idle time.")
      .add(snapshot.watermarks.idle);
  out.gauge("weir_devices_limit", "limits.devices").add(std::uint64_t{snapshot.devices_limit});
  out.gauge("weir_series", "Series known.").add(std::uint64_t{snapshot.series});
  out.gauge("weir_series_limit", "limits.series").add(std::uint64_t{snapshot.series_limit});
  out.gauge("weir_pipeline_state_bytes", "Memory the operators' state holds, estimated.")
      .add(std::uint64_t{snapshot.pipeline_bytes});
  out.gauge("weir_operator_state_bytes", "What of it is whose.");
  for (const Pipeline::OperatorMemory& of : snapshot.operator_memory)
    out.add(std::uint64_t{of.bytes}, {{"operator", of.name}});
  out.gauge("weir_inbox_bytes", "Bytes that wait for the engine.")
      .add(std::uint64_t{snapshot.inbox.bytes});
  out.gauge("weir_inbox_messages", "Messages that wait for the engine.")
      .add(std::uint64_t{snapshot.inbox.messages});
  out.gauge("weir_inbox_limit_bytes", "limits.inbox").add(snapshot.inbox_limit);
  out.gauge("weir_clock_synchronised", "1 while the system calls its clock synchronised.")
      .add(snapshot.now.synchronised);
  out.gauge("weir_replaying", "1 while the journal is folded at the start.")
      .add(snapshot.replaying);
}

void add_store(const Snapshot& snapshot, Exposition& out) {
  const Store::Stats& store = snapshot.store;
  out.histogram("weir_commit_duration_seconds", "Time a commit of the store took.",
                snapshot.commit_seconds);
  out.counter("weir_store_commits_total", "Commits since the start.").add(store.commits);
  out.counter("weir_store_checkpoints_total", "Checkpoints since the start.")
      .add(store.checkpoints);
  out.gauge("weir_store_database_bytes", "Size of the database file.").add(store.database);
  out.gauge("weir_store_wal_bytes", "Size of its write-ahead log.").add(store.wal);
  out.gauge("weir_store_limit_bytes", "store.max_size").add(snapshot.store_limit);
  out.gauge("weir_store_over_limit", "1 while results are evicted to keep to the limit.")
      .add(snapshot.store_over_limit);
  out.gauge("weir_store_merging", "1 while backlog is merged into coarser windows to save room.")
      .add(snapshot.store_merging);
  out.gauge("weir_store_failing", "1 while commits fail and are tried again.")
      .add(!snapshot.store_error.empty());
  out.gauge("weir_journal_records", "Journal records behind the checkpoint.")
      .add(store.journal_records);
  out.gauge("weir_journal_bytes", "Journal bytes behind the checkpoint.").add(store.journal_bytes);
  out.gauge("weir_dead_letters", "Dead letters kept.").add(store.dead_letters);
}

void add_sources(const std::vector<Source::Status>& sources, Exposition& out) {
  const auto each = [&](auto member) {
    for (const Source::Status& source : sources) out.add(source.*member, {{"source", source.name}});
  };
  using Status = Source::Status;
  out.gauge("weir_source_connected", "1 while the source is connected.");
  each(&Status::connected);
  out.gauge("weir_source_paused", "1 while it does not read because the inbox is full.");
  each(&Status::paused);
  out.gauge("weir_source_unacknowledged", "Messages received and not yet acknowledged.");
  each(&Status::unacknowledged);
  out.counter("weir_source_connects_total", "Connections made.");
  each(&Status::connects);
  out.counter("weir_source_disconnects_total", "Connections lost.");
  each(&Status::disconnects);
  out.counter("weir_source_messages_total", "Messages received.");
  each(&Status::messages);
  out.counter("weir_source_received_bytes_total", "Bytes received.");
  each(&Status::bytes);
  out.counter("weir_source_oversized_total", "Packets too large, each of which cost a connection.");
  each(&Status::oversized);
  out.counter("weir_source_malformed_total", "Malformed packets, each of which cost a connection.");
  each(&Status::malformed);
  out.counter("weir_source_refused_filters_total", "Subscriptions the peer turned down.");
  each(&Status::refused_filters);
}

void add_sink(const Sink::Status& sink, Exposition& out) {
  const Labels name = {{"sink", sink.name}};
  out.gauge("weir_sink_connected", "1 while the sink has a session with its peer.")
      .add(sink.connected, name);
  out.gauge("weir_sink_delivery_info", "What the sink guarantees at present, as a label.")
      .add(true, {{"sink", sink.name}, {"delivery", sink.delivery}});
  out.counter("weir_sink_transactions_total", "Publishes confirmed.").add(sink.transactions, name);
  out.counter("weir_sink_aborted_total", "Publishes aborted.").add(sink.aborted, name);
  out.counter("weir_sink_errors_total", "Errors of the sink.").add(sink.errors, name);
  out.counter("weir_sink_records_total", "Records confirmed.").add(sink.records, name);
  out.counter("weir_sink_sent_bytes_total", "Bytes of the records confirmed.")
      .add(sink.bytes, name);
}

void add_process(const Snapshot& snapshot, const ProcessUsage& process, Exposition& out) {
  out.gauge("weir_build_info", "The version, as a label.")
      .add(true, {{"version", snapshot.version}});
  out.gauge("weir_gateway_info", "Which gateway and which database, as labels.")
      .add(true, {{"gateway", snapshot.gateway}, {"store", snapshot.store_uuid}});
  out.gauge("process_start_time_seconds", "Start of the process, seconds since 1970.")
      .add(as_seconds(snapshot.started.wall.time_since_epoch()));
  out.counter("process_cpu_seconds_total", "User and system time.").add(as_seconds(process.cpu));
  if (process.resident) {
    out.gauge("process_resident_memory_bytes", "Resident memory.").add(*process.resident);
  }
  if (process.open_files) {
    out.gauge("process_open_fds", "Open file descriptors.").add(*process.open_files);
  }
  if (process.written) {
    out.counter("weir_process_written_bytes_total", "Bytes handed to the block layer.")
        .add(*process.written);
  }
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& process) {
  Exposition out;
  add_process(snapshot, process, out);
  add_ledger(snapshot, out);
  add_lanes(snapshot, out);
  add_engine(snapshot, out);
  add_store(snapshot, out);
  add_sources(snapshot.sources, out);
  add_sink(snapshot.sink, out);
  return out.text();
}

}  // namespace weir
