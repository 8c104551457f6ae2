// Server and client in one file, so that Boost.Beast is included in one.
#include <arpa/inet.h>
#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>
#include <thread>

#include "runtime/http_client.hpp"
#include "runtime/http_server.hpp"
#include "runtime/log.hpp"

namespace weir {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using net::ip::tcp;

// Addresses.

Result<HttpAddress> HttpAddress::parse(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorKind::invalid, "\"" + printable(text) +
                                        "\" is not an address and a port, as in "
                                        "\"127.0.0.1:9464\" or \"[::1]:9464\"");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  HttpAddress address;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return wrong();
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  address.host = host == "localhost" && !bracketed ? "127.0.0.1" : std::string(host);
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const int family = bracketed ? AF_INET6 : AF_INET;
  if (address.host.find('\0') != std::string::npos ||
      inet_pton(family, address.host.c_str(), bytes.data()) != 1) {
    return wrong();
  }
  return address;
}

std::string HttpAddress::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string read_http_listen(Params& root) {
  Params table = root.table("http");
  std::string listen = table.text("listen", "127.0.0.1:9464");
  if (listen != "off") {
    const auto address = HttpAddress::parse(listen);
    if (!address) table.problem("listen", address.error().message + ", or \"off\"");
  }
  return listen;
}

/// Connections that wait in the kernel while all places are taken.
constexpr int backlog = 64;

static tcp::endpoint endpoint_of(const HttpAddress& address) {
  return {net::ip::make_address(address.host), address.port};
}

// The server.

/// What the server's thread works on. Touched by that thread alone once it runs.
class HttpServer::State {
 public:
  State(std::vector<HttpRoute> pages, HttpLimits bounds)
      : routes(std::move(pages)), limits(bounds) {}

  error_code listen(const tcp::endpoint& endpoint) {
    error_code error;
    if (acceptor.open(endpoint.protocol(), error)) return error;
    // A restarted weir must not wait for the connections of the old one to be forgotten.
    if (acceptor.set_option(tcp::acceptor::reuse_address(true), error)) return error;
    if (acceptor.bind(endpoint, error)) return error;
    if (acceptor.listen(backlog, error)) return error;
    port = acceptor.local_endpoint(error).port();
    return error;
  }

  void run();
  void accept();
  void close();
  HttpResponse answer(std::string_view path) const;
  bool full() const { return connections.size() >= limits.connections; }

  const std::vector<HttpRoute> routes;
  const HttpLimits limits;
  std::uint16_t port = 0;
  std::set<Connection*> connections;  ///< each enters and leaves by itself
  bool accepting = false;
  net::io_context io{1};
  tcp::acceptor acceptor{io};
  net::steady_timer retry{io};
  std::thread thread;
};

/// One client: request, answer, request … Kept alive by the one operation that is under way (hence
/// the shared_ptr that Asio's handlers hold), so it is gone when there is none.
class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(State& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {
    server_.connections.insert(this);
  }
  ~Connection() {
    server_.connections.erase(this);
    server_.accept();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(server_.limits.header_bytes);
    parser_->body_limit(0);
    // One deadline for the whole request, however slowly its bytes drip in.
    stream_.expires_after(server_.limits.timeout);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->received(error); });
  }

  void close() { stream_.close(); }

 private:
  void received(error_code error) {
    if (!error) return respond();
    if (error == http::error::end_of_stream) return linger();
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return refuse(431, "The header of the request is too large.\n");
    }
    if (error == http::error::body_limit || error == http::error::unexpected_body) {
      return refuse(413, "A request has no body here.\n");
    }
    if (error.category() == make_error_code(http::error::bad_method).category()) {
      return refuse(400, "This is not a request of HTTP/1.1.\n");
    }
    // The client is gone or too slow: there is nobody to tell.
  }

  void respond() {
    const auto& request = parser_->get();
    const bool head = request.method() == http::verb::head;
    // At the bound a place is worth more than a connection saved.
    const bool keep = request.keep_alive() && !server_.full();
    if (!head && request.method() != http::verb::get) {
      return send({405, "text/plain; charset=utf-8", "Only GET and HEAD are served here.\n"},
                  request.version(), false, keep);
    }
    const std::string_view target(request.target().data(), request.target().size());
    send(server_.answer(target.substr(0, target.find('?'))), request.version(), head, keep);
  }

  void refuse(unsigned status, std::string_view reason) {
    send({status, "text/plain; charset=utf-8", std::string(reason)}, 11, false, false);
  }

  void send(const HttpResponse& response, unsigned version, bool head, bool keep) {
    http::response<http::empty_body> header(http::int_to_status(response.status), version);
    header.set(http::field::content_type, response.content_type);
    header.set(http::field::cache_control, "no-store");
    if (response.status == 405) header.set(http::field::allow, "GET, HEAD");
    header.content_length(response.body.size());
    header.keep_alive(keep);
    std::ostringstream text;
    text << header.base();
    out_ = text.str();
    if (!head) out_ += response.body;
    stream_.expires_after(server_.limits.timeout);
    net::async_write(stream_, net::buffer(out_),
                     [self = shared_from_this(), keep](error_code error, std::size_t) {
                       if (error) return;
                       if (keep) return self->read();
                       self->linger();
                     });
  }

  /// Closing with unread bytes would reset the connection and may take the answer with it. So the
  /// sending side is closed first, and what the client still sends is read away, for a while.
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(server_.limits.timeout);
    discard();
  }
  void discard() {
    stream_.async_read_some(net::buffer(discarded_),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error) self->discard();
                            });
  }

  State& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{1U << 14};
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::string out_;
  std::array<char, 1024> discarded_{};
};

