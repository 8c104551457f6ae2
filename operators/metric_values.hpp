#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/enrichment.hpp"
#include "operators/keyed.hpp"
#include "operators/saturate.hpp"
#include "operators/series.hpp"
#include "operators/stateful.hpp"

namespace weir {

/// What the devices of a source last said of one metric that an expression names: the join in time.
///
/// Kept are the four newest values of each device by event time; of equal times the last to arrive.
class MetricValues final : public Stateful {
 public:
  /// `table` outlives this.
  MetricValues(const std::string& source, std::string metric, const SeriesTable& table)
      : name_("values " + source + " " + metric), metric_(std::move(metric)), table_(table) {}

  const std::string& metric() const { return metric_; }

  struct Value {
    Timestamp time{};
    double value = 0;
    Quality quality = Quality::good;
  };
  void note(DeviceId device, const Value& value);
  /// The newest value that is not behind `time` and at most `tolerance` before it.
  std::optional<Value> as_of(DeviceId device, Timestamp time, Duration tolerance) const;

  std::string name() const override { return name_; }
  void define(ByteWriter& out) const override { out.varint(1); }
  void save(ByteWriter& out) const override { devices_.save(out); }
  bool load(ByteReader& in) override { return devices_.load(in, table_.mark().devices); }
  std::size_t memory_bytes() const override { return devices_.memory_bytes(); }

  static constexpr std::uint64_t bytes_a_device = 112;

 private:
  static constexpr std::size_t kept = 4;
  struct Newest {
    std::array<Value, kept> values;  ///< the newest first
    std::size_t count = 0;

    void save(ByteWriter& out) const;
    bool load(ByteReader& in);
  };

  std::string name_, metric_;
  const SeriesTable& table_;
  Keyed<DeviceId, Newest> devices_;
};

/// What the expressions of one source name: metrics, and the rows of its devices.
class SourceValues {
 public:
  SourceValues(const SourceOptions& source, const SeriesTable& table)
      : source_(source.name), rows_(source, table), table_(table) {}

  const DeviceRows& rows() const { return rows_; }

  /// The place of a metric, made if it is new. Before the first reading only.
  std::size_t place(const std::string& metric);
  const MetricValues& at(std::size_t place) const { return *metrics_[place]; }

  static constexpr std::size_t none = Places<MetricId>::none;
  /// The place of the metric of a series; `none` if no expression names it.
  std::size_t place_of(MetricId metric);
  void note(const Reading& reading);

  const std::vector<std::unique_ptr<MetricValues>>& all() const { return metrics_; }

 private:
  std::string source_;
  DeviceRows rows_;
  const SeriesTable& table_;
  std::vector<std::unique_ptr<MetricValues>> metrics_;
  Places<MetricId> places_;
};

}  // namespace weir
