#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operators/pipeline.hpp"
#include "operators/series.hpp"
#include "runtime/redeliveries.hpp"
#include "store/ledger.hpp"

namespace weir {

/// What a checkpoint holds.
struct EngineState {
  Moment& last;  ///< of the last record
  SeriesTable& table;
  Ledger& ledger;
  Pipeline& pipeline;
  Redeliveries& redeliveries;
  /// Not 0: records in the middle of the journal were lost, and results up to this seq, of which
  /// the peer may have some, are not all known to the state (Uplink::Past).
  std::uint64_t& doubt;
};

std::string encode_state(const EngineState& state);

/// Restores what `encode_state` wrote into empty parts. Returns the operators whose state no longer
/// fits the configuration.
/// # Errors
/// `corrupt`: an unknown version, or bytes that weir does not write; the parts are then unusable.
Result<std::vector<std::string>> decode_state(std::string_view bytes, const EngineState& into);

/// The ledger alone, whatever the configuration.
/// # Errors
/// `corrupt`: as for decode_state.
Result<Ledger> ledger_of(std::string_view bytes);

}  // namespace weir
