#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/bytes.hpp"
#include "operators/reading.hpp"

namespace weir {

/// Who is who: sources, devices (a source and its tag values) and series (a device and a metric),
/// each interned once as a small number. Append-only, so that a position in it says what was known
/// at a time; the journal carries what each record appends, and replay hands out the same numbers.
///
/// Engine thread only. Devices and series are bounded; beyond the bound `intern_*` returns nothing
/// and the caller counts the refusal.
class SeriesTable {
 public:
  struct Limits {
    std::uint32_t devices = 10'000;
    std::uint32_t series = 10'000;
  };
  struct Source {
    std::string name;
    std::vector<std::string> tag_names;
  };
  struct Device {
    SourceId source{};
    std::vector<std::string> tag_values;  ///< in the order of the source's tag_names
  };
  struct Series {
    DeviceId device{};
    MetricId metric{};
  };
  /// How much was known at a moment; the sizes of the four lists.
  struct Mark {
    std::uint32_t sources = 0, metrics = 0, devices = 0, series = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  explicit SeriesTable(Limits limits) : limits_(limits) {}

  /// A source is known by its name and tag names together: other tags make another source.
  SourceId intern_source(std::string_view name, std::span<const std::string> tag_names);
  std::optional<DeviceId> intern_device(SourceId source,
                                        std::span<const std::string_view> tag_values);
  /// Nothing when the series bound is reached; metric names are bounded by it too.
  std::optional<SeriesId> intern_series(DeviceId device, std::string_view metric);
  std::optional<SeriesId> find_series(DeviceId device, std::string_view metric) const;

  const Source& source(SourceId id) const { return sources_[index(id)]; }
  const Device& device(DeviceId id) const { return devices_[index(id)]; }
  const Series& series(SeriesId id) const { return series_[index(id)]; }
  const std::string& metric(MetricId id) const { return metrics_[index(id)]; }

  Mark mark() const;
  const Limits& limits() const { return limits_; }

  /// Writes what was appended since `from`; `read` applies it to a table that stands at `from`.
  void write_since(const Mark& from, ByteWriter& out) const;
  /// False if the bytes do not fit this table (damage, another table's bytes); the table is then
  /// unusable. Limits do not apply: what was accepted once is accepted again.
  bool read(ByteReader& in);

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <class Id>
  using Index = std::unordered_map<std::string, Id, TextHash, std::equal_to<>>;

  SourceId add_source(Source source, std::string key);
  DeviceId add_device(Device device, std::string key);
  MetricId add_metric(std::string name);
  SeriesId add_series(Series series);

  Limits limits_;
  std::vector<Source> sources_;
  std::vector<std::string> metrics_;
  std::vector<Device> devices_;
  std::vector<Series> series_;
  Index<SourceId> source_index_;
  Index<MetricId> metric_index_;
  Index<DeviceId> device_index_;
  std::unordered_map<std::uint64_t, SeriesId> series_index_;  ///< device << 32 | metric
  std::string key_;  ///< reused, so that looking up what is known allocates nothing
};

}  // namespace weir
