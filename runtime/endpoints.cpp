#include "runtime/endpoints.hpp"

#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/status.hpp"

namespace weir {
namespace {

HttpResponse plain(unsigned status, std::string sentence) {
  return {status, "text/plain; charset=utf-8", std::move(sentence) + "\n"};
}

/// A page made of the newest snapshot.
template <class Render>
std::function<HttpResponse()> page(const SnapshotBoard& board, std::string content_type,
                                   Render render) {
  return [&board, type = std::move(content_type), render]() -> HttpResponse {
    const auto snapshot = board.latest();
    if (!snapshot) return plain(503, "weir is starting");
    return {200, type, render(*snapshot, process_usage())};
  };
}

std::string link(const std::string& name, bool connected, const std::string& state) {
  return "\n" + name + ": " + (connected ? "connected" : "not connected") +
         (state.empty() ? "" : ", " + printable(state));
}

}  // namespace

HttpResponse liveness(const SnapshotBoard& board, std::chrono::steady_clock::time_point now) {
  const auto stalled = now - board.progressed_at();
  if (stalled <= progress_timeout) return plain(200, "alive");
  const auto seconds = std::chrono::floor<std::chrono::seconds>(stalled).count();
  return plain(503, "the engine has made no progress for " + std::to_string(seconds) + " s");
}

HttpResponse readiness(const SnapshotBoard& board) {
  const auto snapshot = board.latest();
  if (!snapshot) return plain(503, "weir is starting");
  if (snapshot->stopping) return plain(503, "weir is stopping");
  if (snapshot->replaying) return plain(503, "weir is replaying its journal");
  if (!snapshot->store_error.empty()) {
    return plain(503, "the store takes no commits: " + printable(snapshot->store_error));
  }
  std::string text = "ready";
  for (const Source::Status& source : snapshot->sources) {
    text += link(source.name, source.connected, source.state);
  }
  const Sink::Status& sink = snapshot->sink;
  return plain(200, text + link(sink.name, sink.connected, sink.state));
}

std::vector<HttpRoute> endpoints(const SnapshotBoard& board) {
  const auto alive = [&board] { return liveness(board, std::chrono::steady_clock::now()); };
  const auto ready = [&board] { return readiness(board); };
  return {{"/livez", "200 while the engine makes progress", alive},
          {"/readyz", "200 while the store takes commits", ready},
          {"/metrics", "figures for Prometheus", page(board, metrics_content_type, metrics_text)},
          {"/status", "everything, as JSON", page(board, "application/json", status_json)},
          {"/status.txt", "the same, for people",
           page(board, "text/plain; charset=utf-8", status_text)}};
}

}  // namespace weir
