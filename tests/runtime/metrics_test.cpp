#include "runtime/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <sstream>

#include "runtime/ledger_view.hpp"
#include "tests/runtime/snapshot_samples.hpp"
#include "tests/support/catch.hpp"

using namespace weir;

namespace {

/// The text exposition format 0.0.4, read strictly: every rule of it that our output could break
/// fails the test.
class Exposition {
 public:
  using Labels = std::map<std::string, std::string>;

  explicit Exposition(const std::string& text) {
    REQUIRE_FALSE(text.empty());
    REQUIRE(text.back() == '\n');
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      INFO("line: " << line);
      if (line.rfind("# HELP ", 0) == 0) {
        read_help(line);
      } else if (line.rfind("# TYPE ", 0) == 0) {
        read_type(line);
      } else {
        read_sample(line);
      }
    }
    for (const auto& [name, type] : types_) {
      if (type == "histogram") check_histogram(name);
    }
  }

  /// The value of one sample, which must be there.
  double value(const std::string& name, const Labels& labels = {}) const {
    INFO("sample " << name);
    const auto found = samples_.find({name, labels});
    REQUIRE(found != samples_.end());
    return found->second;
  }
  bool has_family(const std::string& name) const { return types_.count(name) > 0; }
  bool has(const std::string& name, const Labels& labels = {}) const {
    return samples_.count({name, labels}) > 0;
  }
  const std::map<std::string, std::string>& types() const { return types_; }

 private:
  static bool is_name(const std::string& name, std::string_view also) {
    const auto allowed = [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
             also.find(c) != std::string_view::npos;
    };
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           std::all_of(name.begin(), name.end(), allowed);
  }

  /// Takes "# HELP name rest" apart; there must be a rest.
  static std::pair<std::string, std::string> name_and_rest(const std::string& line) {
    const std::size_t begin = std::string_view("# HELP ").size();
    const std::size_t blank = line.find(' ', begin);
    REQUIRE(blank != std::string::npos);
    REQUIRE(blank + 1 < line.size());
    return {line.substr(begin, blank - begin), line.substr(blank + 1)};
  }

  static double read_number(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    REQUIRE(error == std::errc{});
    REQUIRE(end == text.data() + text.size());
    return value;
  }

  void read_help(const std::string& line) {
    family_ = name_and_rest(line).first;
    CHECK(is_name(family_, ":"));
    REQUIRE(helps_.insert(family_).second);
  }

  void read_type(const std::string& line) {
    const auto [name, type] = name_and_rest(line);
    REQUIRE(name == family_);
    REQUIRE((type == "counter" || type == "gauge" || type == "histogram"));
    REQUIRE(types_.emplace(family_, type).second);
    const bool total = name.size() > 6 && name.substr(name.size() - 6) == "_total";
    CHECK(total == (type == "counter"));
  }

  void read_sample(const std::string& line) {
    std::size_t at = line.find_first_of("{ ");
    REQUIRE(at != std::string::npos);
    const std::string name = line.substr(0, at);
    REQUIRE(types_.count(family_) == 1);
    const bool of_histogram = types_[family_] == "histogram";
    const std::string suffix = name.substr(std::min(name.size(), family_.size()));
    REQUIRE(name.rfind(family_, 0) == 0);
    if (of_histogram) {
      REQUIRE((suffix == "_bucket" || suffix == "_sum" || suffix == "_count"));
    } else {
      REQUIRE(suffix.empty());
    }
    const Labels labels = read_labels(line, at);
    REQUIRE(line[at] == ' ');
    const std::string number = line.substr(at + 1);
    const double value = read_number(number);
    if (types_[family_] == "counter") CHECK(value >= 0);
    REQUIRE(samples_.emplace(std::pair(name, labels), value).second);
    if (suffix == "_bucket" && of_histogram) buckets_[family_].push_back({labels.at("le"), value});
  }

  static Labels read_labels(const std::string& line, std::size_t& at) {
    Labels labels;
    if (line[at] != '{') return labels;
    while (line[at] != '}') {
      const std::size_t equals = line.find("=\"", ++at);
      REQUIRE(equals != std::string::npos);
      const std::string name = line.substr(at, equals - at);
      REQUIRE(is_name(name, ""));
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\') {
          ++at;
          REQUIRE((line[at] == '\\' || line[at] == '"' || line[at] == 'n'));
          value += line[at] == 'n' ? '\n' : line[at];
        } else {
          value += line[at];
        }
      }
      REQUIRE(labels.emplace(name, value).second);
      REQUIRE(++at < line.size());
      REQUIRE((line[at] == ',' || line[at] == '}'));
    }
    ++at;
    return labels;
  }

  void check_histogram(const std::string& name) const {
    const auto& buckets = buckets_.at(name);
    REQUIRE(buckets.back().first == "+Inf");
    for (std::size_t i = 1; i < buckets.size(); ++i) {
      CHECK(buckets[i].second >= buckets[i - 1].second);
      if (i + 1 == buckets.size()) break;
      CHECK(read_number(buckets[i].first) > read_number(buckets[i - 1].first));
    }
    CHECK(value(name + "_count") == buckets.back().second);
    CHECK(has(name + "_sum"));
  }

  std::string family_;
  std::set<std::string> helps_;
  std::map<std::string, std::string> types_;
  std::map<std::pair<std::string, Labels>, double> samples_;
  std::map<std::string, std::vector<std::pair<std::string, double>>> buckets_;
};

