#include <algorithm>
#include <cmath>

#include "operators/expression_ops.hpp"
#include "operators/stage.hpp"
#include "operators/unknown_word.hpp"

namespace weir {

namespace {

/// What becomes of the values of a metric.
struct Change {
  std::string metric;
  UnitChange by;
};

/// Puts values into the unit that they shall have. A value that is no number any more is dropped.
class Units final : public StatelessStage {
 public:
  Units(std::vector<Change> changes, const StageParts& parts)
      : StatelessStage("source " + parts.source.name + " units"),
        changes_(std::move(changes)),
        table_(parts.table) {}

  Verdict judge(Reading& reading, const Moment&) override {
    const std::size_t at = of(table_.series(reading.series).metric);
    if (at == Places<MetricId>::none) return Verdict::pass;
    const double value = changes_[at].by.of(reading.value);
    if (!std::isfinite(value)) return Verdict::no_value;
    reading.value = value;
    return Verdict::pass;
  }

  std::size_t memory_bytes() const override { return found_.memory_bytes(); }

 private:
  std::size_t of(MetricId metric) {
    return found_.of(metric, [this](MetricId id) {
      const auto fitting = std::ranges::find(changes_, table_.metric(id), &Change::metric);
      return fitting == changes_.end() ? Places<MetricId>::none
                                       : static_cast<std::size_t>(fitting - changes_.begin());
    });
  }

  std::vector<Change> changes_;
  const SeriesTable& table_;
  Places<MetricId> found_;  ///< among the changes
};

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// "degF -> degC"; empty if it can be done, else what is wrong with it.
std::string read_change(std::string_view text, Change& change) {
  const std::size_t arrow = text.find("->");
  if (arrow == std::string_view::npos) return "expected two units, for example \"degF -> degC\"";
  const std::string_view names[] = {trim(text.substr(0, arrow)), trim(text.substr(arrow + 2))};
  const Unit* found[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    found[i] = find_unit(names[i]);
    if (found[i] == nullptr) return unknown_unit(names[i]);
  }
  if (found[0]->dimension != found[1]->dimension) return no_way(*found[0], *found[1]);
  change.by = unit_change(*found[0], *found[1]);
  return {};
}

StageChoice read_units(Params& source, const ExpressionScope& scope) {
  std::vector<Change> changes;
  const auto derived = source.entries("derive");
  const auto entries = source.entries("units");
  Params table = source.table("units");
  for (const auto& entry : entries) {
    const std::string& metric = entry.first;
    Change& change = changes.emplace_back(Change{metric, {}});
    const auto& metrics = scope.metrics;
    if (std::ranges::any_of(derived, [&](const auto& one) { return one.first == metric; }))
      table.problem(metric, "is derived; its expression can convert it");
    else if (!metrics.empty() && std::ranges::find(metrics, metric) == metrics.end())
      table.problem(metric, unknown_word("metric", metric, metrics));
    if (const std::string wrong = read_change(entry.second, change); !wrong.empty())
      table.problem(metric, wrong);
  }
  if (changes.empty()) return {};
  const auto make = [changes](const StageParts& parts) {
    return std::make_unique<Units>(changes, parts);
  };
  return {make, sizeof(std::size_t)};
}

}  // namespace

extern const StageEntry units_stage = {"units", "units", "puts values into another unit",
                                       read_units};

}  // namespace weir
