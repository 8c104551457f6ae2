#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/params.hpp"
#include "config/result.hpp"

namespace weir {

/// Where HTTP is spoken: a numeric address (or "localhost", which is 127.0.0.1) and a port.
struct HttpAddress {
  std::string host;
  std::uint16_t port = 0;  ///< 0: the system chooses a free one

  /// Reads "127.0.0.1:9464" or "[::1]:9464".
  /// # Errors
  /// `invalid`: not in that form; the message says what is expected.
  static Result<HttpAddress> parse(std::string_view text);
  std::string text() const;
};

/// Reads `http.listen`: an address or "off"; anything else is recorded as a problem.
std::string read_http_listen(Params& root);

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// A page. `answer` runs on the server's thread, one request at a time: it must not block.
struct HttpRoute {
  std::string path;   ///< "/metrics"
  std::string about;  ///< one line, for the list of pages
  std::function<HttpResponse()> answer;
};

/// What one server bears; nothing a client does goes beyond it.
struct HttpLimits {
  std::size_t connections = 16;       ///< more wait in the backlog; at the bound no connection is
                                      ///< kept open behind its answer
  std::uint32_t header_bytes = 8192;  ///< of a request; a body is refused
  Duration timeout = std::chrono::seconds(5);  ///< for a whole request, and for a whole answer
};

/// A small HTTP/1.1 server for pages that are made on demand. GET and HEAD only, no login, no TLS:
/// it belongs on loopback. Owns its thread.
class HttpServer {
 public:
  /// Listens when it returns. `listen` as in the configuration; null for "off".
  /// # Errors
  /// `invalid`: `listen` is not an address. `unavailable`: the port is in use or not allowed, the
  /// address is not of this machine; the message names the remedy.
  static Result<std::unique_ptr<HttpServer>> start(std::string_view listen,
                                                   std::vector<HttpRoute> routes,
                                                   HttpLimits limits = {});
  /// Closes all connections and waits for the thread.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;  ///< any thread

 private:
  class State;
  class Connection;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir
