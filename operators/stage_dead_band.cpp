#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/keyed.hpp"
#include "operators/stage.hpp"

namespace weir {

namespace {

struct Bands {
  std::vector<std::pair<std::string, double>> bands;  ///< by metric
  bool others = false;                                ///< change_only: 0 for all others
  Duration max_silence{};
};

/// Drops a reading that differs from the last one of its series that passed by no more than the
/// band of its metric, unless that one is `max_silence` old by event time. A reading older than
/// that one passes: it belongs to a window of its own.
class DeadBand final : public Stage {
 public:
  DeadBand(Bands bands, const StageParts& parts)
      : name_("source " + parts.source.name + " dead_band"),
        bands_(std::move(bands)),
        table_(parts.table) {}

  Verdict judge(Reading& reading, const Moment&) override {
    const double band = of(table_.series(reading.series).metric);
    if (band < 0) return Verdict::pass;
    Passed& last = passed_[reading.series];
    if (reading.time < last.time) return Verdict::pass;
    const bool near = std::fabs(reading.value - last.value) <= band;
    if (near && saturating_difference(reading.time, last.time) < bands_.max_silence)
      return Verdict::drop;
    last = {reading.time, reading.value};
    return Verdict::pass;
  }

  std::string name() const override { return name_; }
  void define(ByteWriter& out) const override {
    out.varint(1);
    out.varint(bands_.bands.size());
    for (const auto& [metric, band] : bands_.bands) {
      out.text(metric);
      out.f64(band);
    }
    out.u8(bands_.others ? 1 : 0);
    out.zigzag(bands_.max_silence.count());
  }
  void save(ByteWriter& out) const override { passed_.save(out); }
  bool load(ByteReader& in) override { return passed_.load(in, table_.mark().series); }
  std::size_t memory_bytes() const override {
    return passed_.memory_bytes() + found_.capacity() * sizeof(double);
  }

 private:
  struct Passed {
    Timestamp time = time_begin;
    double value = std::numeric_limits<double>::quiet_NaN();  ///< nothing is near it

    void save(ByteWriter& out) const {
      out.zigzag(count_us(time));
      out.f64(value);
    }
    bool load(ByteReader& in) {
      time = timestamp_us(in.zigzag());
      value = in.f64();
      return in.ok() && std::isfinite(value);
    }
  };
  static constexpr double none = -1, unresolved = -2;

  double of(MetricId metric) {
    if (index(metric) >= found_.size()) found_.resize(std::size_t{index(metric)} + 1, unresolved);
    double& found = found_[index(metric)];
    if (found != unresolved) return found;
    found = bands_.others ? 0 : none;
    for (const auto& [name, band] : bands_.bands) {
      if (name == table_.metric(metric)) found = band;
    }
    return found;
  }

  std::string name_;
  Bands bands_;
  const SeriesTable& table_;
  std::vector<double> found_;  ///< by metric; resolved when first seen
  Keyed<SeriesId, Passed> passed_;
};

StageChoice read_dead_band(Params& source, const ExpressionScope&) {
  Bands bands;
  bands.bands = source.number_entries("dead_band");
  for (const auto& [metric, band] : bands.bands) {
    if (!(band >= 0)) source.problem("dead_band", "the band of " + metric + " is not 0 or more");
  }
  bands.others = source.boolean("change_only", false);
  bands.max_silence = source.duration("max_silence", std::chrono::minutes(10),
                                      {std::chrono::milliseconds(1), std::chrono::hours(24 * 31)});
  if (bands.bands.empty() && !bands.others) return {};
  const auto make = [bands](const StageParts& parts) {
    return std::make_unique<DeadBand>(bands, parts);
  };
  return {make, 24};
}

}  // namespace

extern const StageEntry dead_band_stage = {
    "dead_band", "unchanged", "takes what has changed by more than a band", read_dead_band};

}  // namespace weir
