#include <algorithm>
#include <iomanip>
#include <iostream>

#include "operators/price.hpp"
#include "runtime/commands.hpp"
#include "runtime/json_writer.hpp"
#include "runtime/settings.hpp"
#include "runtime/uplink.hpp"

namespace weir {

namespace {

// Measured, see tests/bench/BASELINE.md: what an idle weir holds, with all its libraries; what a
// synced commit costs the disk however little is in it, and each reading more.
constexpr double base_memory = 16.0 * (1 << 20);
constexpr double kafka_queue = 8.0 * (1 << 20);
constexpr double disk_bytes_a_commit = 7000;
constexpr double disk_bytes_a_reading = 12;
/// Of max_size, what is there for results: the log and a reserve for deleting take the rest.
constexpr double share_for_results = 0.70;

/// What a configuration will cost, for `series` series and `rate` readings a second.
struct Price {
  double rate = 0;
  std::uint32_t series = 0;
  double results_a_day = 0, outbox_bytes_a_day = 0, link_bytes_a_day = 0;
  double memory_usual = 0, memory_worst = 0;
  double disk_written_a_day = 0, autonomy_hours = 0;
};

Price price_of(const Settings& settings, const CheckOptions& options) {
  Price total;
  total.series = options.series > 0 ? options.series : settings.limits.series;
  total.rate = options.rate > 0 ? options.rate : total.series / 10.0;
  const PipelinePrice pipeline = price(*settings.pipeline, settings.source_options);

  const double known =
      static_cast<double>(pipeline.table_bytes_a_series + pipeline.detector_bytes_a_series +
                          pipeline.source_bytes_a_series) *
          total.series +
      static_cast<double>(pipeline.dimension_bytes);
  const double active =
      pipeline.active_series > 0 ? std::min(total.series, pipeline.active_series) : total.series;
  double usual = 0, worst = 0;
  for (const RollupPrice& rollup : pipeline.rollups) {
    usual +=
        static_cast<double>(rollup.windows_usual * rollup.bytes_a_window + rollup.bytes_beside);
    worst += static_cast<double>(rollup.windows_worst * rollup.bytes_a_window_worst +
                                 rollup.bytes_beside_worst);
    const double results = rollup.results_a_day * total.series;
    OutboxEntry entry;
    entry.output = rollup.sample;
    const SinkRecord record =
        make_record(entry, settings.gateway, "00000000-0000-0000-0000-000000000000");
    total.results_a_day += results;
    total.outbox_bytes_a_day +=
        results * static_cast<double>(encode_output(rollup.sample).size() + 32);
    total.link_bytes_a_day +=
        results * static_cast<double>(record.key.size() + record.value.size() + 40);
  }
  total.memory_usual = base_memory + known + usual * active;
  total.memory_worst = base_memory + kafka_queue + static_cast<double>(count(settings.inbox)) +
                       known + worst * active;
  const double interval = std::chrono::duration<double>(settings.store.commit_interval).count();
  const double commits = std::min(total.rate, 1 / interval);
  total.disk_written_a_day =
      86'400 * (commits * disk_bytes_a_commit + total.rate * disk_bytes_a_reading) +
      2 * total.outbox_bytes_a_day;
  if (total.outbox_bytes_a_day > 0) {
    total.autonomy_hours = static_cast<double>(count(settings.store.max_size)) * share_for_results /
                           total.outbox_bytes_a_day * 24;
  }
  return total;
}

std::string mebibytes(double bytes) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(bytes < (10 << 20) ? 1 : 0) << bytes / (1 << 20) << " MiB";
  return out.str();
}

void print_json(const Price& price) {
  JsonWriter out;
  out.begin_object()
      .member("valid", true)
      .member("series", price.series)
      .member("readings_per_second", price.rate)
      .member("memory_bytes", price.memory_usual)
      .member("memory_worst_bytes", price.memory_worst)
      .member("results_per_day", price.results_a_day)
      .member("link_bytes_per_day", price.link_bytes_a_day)
      .member("disk_written_bytes_per_day", price.disk_written_a_day)
      .member("autonomy_hours", price.autonomy_hours)
      .end_object();
  std::cout << out.take() << '\n';
}

void print_text(const std::string& path, const Settings& settings, const Price& price) {
  std::cout << path << ": no problems\n\n"
            << "For " << price.series << " series and " << price.rate << " readings a second"
            << " (choose others with --series and --rate):\n"
            << "  memory          about " << mebibytes(price.memory_usual) << ", at worst "
            << mebibytes(price.memory_worst) << '\n'
            << "  results         " << static_cast<std::uint64_t>(price.results_a_day)
            << " a day, without revisions and alerts\n"
            << "  link            " << mebibytes(price.link_bytes_a_day)
            << " a day before compression (" << settings.kafka.compression << ")\n"
            << "  written to disk " << mebibytes(price.disk_written_a_day) << " a day\n"
            << "  autonomy        " << static_cast<std::uint64_t>(price.autonomy_hours)
            << " h without a link before the oldest results are given up (store.max_size "
            << format_bytes(settings.store.max_size) << ")\n";
}

}  // namespace

int check_command(const CheckOptions& options) {
  const auto settings = load_settings(options.config);
  if (!settings) return exit_config;
  const Price price = price_of(*settings, options);
  if (options.json)
    print_json(price);
  else
    print_text(options.config, *settings, price);
  return exit_ok;
}

}  // namespace weir
