#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline.hpp"
#include "operators/series.hpp"
#include "store/ledger.hpp"

namespace weir {

/// What a checkpoint holds, encoded: the moment of the last record, who is who, the ledger and the
/// pipeline's state.
std::string encode_state(const Moment& last, const SeriesTable& table, const Ledger& ledger,
                         const Pipeline& pipeline);

/// Restores what `encode_state` wrote into empty parts. Returns the operators whose state no longer
/// fits the configuration.
/// # Errors
/// `corrupt`: an unknown version, or bytes that weir does not write; the parts are then unusable.
Result<std::vector<std::string>> decode_state(std::string_view bytes, Moment& last,
                                              SeriesTable& table, Ledger& ledger,
                                              Pipeline& pipeline);

}  // namespace weir
