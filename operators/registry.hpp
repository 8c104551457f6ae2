#pragma once

#include <span>
#include <string_view>

#include "operators/aggregate.hpp"
#include "operators/detector.hpp"

namespace weir {

/// What `aggregates = […]` and `method = "…"` may name, in the order of the manual.
std::span<const AggregateEntry* const> aggregates();
std::span<const DetectorEntry* const> detectors();

/// The one of that name or that owns the word (`p99`); null if there is none.
const AggregateEntry* find_aggregate(std::string_view name);
const DetectorEntry* find_detector(std::string_view name);

}  // namespace weir
