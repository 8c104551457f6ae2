#include "operators/intake.hpp"

#include <algorithm>
#include <cmath>

#include "operators/registry.hpp"

namespace weir {

namespace {

constexpr SeriesId no_series{UINT32_MAX};

}  // namespace

Intake::Intake(const SourceOptions& source, const SeriesTable& table)
    : table_(table), values_(source, table) {
  if (source.rules == nullptr) return;
  for (const SourceRules::ChosenStage& chosen : source.rules->stages)
    stages_.push_back({chosen.entry, chosen.choice.make({source, table, values_})});
  for (const ChosenStage& chosen : stages_) {
    if (!chosen.stage->mark_metric().empty()) marked_ = chosen.stage.get();
  }
  for (const SourceRules::Derive& derive : source.rules->derive) {
    Derived& derived = derives_.emplace_back();
    derived.name = derive.name;
    derived.formula =
        std::make_unique<Formula>("source " + source.name + " derive " + derive.name,
                                  derive.expression, source.rules->tolerance, values_, table);
  }
}

bool Intake::mark(const Reading& reading) {
  if (marked_ == nullptr) return false;
  if (table_.metric(table_.series(reading.series).metric) != marked_->mark_metric()) return false;
  marked_->mark(reading);
  return true;
}

std::optional<std::size_t> Intake::filter(Reading& reading, const Moment& now) {
  for (const ChosenStage& chosen : stages_) {
    const Stage::Verdict verdict = chosen.stage->judge(reading, now);
    if (verdict != Stage::Verdict::pass)
      return filter_reason(chosen.entry, verdict == Stage::Verdict::no_value);
  }
  return std::nullopt;
}

const std::vector<Reading>& Intake::derive(const Reading& reading, ReadingCounts& counts) {
  made_.clear();
  values_.note(reading);
  const DeviceRows& rows = values_.rows();
  if (rows.any() && !rows.has_row(table_.series(reading.series).device)) ++counts.no_row;
  if (derives_.empty()) return made_;
  const SeriesTable::Series series = table_.series(reading.series);
  changed_.assign(1, values_.place_of(series.metric));
  if (changed_.front() == SourceValues::none) return made_;
  for (Derived& derived : derives_) {
    const bool touched = std::any_of(changed_.begin(), changed_.end(), [&](std::size_t place) {
      return derived.formula->names(place);
    });
    if (!touched) continue;
    const auto id = series_of(derived, series.device);
    if (!id) {
      ++counts.of(DerivedFate::series_limit);
      continue;
    }
    const Formula::Outcome outcome = derived.formula->evaluate(reading, *id);
    if (std::isnan(outcome.result)) {
      if (outcome.complete) ++counts.of(DerivedFate::no_value);
      continue;
    }
    made_.push_back({reading.time, outcome.result, *id, outcome.quality});
    values_.note(made_.back());
    if (const std::size_t place = values_.place_of(table_.series(*id).metric);
        place != SourceValues::none)
      changed_.push_back(place);
  }
  return made_;
}

// It was interned with the first reading of the device, unless the table was full; as nothing says
// when that ends, it is looked for each time.
std::optional<SeriesId> Intake::series_of(Derived& derived, DeviceId device) const {
  if (index(device) >= derived.series.size())
    derived.series.resize(std::size_t{index(device)} + 1, no_series);
  SeriesId& id = derived.series[index(device)];
  if (id == no_series) id = table_.find_series(device, derived.name).value_or(no_series);
  return id == no_series ? std::nullopt : std::optional(id);
}

std::vector<Stateful*> Intake::parts() {
  std::vector<Stateful*> parts;
  for (const ChosenStage& chosen : stages_) parts.push_back(chosen.stage.get());
  for (const Derived& derived : derives_) parts.push_back(derived.formula.get());
  for (const auto& metric : values_.all()) parts.push_back(metric.get());
  return parts;
}

}  // namespace weir
