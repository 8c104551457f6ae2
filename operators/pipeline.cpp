#include "operators/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "operators/describe.hpp"
#include "operators/device_clocks.hpp"
#include "operators/options.hpp"
#include "operators/rollup.hpp"

namespace weir {

namespace {

/// 2020-01-01: weir is younger, so that a clock which shows less is wrong.
constexpr Timestamp earliest_plausible = timestamp_us(1'577'836'800'000'000);
/// How far a clock that nobody vouches for may be behind: a spare that lay on a shelf, a battery
/// that is empty.
constexpr Duration unvouched_skew = std::chrono::hours(24 * 3653);

/// Routes each reading: quarantine, then the operators of its series, then the watermark of its
/// device. What a series or a device needs is looked up once and then found by its number.
class Chain final : public Pipeline {
 public:
  Chain(const PipelineOptions& options, std::span<const SourceOptions> sources,
        const SeriesTable& table);

  void process(std::span<const Reading> readings, const Moment& now, Outputs& out) override;
  void tick(const Moment& now, Outputs& out) override;
  void begin_anew(Timestamp told) override;
  Timestamp told() const override { return told_; }
  std::optional<Duration> next_tick() const override;
  const ReadingCounts& counts() const override { return counts_; }
  Watermarks watermarks() const override { return clocks_.summary(); }
  std::size_t memory_bytes() const override;
  void save(ByteWriter& out) const override;
  Result<std::vector<std::string>> load(ByteReader& in) override;

 private:
  struct Source {
    SourceOptions options;
    Timestamp horizon = time_end;  ///< what is later than this goes to quarantine
    std::vector<Operator*> operators;
  };
  struct Route {
    Operator* to = nullptr;
    std::uint32_t slot = 0;
  };
  static constexpr std::uint32_t unknown = UINT32_MAX;
  struct Series {
    DeviceId device{};
    std::uint32_t source = unknown;  ///< its place in sources_, or DeviceClocks::no_source
    std::uint32_t first_route = unknown, routes = 0;
  };

  void begin(const Moment& now, Outputs& out);
  Timestamp horizon(const Moment& now, Duration max_skew) const;
  void settle(Outputs& out);
  void expect(std::span<const Reading> coming) const;
  void take(const Reading& reading, const Moment& now, Outputs& out);
  Series& series_of(SeriesId id);
  void join(SeriesId id, Series& series);
  void set_aside(OutputKind kind, const Series& series, const Reading& reading, Outputs& out) const;
  void moved(DeviceId device, std::uint32_t source, Outputs& out);
  Operator* find(std::string_view name, std::string_view definition) const;

  const SeriesTable& table_;
  std::vector<Source> sources_;
  DeviceClocks clocks_;
  std::vector<std::unique_ptr<Operator>> operators_;
  std::vector<Series> series_;  ///< by series; made when first seen
  std::vector<Route> routes_;
  Timestamp highest_wall_ = time_begin;  ///< of a synchronised clock
  Timestamp told_ = time_begin;          ///< the centre knows of times before this already
  ReadingCounts counts_;
};

Chain::Chain(const PipelineOptions& options, std::span<const SourceOptions> sources,
             const SeriesTable& table)
    : table_(table), clocks_(sources, table) {
  for (const SourceOptions& source : sources) sources_.push_back({source, time_end, {}});
  const auto source_named = [this](const std::string& name) -> Source& {
    return *std::find_if(sources_.begin(), sources_.end(),
                         [&name](const Source& source) { return source.options.name == name; });
  };
  for (const RollupOptions& rollup : options.rollups) {
    Source& source = source_named(rollup.from);
    operators_.push_back(std::make_unique<Rollup>(rollup, source.options, table_, clocks_));
    source.operators.push_back(operators_.back().get());
  }
  for (const DetectorOptions& detector : options.detectors) {
    Source& source = source_named(detector.from);
    operators_.push_back(detector.make(detector, source.options, table_));
    source.operators.push_back(operators_.back().get());
  }
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
  if (series.first_route == unknown) join(reading.series, series);
  Verdict verdict = Verdict::none;
  for (std::uint32_t i = 0; i < series.routes; ++i) {
    const Route& route = routes_[series.first_route + i];
    verdict = std::max(verdict, route.to->accept(route.slot, reading, now, out));
  }
  switch (verdict) {
    case Verdict::none:
      ++counts_.unused;
      break;
    case Verdict::watched:
    case Verdict::taken:
      ++counts_.aggregated;
      break;
    case Verdict::too_old:
    case Verdict::late:
      ++counts_.late;
      set_aside(OutputKind::late, series, reading, out);
      break;
  }
  if (clocks_.advance(series.device, series.source, reading.time)) {
    moved(series.device, series.source, out);
  }
}

Chain::Series& Chain::series_of(SeriesId id) {
  if (index(id) >= series_.size()) series_.resize(std::size_t{index(id)} + 1);
  Series& series = series_[index(id)];
  if (series.source == unknown) {
    series.device = table_.series(id).device;
    series.source = clocks_.source_of(series.device);
  }
  return series;
}

// At the first reading that is accepted: what only ever was in quarantine takes no room.
void Chain::join(SeriesId id, Series& series) {
  series.first_route = static_cast<std::uint32_t>(routes_.size());
  for (Operator* to : sources_[series.source].operators) {
    if (const auto slot = to->join(id)) routes_.push_back({to, *slot});
  }
  series.routes = static_cast<std::uint32_t>(routes_.size()) - series.first_route;
}

void Chain::set_aside(OutputKind kind, const Series& series, const Reading& reading,
                      Outputs& out) const {
  const SourceOptions& source = sources_[series.source].options;
  Output& output = out.emplace_back();
  output.kind = kind;
  output.name = source.name;
  if (kind == OutputKind::late) output.topic = source.late_topic;
  output.group = device_tags(table_, series.device);
  output.metric = table_.metric(table_.series(reading.series).metric);
  output.window = {reading.time, reading.time};
  output.quality = reading.quality;
  output.count = 1;
  output.first = output.last = reading.time;
  output.fields.push_back({"value", reading.value});
}

void Chain::moved(DeviceId device, std::uint32_t source, Outputs& out) {
  for (Operator* to : sources_[source].operators) to->move(device, out);
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
  for (const auto& to : operators_) bytes += to->memory_bytes();
  return bytes;
}

// The state: a version, the wall clock, what the centre knows of (since version 2), the device
// clocks, then one section for each operator with its name, its definition and its own bytes.
constexpr std::uint8_t state_version = 2;
constexpr std::uint8_t oldest_state_version = 1;

std::string definition_of(const Operator& of) {
  std::string definition;
  ByteWriter writer(definition);
  of.define(writer);
  return definition;
}

void Chain::save(ByteWriter& out) const {
  out.u8(state_version);
  out.zigzag(count_us(highest_wall_));
  out.zigzag(count_us(told_));
  clocks_.save(out);
  out.varint(operators_.size());
  for (const auto& from : operators_) {
    std::string state;
    ByteWriter writer(state);
    from->save(writer);
    out.text(from->name());
    out.text(definition_of(*from));
    out.text(state);
  }
}

Operator* Chain::find(std::string_view name, std::string_view definition) const {
  for (const auto& candidate : operators_) {
    if (candidate->name() == name && definition_of(*candidate) == definition) {
      return candidate.get();
    }
  }
  return nullptr;
}

Result<std::vector<std::string>> Chain::load(ByteReader& in) {
  const std::uint8_t version = in.u8();
  if (version < oldest_state_version || version > state_version) {
    return fail(ErrorKind::corrupt, "the state of the pipeline has version " +
                                        std::to_string(version) + ", this is version " +
                                        std::to_string(state_version));
  }
  highest_wall_ = timestamp_us(in.zigzag());
  told_ = version < 2 ? time_begin : timestamp_us(in.zigzag());
  if (!clocks_.load(in)) return fail(ErrorKind::corrupt, "the device clocks can't be read");
  std::vector<std::string> left_out;
  std::vector<const Operator*> loaded;
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const std::string name(in.text());
    const std::string_view definition = in.text(), state = in.text();
    if (!in.ok()) break;
    Operator* to = find(name, definition);
    if (to == nullptr) {
      left_out.push_back(name);
      continue;
    }
    const bool twice = std::find(loaded.begin(), loaded.end(), to) != loaded.end();
    loaded.push_back(to);
    ByteReader reader(state);
    if (twice || !to->load(reader) || !reader.at_end()) {
      return fail(ErrorKind::corrupt, "the state of " + name + " can't be read");
    }
  }
  if (!in.ok()) return fail(ErrorKind::corrupt, "the state of the pipeline ends early");
  return left_out;
}

}  // namespace

std::unique_ptr<Pipeline> make_pipeline(const PipelineOptions& options,
                                        std::span<const SourceOptions> sources,
                                        const SeriesTable& table) {
  return std::make_unique<Chain>(options, sources, table);
}

}  // namespace weir
