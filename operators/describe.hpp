#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operators/enrichment.hpp"
#include "operators/output.hpp"
#include "operators/series.hpp"

namespace weir {

/// Whether `metrics = […]` takes a metric; an empty list takes all.
inline bool takes_metric(const std::vector<std::string>& metrics, const std::string& metric) {
  if (metrics.empty()) return true;
  for (const std::string& name : metrics) {
    if (name == metric) return true;
  }
  return false;
}

/// All tags of a device, in the order of its source.
inline std::vector<Tag> device_tags(const SeriesTable& table, DeviceId id) {
  const SeriesTable::Device& device = table.device(id);
  const SeriesTable::Source& source = table.source(device.source);
  std::vector<Tag> tags;
  for (std::size_t i = 0; i < source.tag_names.size(); ++i) {
    tags.push_back({source.tag_names[i], device.tag_values[i]});
  }
  return tags;
}

/// What the dimension table says of a device; nothing without a table.
inline std::vector<Tag> row_tags(const DeviceRows& rows, DeviceId device) {
  std::vector<Tag> tags;
  if (!rows.any()) return tags;
  const Enrichment::Row& row = rows.row(device);
  for (std::size_t i = 0; i < row.tags.size(); ++i)
    tags.push_back({rows.enrichment().tags()[i], row.tags[i]});
  return tags;
}

}  // namespace weir
