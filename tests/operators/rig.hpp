#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config/params.hpp"
#include "operators/describe.hpp"
#include "operators/pipeline.hpp"
#include "operators/stage.hpp"

namespace weir::test {

/// splitmix64 (Steele, Lea, Flood 2014): the same numbers from the same seed on every machine.
class Seeded {
 public:
  explicit Seeded(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 … n - 1
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

 private:
  std::uint64_t state_;
};

inline std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

/// A pipeline with all it needs, made from TOML. The `[[source]]` tables hold what SourceOptions
/// does (the tag names as `tags`); it can be thrown away and come back from its saved state.
class Rig {
 public:
  explicit Rig(std::string_view toml) : toml_(toml), table_(std::make_unique<SeriesTable>(limits)) {
    make();
  }

  /// Interns what it names; throws if the table is full.
  SeriesId series(std::string_view source, const std::vector<std::string>& tags,
                  std::string_view metric) {
    for (const SourceOptions& known : sources_) {
      if (known.name != source) continue;
      const SourceId id = table_->intern_source(known.name, known.tag_names);
      const DeviceId device = table_->intern_device(id, views(tags)).value();
      const SeriesId series = table_->intern_series(device, metric).value();
      intern_derived(known, device, *table_);
      return series;
    }
    throw std::runtime_error("no source " + std::string(source));
  }

  /// A source, and a device of it unless `tags` is empty.
  std::pair<SourceId, std::optional<DeviceId>> device(std::string_view source,
                                                      const std::vector<std::string>& tags) {
    for (const SourceOptions& known : sources_) {
      if (known.name != source) continue;
      const SourceId id = table_->intern_source(known.name, known.tag_names);
      if (tags.empty()) return {id, std::nullopt};
      return {id, table_->intern_device(id, views(tags))};
    }
    throw std::runtime_error("no source " + std::string(source));
  }

  std::string saved() const {
    std::string bytes;
    ByteWriter writer(bytes);
    pipeline_->save(writer);
    return bytes;
  }

  /// The rows of the first source's dimension table become these.
  void change_table(const std::string& csv, Outputs& out) {
    reconfigure([&](Params& source) { source.table("enrich").put_text("csv", csv, "csv"); }, out);
  }

  /// An option of the first source becomes this.
  void change_source(const std::string& key, const std::string& text, Outputs& out) {
    reconfigure([&](Params& source) { source.put_text(key, text, key); }, out);
  }

  /// A new pipeline and a new table, as after a restart; the state has to survive unchanged.
  void restart() {
    const std::string state = saved();
    std::string dictionary;
    ByteWriter writer(dictionary);
    table_->write_since({}, writer);
    table_ = std::make_unique<SeriesTable>(limits);
    ByteReader reader(dictionary);
    if (!table_->read(reader) || !reader.at_end()) throw std::runtime_error("the table is lost");
    make();
    ByteReader in(state);
    const auto loaded = pipeline_->load(in);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    if (!loaded->empty()) throw std::runtime_error("state left out: " + loaded->front());
    if (!in.at_end()) throw std::runtime_error("bytes are left over behind the state");
    if (saved() != state) throw std::runtime_error("the state changed over a restart");
  }

  Pipeline& pipeline() { return *pipeline_; }
  SeriesTable& table() { return *table_; }
  const std::vector<SourceOptions>& sources() const { return sources_; }

  static constexpr SeriesTable::Limits limits{200'000, 200'000};

 private:
  template <class Edit>
  void reconfigure(const Edit& edit, Outputs& out) {
    ConfigFile file = ConfigFile::parse(toml_, "test.toml");
    edit(file.root().tables("source").front());
    toml_ = file.toml({"source", "rollup", "detector", "limits"});
    ConfigFile changed = ConfigFile::parse(toml_, "changed.toml");
    Params root = changed.root();
    pipeline_->regroup(read_sources(root), out);
    const std::string state = saved();
    make();
    ByteReader in(state);
    const auto loaded = pipeline_->load(in);
    if (!loaded || !loaded->empty()) throw std::runtime_error("the state was left out");
  }

  void make() {
    ConfigFile file = ConfigFile::parse(toml_, "test.toml");
    Params root = file.root();
    sources_ = read_sources(root);
    const auto options = read_pipeline_options(root, sources_);
    if (!file.problems().empty()) throw std::runtime_error(file.problems().text());
    pipeline_ = make_pipeline(*options, sources_, *table_);
  }

  static std::vector<SourceOptions> read_sources(Params& root) {
    constexpr Range<Duration> any{Duration(0), std::chrono::hours(24 * 3660)};
    std::vector<SourceOptions> sources;
    for (Params& table : root.tables("source")) {
      SourceOptions& source = sources.emplace_back();
      source.name = table.required_text("name");
      source.tag_names = table.texts("tags", {"device"});
      source.lateness = table.duration("lateness", Duration(0), any);
      source.out_of_order = table.duration("out_of_order", Duration(0), any);
      source.max_skew = table.duration("max_skew", std::chrono::minutes(5), any);
      source.idle = table.duration("idle", std::chrono::minutes(2), any);
      source.forget_after = table.duration("forget_after", Duration(0), any);
      source.late_topic = table.text("late_topic", "weir.late");
      source.quarantine_topic = table.text("quarantine_topic", "");
      read_source_rules(table, table.texts("metrics", {}), source);
      table.finish();
    }
    return sources;
  }

  std::string toml_;
  std::unique_ptr<SeriesTable> table_;
  std::vector<SourceOptions> sources_;
  std::unique_ptr<Pipeline> pipeline_;
};

/// The two clocks of a gateway that was switched on at the epoch.
inline Moment at(Duration elapsed) {
  return {Timestamp(elapsed), elapsed, true};
}

}  // namespace weir::test
