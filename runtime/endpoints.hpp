#pragma once

#include <chrono>
#include <vector>

#include "runtime/http_server.hpp"
#include "runtime/snapshot.hpp"

namespace weir {

/// How long the engine may be without progress before it counts as hung.
inline constexpr std::chrono::seconds progress_timeout{10};

/// The pages of a running weir: /livez, /readyz, /metrics, /status and /status.txt. `board` must
/// outlive the server they are given to.
std::vector<HttpRoute> endpoints(const SnapshotBoard& board);

/// /livez: 200 while the engine makes progress, whatever its links do; else 503 and why.
HttpResponse liveness(const SnapshotBoard& board, std::chrono::steady_clock::time_point now);

/// /readyz: 200 once the journal is replayed and while the store takes commits; else 503 and why.
/// A link that is down is mentioned and no reason: to store and forward is what weir is for.
HttpResponse readiness(const SnapshotBoard& board);

}  // namespace weir