Exposition exposition(const Snapshot& snapshot) {
  return Exposition(metrics_text(snapshot, usual_usage()));
}

}  // namespace

TEST_CASE("the ledger is in the metrics, part by part") {
  const Exposition metrics = exposition(busy_snapshot());
  CHECK(metrics.value("weir_messages_received_total") == 1'234'567);
  CHECK(metrics.value("weir_messages_refused_total", {{"reason", "undecodable"}}) == 60);
  CHECK(metrics.value("weir_messages_refused_total", {{"reason", "retained"}}) == 7);
  CHECK(metrics.value("weir_results_produced_total", {{"kind", "alert"}}) == 10);
  CHECK(metrics.value("weir_results_delivered_total", {{"lane", "live"}}) == 80);
  CHECK(metrics.value("weir_results_evicted_total", {{"reason", "max_size"}}) == 4);
  CHECK(metrics.value("weir_clock_jumps_total") == 2);
  CHECK(metrics.value("weir_ledger_balanced") == 1);
}

TEST_CASE("what can be counted is there from the start, as zero") {
  const Exposition metrics = exposition(Snapshot{});
  CHECK(metrics.value("weir_messages_received_total") == 0);
  for (const char* lane : {"alerts", "live", "late", "backlog"}) {
    CHECK(metrics.value("weir_results_delivered_total", {{"lane", lane}}) == 0);
    CHECK(metrics.value("weir_outbox_entries", {{"lane", lane}}) == 0);
  }
  for (const char* kind : {"rollup", "alert", "late"}) {
    CHECK(metrics.value("weir_results_produced_total", {{"kind", kind}}) == 0);
  }
}

TEST_CASE("every counter of the ledger has a family with a help") {
  std::set<Counter> shown;
  for (const CounterFamily& family : counter_families()) {
    CHECK(shown.insert(family.counter).second);
    CHECK_FALSE(family.help.empty());
  }
  const std::string unknown(counter_name(Counter{0}));
  for (unsigned value = 1; value < 256; ++value) {
    const Counter counter{static_cast<std::uint8_t>(value)};
    if (counter_name(counter) == unknown) continue;
    INFO(counter_name(counter));
    CHECK(shown.count(counter) == 1);
  }
}

TEST_CASE("a ledger that does not balance says so") {
  Snapshot snapshot = busy_snapshot();
  ++snapshot.waiting;
  CHECK(exposition(snapshot).value("weir_ledger_balanced") == 0);
}

