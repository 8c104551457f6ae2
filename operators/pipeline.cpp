#include "operators/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "operators/chain.hpp"
#include "operators/describe.hpp"
#include "operators/registry.hpp"
#include "operators/window_kind.hpp"

namespace weir {

namespace {

/// 2020-01-01: weir is younger, so that a clock which shows less is wrong.
constexpr Timestamp earliest_plausible = timestamp_us(1'577'836'800'000'000);
/// How far a clock that nobody vouches for may be behind: a spare that lay on a shelf, a battery
/// that is empty.
constexpr Duration unvouched_skew = std::chrono::hours(24 * 3653);

}  // namespace

Chain::Chain(const PipelineOptions& options, std::span<const SourceOptions> sources,
             const SeriesTable& table)
    : table_(table), clocks_(sources, table), most_active_(options.active_series) {
  for (const SourceOptions& source : sources) {
    sources_.push_back({source, time_end, {}, std::make_unique<Intake>(source, table_)});
  }
  const auto source_named = [this](const std::string& name) -> Source& {
    return *std::find_if(sources_.begin(), sources_.end(),
                         [&name](const Source& source) { return source.options.name == name; });
  };
  for (const RollupOptions& rollup : options.rollups) {
    Source& source = source_named(rollup.from);
    link(make_rollup(rollup, source.options, table_, clocks_), source, rollup.where);
  }
  for (const DetectorOptions& detector : options.detectors) {
    Source& source = source_named(detector.from);
    link(detector.make(detector, source.options, table_), source, detector.where);
  }
  for (Source& source : sources_) {
    // Conditions look at its values, also those that name no metric.
    const bool conditions = std::ranges::any_of(
        source.operators, [](const Link& link) { return link.where != unknown; });
    if (source.intake->idle() && !conditions) source.intake.reset();
  }
  const auto where = std::find(stages().begin(), stages().end(), &where_stage);
  where_reason_ = filter_reason(static_cast<std::size_t>(where - stages().begin()), false);
}

void Chain::link(std::unique_ptr<Operator> to, Source& source,
                 const std::optional<Expression>& where) {
  Link& link = source.operators.emplace_back();
  link.to = to.get();
  if (where) {
    link.where = static_cast<std::uint32_t>(conditions_.size());
    const Duration tolerance = source.options.rules ? source.options.rules->tolerance : Duration(0);
    conditions_.push_back(std::make_unique<Formula>(to->name() + " where", *where, tolerance,
                                                    source.intake->values(), table_));
  }
  operators_.push_back(std::move(to));
}

void Chain::process(std::span<const Reading> readings, const Moment& now, Outputs& out) {
  counts_ = {};
  begin(now, out);
  for (std::size_t i = 0; i < readings.size(); ++i) {
    expect(readings.subspan(i));
    take(readings[i], now, out);
  }
  settle(out);
}

/// Asks the memory for what the readings a few places ahead will need, in three steps.
void Chain::expect(std::span<const Reading> coming) const {
  constexpr std::size_t first = 12, second = 8, third = 4;
  const auto known = [this](const Reading& reading) {
    return index(reading.series) < series_.size() ? &series_[index(reading.series)] : nullptr;
  };
  if (coming.size() <= first) return;
  if (const Series* series = known(coming[first])) __builtin_prefetch(series);
  for (const bool near : {false, true}) {
    const Series* series = known(coming[near ? third : second]);
    if (series == nullptr || series->first_route == unknown) continue;
    clocks_.expect(series->device, near);
    for (std::uint32_t i = 0; i < series->routes; ++i) {
      const Route& route = routes_[series->first_route + i];
      route.to->expect(route.slot, near);
    }
  }
}

/// A gateway without a clock starts in 1970, or where its last shutdown was, and must not take its
/// sensors for travellers from the future until its own clock is set. So a clock that nobody
/// vouches for condemns only what is absurd, and none at all while it can't be right itself. It
/// does condemn that much: many a system never says that its clock is right, and a device in 2087
/// would still take its whole group with it.
Timestamp Chain::horizon(const Moment& now, Duration max_skew) const {
  // The very last time is no event time: it stands for "never" elsewhere.
  constexpr Timestamp never = time_end - Duration(1);
  const Timestamp wall = std::max(highest_wall_, now.wall);
  if (!now.synchronised && wall < earliest_plausible) return never;
  const Duration skew = now.synchronised ? max_skew : std::max(max_skew, unvouched_skew);
  return std::min(saturating_add(wall, skew), never);
}

void Chain::begin_anew(Timestamp told) {
  told_ = std::max(told_, told);
  for (const auto& each : operators_) each->begin_anew(told_);
}

void Chain::tick(const Moment& now, Outputs& out) {
  begin(now, out);
  settle(out);
}

void Chain::begin(const Moment& now, Outputs& out) {
  if (now.synchronised) highest_wall_ = std::max(highest_wall_, now.wall);
  for (Source& source : sources_) source.horizon = horizon(now, source.options.max_skew);
  while (const auto device = clocks_.next_idle(now.elapsed)) {
    moved(*device, clocks_.source_of(*device), out);
  }
  while (const auto device = clocks_.next_forgotten(now.elapsed)) {
    forget(*device, out);
    ++forgotten_.silent;
  }
  for (const auto& to : operators_) to->tick(now, out);
}

void Chain::settle(Outputs& out) {
  for (const auto& to : operators_) to->settle(out);
}

void Chain::take(const Reading& reading, const Moment& now, Outputs& out) {
  Series& series = series_of(reading.series);
  if (series.source == DeviceClocks::no_source) {
    ++counts_.unused;
    return;
  }
  Intake* const intake = sources_[series.source].intake.get();
  if (intake != nullptr && intake->mark(reading)) {
    ++counts_.unused;
    return;
  }
  if (reading.time > sources_[series.source].horizon) {
    ++counts_.quarantined;
    set_aside(OutputKind::quarantined, series, reading, out);
    return;
  }
  if (clocks_.heard(series.device, series.source, now.elapsed)) {
    moved(series.device, series.source, out);
  }
  if (reading.time < told_) {
    ++counts_.late;
    set_aside(OutputKind::late, series, reading, out);
    return;
  }
  // What derived readings join may move the series.
  const DeviceId device = series.device;
  const std::uint32_t source = series.source;
  if (intake != nullptr)
    take_in(*intake, reading, now, out);
  else
    count(fold(series, reading, now, out));
  if (clocks_.advance(device, source, reading.time)) moved(device, source, out);
}

/// The way of a reading whose source does something with it before the operators. One that is
/// dropped moves the watermark of its device all the same: it says how late it is there.
void Chain::take_in(Intake& intake, const Reading& reading, const Moment& now, Outputs& out) {
  Reading taken = reading;
  if (const auto reason = intake.filter(taken, now)) {
    ++counts_.filtered[*reason];
    return;
  }
  // Before the operators, whose conditions may name what is derived.
  const std::vector<Reading>& derived = intake.derive(taken, counts_);
  count(fold(series_of(taken.series), taken, now, out));
  for (const Reading& one : derived) count_derived(fold(series_of(one.series), one, now, out));
}

/// Nothing: there is no room for its windows.
std::optional<Verdict> Chain::fold(Series& series, const Reading& reading, const Moment& now,
                                   Outputs& out) {
  if (series.first_route == unknown) join(reading.series, series);
  Verdict verdict = Verdict::none;
  for (std::uint32_t i = 0; i < series.routes; ++i) {
    const Route& route = routes_[series.first_route + i];
    if (route.where != unknown && !conditions_[route.where]->holds(reading)) {
      verdict = std::max(verdict, Verdict::filtered);
      continue;
    }
    // What no condition wants needs none.
    if (!series.active && !make_room(series, out)) return std::nullopt;
    verdict = std::max(verdict, route.to->accept(route.slot, reading, now, out));
  }
  if (verdict == Verdict::too_old || verdict == Verdict::late)
    set_aside(OutputKind::late, series, reading, out);
  return verdict;
}

void Chain::count(std::optional<Verdict> verdict) {
  if (!verdict) {
    ++counts_.no_room;
    return;
  }
  switch (*verdict) {
    case Verdict::none:
      ++counts_.unused;
      break;
    case Verdict::filtered:
      ++counts_.filtered[where_reason_];
      break;
    case Verdict::watched:
    case Verdict::taken:
      ++counts_.aggregated;
      break;
    case Verdict::too_old:
    case Verdict::late:
      ++counts_.late;
      break;
  }
}

void Chain::count_derived(std::optional<Verdict> verdict) {
  if (!verdict) {
    ++counts_.of(DerivedFate::series_limit);
    return;
  }
  switch (*verdict) {
    case Verdict::none:
    case Verdict::filtered:
      ++counts_.of(DerivedFate::filtered);
      break;
    case Verdict::watched:
    case Verdict::taken:
      ++counts_.of(DerivedFate::aggregated);
      break;
    case Verdict::too_old:
    case Verdict::late:
      ++counts_.of(DerivedFate::late);
      break;
  }
}

Chain::Series& Chain::series_of(SeriesId id) {
  if (index(id) >= series_.size()) series_.resize(std::size_t{index(id)} + 1);
  Series& series = series_[index(id)];
  if (series.source == unknown) {
    series.device = table_.series(id).device;
    series.source = clocks_.source_of(series.device);
    const std::uint32_t device = index(series.device);
    if (device >= first_series_.size()) first_series_.resize(std::size_t{device} + 1, unknown);
    series.next = std::exchange(first_series_[device], index(id));
  }
  return series;
}

// At the first reading that is accepted: what only ever was in quarantine takes no room.
void Chain::join(SeriesId id, Series& series) {
  series.first_route = static_cast<std::uint32_t>(routes_.size());
  for (const Link& link : sources_[series.source].operators) {
    if (const auto slot = link.to->join(id)) routes_.push_back({link.to, *slot, link.where});
  }
  series.routes = static_cast<std::uint32_t>(routes_.size()) - series.first_route;
}

void Chain::set_aside(OutputKind kind, const Series& series, const Reading& reading,
                      Outputs& out) const {
  const SourceOptions& source = sources_[series.source].options;
  Output& output = out.emplace_back();
  output.kind = kind;
  output.name = source.name;
  output.topic = kind == OutputKind::late ? source.late_topic : source.quarantine_topic;
  output.group = device_tags(table_, series.device);
  const Intake* const intake = sources_[series.source].intake.get();
  if (intake != nullptr) output.attributes = row_tags(intake->rows(), series.device);
  output.metric = table_.metric(table_.series(reading.series).metric);
  output.window = {reading.time, reading.time};
  output.quality = reading.quality;
  output.count = 1;
  output.first = output.last = reading.time;
  output.fields.push_back({"value", reading.value});
}

void Chain::moved(DeviceId device, std::uint32_t source, Outputs& out) {
  for (const Link& link : sources_[source].operators) link.to->move(device, out);
}

std::optional<Duration> Chain::next_tick() const {
  std::optional<Duration> earliest = clocks_.next_deadline();
  for (const auto& to : operators_) {
    const auto next = to->next_tick();
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

std::size_t Chain::memory_bytes() const {
  std::size_t bytes = clocks_.memory_bytes() + series_.capacity() * sizeof(Series) +
                      routes_.capacity() * sizeof(Route);
  for (const Stateful* part : parts()) bytes += part->memory_bytes();
  return bytes;
}

void intern_derived(const SourceOptions& source, DeviceId device, SeriesTable& table) {
  for (const std::string& metric : source.derived) table.intern_series(device, metric);
}

std::unique_ptr<Pipeline> make_pipeline(const PipelineOptions& options,
                                        std::span<const SourceOptions> sources,
                                        const SeriesTable& table) {
  return std::make_unique<Chain>(options, sources, table);
}

}  // namespace weir
