#pragma once

#include <span>
#include <string_view>

#include "operators/aggregate.hpp"
#include "operators/detector.hpp"
#include "operators/stage.hpp"

namespace weir {

/// What `aggregates = […]` and `method = "…"` may name, in the order of the manual.
std::span<const AggregateEntry* const> aggregates();
std::span<const DetectorEntry* const> detectors();

/// What a source does with its readings, in the order in which it is done.
std::span<const StageEntry* const> stages();
/// The place of what a stage drops in filter_reasons().
constexpr std::size_t filter_reason(std::size_t entry, bool no_value) {
  return 2 * entry + (no_value ? 1 : 0);
}
extern const StageEntry where_stage;  ///< conditions of operators share its reason

/// The one of that name or that owns the word (`p99`); null if there is none.
const AggregateEntry* find_aggregate(std::string_view name);
const DetectorEntry* find_detector(std::string_view name);

}  // namespace weir
