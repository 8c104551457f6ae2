#pragma once

#include "firmware-bridge/router.hpp"
#include "operators/pipeline.hpp"
#include "store/ledger.hpp"

namespace weir {

/// What became of messages and readings, under the names the ledger has for it.
void add_counts(const IngestCounts& counts, Ledger& ledger);
void add_counts(const ReadingCounts& counts, Ledger& ledger);
void add_counts(const ForgottenCounts& counts, Ledger& ledger);

}  // namespace weir
