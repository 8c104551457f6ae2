#include <atomic>
#include <thread>

#include "runtime/endpoints.hpp"
#include "runtime/http_client.hpp"
#include "tests/runtime/snapshot_samples.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using std::chrono::seconds;

namespace {

void post(SnapshotBoard& board, const Snapshot& snapshot) {
  board.post(std::make_shared<Snapshot>(snapshot));
}

}  // namespace

TEST_CASE("weir is alive for ten seconds behind its last progress") {
  SnapshotBoard board;
  board.progressed();
  CHECK(liveness(board, board.progressed_at()).status == 200);
  CHECK(liveness(board, board.progressed_at() + seconds(10)).status == 200);
  const HttpResponse hung = liveness(board, board.progressed_at() + seconds(12));
  CHECK(hung.status == 503);
  CHECK(hung.body == "the engine has made no progress for 12 s\n");
}

TEST_CASE("weir is ready when it has replayed and its store takes commits") {
  SnapshotBoard board;
  CHECK(readiness(board).status == 503);
  CHECK(readiness(board).body == "weir is starting\n");

  Snapshot snapshot = busy_snapshot();
  post(board, snapshot);
  CHECK(readiness(board).status == 200);

  snapshot.store_error = "the disk is full";
  post(board, snapshot);
  CHECK(readiness(board).status == 503);
  CHECK(readiness(board).body == "the store takes no commits: the disk is full\n");

  snapshot.replaying = true;
  post(board, snapshot);
  CHECK(readiness(board).body == "weir is replaying its journal\n");

  snapshot.stopping = true;
  post(board, snapshot);
  CHECK(readiness(board).body == "weir is stopping\n");
  CHECK(readiness(board).status == 503);
}

TEST_CASE("a link that is down is mentioned and does not make weir unready") {
  SnapshotBoard board;
  Snapshot snapshot = busy_snapshot();
  snapshot.sources[0].connected = false;
  snapshot.sources[0].state = "refused: not authorised";
  post(board, snapshot);
  const HttpResponse answer = readiness(board);
  CHECK(answer.status == 200);
  CHECK(answer.body ==
        "ready\nmqtt: not connected, refused: not authorised\n"
        "kafka: not connected, no broker answers, next try in 4 s\n");
}

TEST_CASE("every page of a running weir is served with its type") {
  SnapshotBoard board;
  for (const HttpRoute& route : endpoints(board)) {
    INFO(route.path);
    CHECK(route.answer().status == (route.path == "/livez" ? 200u : 503u));
  }
  post(board, busy_snapshot());
  for (const HttpRoute& route : endpoints(board)) {
    INFO(route.path);
    const HttpResponse answer = route.answer();
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.body.empty());
    if (route.path == "/metrics") {
      CHECK(answer.content_type == "text/plain; version=0.0.4; charset=utf-8");
    } else {
      CHECK(answer.content_type ==
            (route.path == "/status" ? "application/json" : "text/plain; charset=utf-8"));
    }
  }
}

TEST_CASE("pages are served while the engine posts snapshots") {
  SnapshotBoard board;
  auto server = HttpServer::start("127.0.0.1:0", endpoints(board));
  REQUIRE(server);
  const std::string address = "127.0.0.1:" + std::to_string((*server)->port());
  std::atomic<bool> done = false;
  std::thread engine([&] {
    while (!done) {
      post(board, busy_snapshot());
      board.progressed();
    }
  });
  for (int i = 0; i < 20; ++i) {
    for (const char* path : {"/livez", "/readyz", "/metrics", "/status", "/status.txt"}) {
      const auto reply = http_get(address, path, seconds(10));
      CHECK(reply);
    }
  }
  done = true;
  engine.join();
}
