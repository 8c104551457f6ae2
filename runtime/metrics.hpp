#pragma once

#include <string>

#include "runtime/process_usage.hpp"
#include "runtime/snapshot.hpp"

namespace weir {

/// The content type that goes with it.
inline constexpr char metrics_content_type[] = "text/plain; version=0.0.4; charset=utf-8";

/// The Prometheus text exposition of a snapshot: families `weir_…` and the usual `process_…`, each
/// with HELP and TYPE. Counters of the ledger count over the life of the database, those of source,
/// sink and process since the start of the process. A figure that is not known is absent.
std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& process);

}  // namespace weir
