#pragma once

#include <optional>

#include "operators/output.hpp"

namespace weir {

/// The window of round length that results of `window` are merged into when room is short: at least
/// four times as long, aligned to the epoch, and such that each coarser one is made of whole finer
/// ones: 1s, 10s, 1m, 10m, 1h, 6h, 1d, 7d. Nothing for a window that is empty or too long already.
std::optional<Window> coarser_window(const Window& window);

/// Folds `next` into `sum`, from their fields alone: both are of one rollup, group and metric, and
/// share no reading. The window becomes the hull of both. False, and nothing changed, where an
/// aggregate can't be merged from what was emitted (AggregateEntry::combine).
bool merge_result(Output& sum, const Output& next);

}  // namespace weir