TEST_CASE("lanes, watermarks, limits, store and process are in the metrics with their units") {
  const Exposition metrics = exposition(busy_snapshot());
  CHECK(metrics.value("weir_outbox_entries", {{"lane", "live"}}) == 6);
  CHECK(metrics.value("weir_outbox_oldest_age_seconds", {{"lane", "alerts"}}) == 2.5);
  CHECK(metrics.value("weir_outbox_oldest_age_seconds", {{"lane", "late"}}) == 0);
  CHECK(metrics.value("weir_watermark_lag_seconds") == 90);
  CHECK(metrics.value("weir_devices") == 12);
  CHECK(metrics.value("weir_devices_idle") == 3);
  CHECK(metrics.value("weir_series") == 36);
  CHECK(metrics.value("weir_devices_limit") == 10'000);
  CHECK(metrics.value("weir_series_limit") == 20'000);
  CHECK(metrics.value("weir_inbox_bytes") == 2048);
  CHECK(metrics.value("weir_inbox_messages") == 25);
  CHECK(metrics.value("weir_inbox_limit_bytes") == 8 << 20);
  CHECK(metrics.value("weir_store_database_bytes") == 3 << 20);
  CHECK(metrics.value("weir_store_wal_bytes") == 512 << 10);
  CHECK(metrics.value("weir_store_limit_bytes") == 256 << 20);
  CHECK(metrics.value("weir_store_failing") == 0);
  CHECK(metrics.value("weir_process_written_bytes_total") == 5 << 20);
  CHECK(metrics.value("process_resident_memory_bytes") == 20 << 20);
  CHECK(metrics.value("process_cpu_seconds_total") == 12.5);
  CHECK(metrics.value("process_open_fds") == 24);
  CHECK(metrics.value("process_start_time_seconds") == 1'772'366'400);
  CHECK(metrics.value("weir_build_info", {{"version", "0.1.0"}}) == 1);
  CHECK(metrics.value("weir_clock_synchronised") == 1);
}

TEST_CASE("source and sink are in the metrics") {
  const Exposition metrics = exposition(busy_snapshot());
  const Exposition::Labels mqtt = {{"source", "mqtt"}}, kafka = {{"sink", "kafka"}};
  CHECK(metrics.value("weir_source_connected", mqtt) == 1);
  CHECK(metrics.value("weir_source_paused", mqtt) == 0);
  CHECK(metrics.value("weir_source_unacknowledged", mqtt) == 5);
  CHECK(metrics.value("weir_source_connects_total", mqtt) == 2);
  CHECK(metrics.value("weir_source_disconnects_total", mqtt) == 1);
  CHECK(metrics.value("weir_source_messages_total", mqtt) == 1'234'600);
  CHECK(metrics.value("weir_source_received_bytes_total", mqtt) == 95'000'000);
  CHECK(metrics.value("weir_source_oversized_total", mqtt) == 3);
  CHECK(metrics.value("weir_source_malformed_total", mqtt) == 4);
  CHECK(metrics.value("weir_source_refused_filters_total", mqtt) == 8);
  CHECK(metrics.value("weir_sink_connected", kafka) == 0);
  CHECK(metrics.value("weir_sink_transactions_total", kafka) == 21);
  CHECK(metrics.value("weir_sink_aborted_total", kafka) == 2);
  CHECK(metrics.value("weir_sink_errors_total", kafka) == 6);
  CHECK(metrics.value("weir_sink_records_total", kafka) == 89);
  CHECK(metrics.value("weir_sink_sent_bytes_total", kafka) == 40'000);
  CHECK(metrics.value("weir_sink_delivery_info",
                      {{"sink", "kafka"}, {"delivery", "exactly-once"}}) == 1);
}

TEST_CASE("the commit histogram is cumulative") {
  const Exposition metrics = exposition(busy_snapshot());
  const auto bucket = [&](const char* le) {
    return metrics.value("weir_commit_duration_seconds_bucket", {{"le", le}});
  };
  CHECK(bucket("0.001") == 1);
  CHECK(bucket("0.0025") == 3);
  CHECK(bucket("0.05") == 4);
  CHECK(bucket("5") == 4);
  CHECK(bucket("+Inf") == 5);
  CHECK(metrics.value("weir_commit_duration_seconds_sum") == Approx(7.045));
}

TEST_CASE("a figure that is not known is absent and not zero") {
  Snapshot snapshot = busy_snapshot();
  snapshot.watermarks = {};
  const Exposition metrics(metrics_text(snapshot, ProcessUsage{}));
  CHECK_FALSE(metrics.has_family("weir_watermark_lag_seconds"));
  CHECK_FALSE(metrics.has_family("process_resident_memory_bytes"));
  CHECK_FALSE(metrics.has_family("weir_process_written_bytes_total"));
}

TEST_CASE("large counts keep every digit") {
  Snapshot snapshot;
  snapshot.ledger.add(Counter::messages_received, 9'007'199'254'740'991);
  snapshot.ledger.add(Counter::messages_refused, "x", 1'234'567'890'123);
  const Exposition metrics = exposition(snapshot);
  CHECK(metrics.value("weir_messages_received_total") == 9'007'199'254'740'991.0);
  CHECK(metrics.value("weir_messages_refused_total", {{"reason", "x"}}) == 1'234'567'890'123.0);
}

TEST_CASE("names with quotes, backslashes and newlines keep the format") {
  Snapshot snapshot = busy_snapshot();
  snapshot.gateway = "a\"b\\c\nd{}=,";
  const Exposition metrics = exposition(snapshot);
  CHECK(metrics.value("weir_gateway_info",
                      {{"gateway", snapshot.gateway}, {"store", snapshot.store_uuid}}) == 1);
}

TEST_CASE("a name says the unit of its value") {
  const Exposition metrics = exposition(busy_snapshot());
  for (const auto& [name, type] : metrics.types()) {
    INFO(name);
    CHECK(name.find("_ms") == std::string::npos);
    CHECK(name.find("_kb") == std::string::npos);
    CHECK((name.rfind("weir_", 0) == 0 || name.rfind("process_", 0) == 0));
  }
}