void HttpServer::State::accept() {
  if (accepting || full() || !acceptor.is_open()) return;
  accepting = true;
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    accepting = false;
    if (!acceptor.is_open()) return;
    if (!error) {
      std::make_shared<Connection>(*this, std::move(socket))->read();
      return accept();
    }
    // Most likely no file descriptor is left; asking again at once would spin.
    accepting = true;
    retry.expires_after(std::chrono::milliseconds(100));
    retry.async_wait([this](error_code) {
      accepting = false;
      accept();
    });
  });
}

void HttpServer::State::close() {
  error_code ignored;
  acceptor.close(ignored);
  retry.cancel();
  for (Connection* connection : connections) connection->close();
}

void HttpServer::State::run() {
  pthread_setname_np(pthread_self(), "weir-http");
  // Ends when the last connection is closed; what an answer throws costs its connection only.
  for (bool ended = false; !ended;) {
    try {
      accept();
      io.run();
      ended = true;
    } catch (const std::exception& error) {
      log_error(std::string("a page could not be made: ") + error.what());
    }
  }
}

HttpResponse HttpServer::State::answer(std::string_view path) const {
  for (const HttpRoute& route : routes) {
    if (route.path == path) return route.answer();
  }
  HttpResponse response{404, "text/plain; charset=utf-8", "There is no such page. There are:\n"};
  for (const HttpRoute& route : routes) {
    const std::size_t pad = route.path.size() < 14 ? 14 - route.path.size() : 1;
    response.body += route.path + std::string(pad, ' ') + route.about + "\n";
  }
  return response;
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(std::string_view listen,
                                                      std::vector<HttpRoute> routes,
                                                      HttpLimits limits) {
  if (listen == "off") return nullptr;
  const auto address = HttpAddress::parse(listen);
  if (!address) return fail(address.error());
  auto state = std::make_unique<State>(std::move(routes), limits);
  if (const error_code error = state->listen(endpoint_of(*address))) {
    return fail(ErrorKind::unavailable, "can't listen on " + address->text() + ": " +
                                            error.message() +
                                            "; set another http.listen, or \"off\"");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([this] { state_->run(); });
}

HttpServer::~HttpServer() {
  net::post(state_->io, [this] { state_->close(); });
  state_->thread.join();
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}

// The client.

namespace {

/// One request, step by step under one deadline.
class Fetch {
 public:
  Fetch(const HttpAddress& address, std::string_view path, Duration timeout) {
    request_.method(http::verb::get);
    request_.target(boost::string_view(path.data(), path.size()));
    request_.version(11);
    request_.set(http::field::host, address.text());
    request_.keep_alive(false);
    parser_.body_limit(16u << 20);
    stream_.expires_after(timeout);
    stream_.async_connect(endpoint_of(address), [this](error_code error) {
      if (ended(error)) return;
      http::async_write(stream_, request_, [this](error_code failed, std::size_t) {
        if (ended(failed)) return;
        http::async_read(stream_, buffer_, parser_,
                         [this](error_code read, std::size_t) { ended(read); });
      });
    });
    io_.run();
  }

  error_code error() const { return error_; }
  HttpReply reply() { return {parser_.get().result_int(), std::move(parser_.get().body())}; }

 private:
  bool ended(error_code error) {
    error_ = error;
    return static_cast<bool>(error);
  }

  net::io_context io_;
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_{64 << 10};
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
  error_code error_;
};

}  // namespace

Result<HttpReply> http_get(std::string_view address, std::string_view path, Duration timeout) {
  const auto where = HttpAddress::parse(address);
  if (!where) return fail(where.error());
  try {
    Fetch fetch(*where, path, timeout);
    const error_code error = fetch.error();
    if (!error) return fetch.reply();
    if (error == beast::error::timeout) {
      return fail(ErrorKind::timeout,
                  where->text() + " did not answer within " + format_duration(timeout));
    }
    const bool not_http = error.category() == make_error_code(http::error::bad_method).category();
    return fail(not_http ? ErrorKind::invalid : ErrorKind::unavailable,
                "no answer from " + where->text() + ": " + error.message());
  } catch (const std::exception& error) {
    return fail(ErrorKind::unavailable, "no answer from " + where->text() + ": " + error.what());
  }
}

}  // namespace weir
