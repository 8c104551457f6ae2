#include <chrono>
#include <stdexcept>
#include <thread>

#include "runtime/http_client.hpp"
#include "runtime/http_server.hpp"
#include "tests/runtime/http_peer.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::vector<HttpRoute> pages() {
  return {
      {"/small", "a small page",
       [] {
         return HttpResponse{200, "text/plain", "small\n"};
       }},
      {"/other", "another page",
       [] {
         return HttpResponse{503, "text/plain", "other\n"};
       }},
      {"/large", "32 MiB",
       [] {
         return HttpResponse{200, "text/plain", std::string(32u << 20, 'x')};
       }},
      {"/throws", "fails", []() -> HttpResponse { throw std::runtime_error("no page today"); }},
  };
}

class Server {
 public:
  explicit Server(HttpLimits limits = {}) {
    auto started = HttpServer::start("127.0.0.1:0", pages(), limits);
    REQUIRE(started);
    server_ = std::move(*started);
  }
  std::uint16_t port() const { return server_->port(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  bool serves() const {
    const auto reply = http_get(address(), "/small", seconds(10));
    return reply && reply->status == 200 && reply->body == "small\n";
  }

 private:
  std::unique_ptr<HttpServer> server_;
};

bool begins(const std::string& text, std::string_view with) {
  UNSCOPED_INFO("text: " << text.substr(0, 400));
  return text.rfind(with, 0) == 0;
}

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

constexpr char small_request[] = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

TEST_CASE("a page is served to GET, its header alone to HEAD") {
  const Server server;
  const RawClient client(server.port());
  client.send("GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string page = client.read_all();
  CHECK(begins(page, "HTTP/1.1 200 OK\r\n"));
  CHECK(page.find("Content-Type: text/plain\r\n") != std::string::npos);
  CHECK(page.find("Content-Length: 6\r\n") != std::string::npos);
  CHECK(body_of(page) == "small\n");

  const RawClient second(server.port());
  second.send("HEAD /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = second.read_all();
  CHECK(head == page.substr(0, page.size() - 6));
}

TEST_CASE("what follows a question mark does not matter") {
  const Server server;
  CHECK(http_get(server.address(), "/small?a=b&c", seconds(10))->body == "small\n");
}

TEST_CASE("an unknown page is answered by the list of those there are") {
  const Server server;
  for (const char* path : {"/", "/smal", "/small/", "//small", "/../small", "*"}) {
    const auto reply = http_get(server.address(), path, seconds(10));
    REQUIRE(reply);
    CHECK(reply->status == 404);
    CHECK(reply->body.find("/small        a small page\n") != std::string::npos);
  }
}

TEST_CASE("other methods are refused and told which are served") {
  const Server server;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    const RawClient client(server.port());
    client.send(std::string(method) + " /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string answer = client.read_all();
    CHECK(begins(answer, "HTTP/1.1 405 "));
    CHECK(answer.find("Allow: GET, HEAD\r\n") != std::string::npos);
  }
}

TEST_CASE("requests sent in one piece are answered in order") {
  const Server server;
  const RawClient client(server.port());
  client.send(std::string(small_request) + "GET /other HTTP/1.1\r\nHost: x\r\n\r\n" +
              "HEAD /small HTTP/1.1\r\n\r\n" + "GET /small HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read_all();
  const std::size_t first = answers.find("small\n"), second = answers.find("other\n");
  const std::size_t last = answers.rfind("small\n");
  CHECK(first < second);
  CHECK(second < last);
  CHECK(last != std::string::npos);
}

TEST_CASE("a connection serves one request after the other") {
  const Server server;
  const RawClient client(server.port());
  for (int i = 0; i < 100; ++i) {
    REQUIRE(client.send(small_request));
    REQUIRE(begins(client.read_until("small\n"), "HTTP/1.1 200 OK"));
  }
}

TEST_CASE("a request may come byte by byte") {
  const Server server;
  const RawClient client(server.port());
  for (const char c : std::string_view(small_request)) REQUIRE(client.send({&c, 1}));
  CHECK(begins(client.read_until("small\n"), "HTTP/1.1 200 OK"));
}

TEST_CASE("a client that has closed its sending side gets its answer") {
  const Server server;
  const RawClient client(server.port());
  client.send(small_request);
  client.shut_down_writing();
  CHECK(body_of(client.read_all()) == "small\n");
}

TEST_CASE("a client of HTTP/1.0 is answered and left") {
  const Server server;
  const RawClient client(server.port());
  client.send("GET /small HTTP/1.0\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK(begins(answer, "HTTP/1.0 200 OK"));
  CHECK(body_of(answer) == "small\n");
}

TEST_CASE("what is not HTTP is refused") {
  const Server server;
  using namespace std::string_literals;
  for (const std::string& garbage :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, "GET\r\n\r\n"s,
        "\0\0\0\0\r\n\r\n"s, "GET /small HTTP/9.9\r\n\r\n"s,
        "GET /small HTTP/1.1\r\nno colon\r\n\r\n"s, "GET /sm\x01ll HTTP/1.1\r\n\r\n"s,
        "GET /small HTTP/1.1\r\na: b\r\nx: \0\r\n\r\n"s, "{\"json\": true}\r\n\r\n"s}) {
    const RawClient client(server.port());
    client.send(garbage);
    CHECK(begins(client.read_all(), "HTTP/1.1 400 "));
  }
  CHECK(server.serves());
}

TEST_CASE("a client that leaves in the middle of a request harms nobody") {
  const Server server;
  for (std::size_t i = 0; i < sizeof small_request; ++i) {
    const RawClient client(server.port());
    client.send(std::string_view(small_request).substr(0, i));
  }
  CHECK(server.serves());
}

TEST_CASE("a header beyond its limit is refused") {
  const Server server;
  const std::string fits(7000, 'a'), too_large(64u << 10, 'a');
  const RawClient client(server.port());
  client.send("GET /small HTTP/1.1\r\nx: " + fits + "\r\nConnection: close\r\n\r\n");
  CHECK(begins(client.read_all(), "HTTP/1.1 200 OK"));
  for (const std::string& request :
       {"GET /small HTTP/1.1\r\nx: " + too_large + "\r\n\r\n",
        "GET /" + too_large + " HTTP/1.1\r\n", std::string(too_large)}) {
    const RawClient large(server.port());
    large.send(request);
    CHECK(begins(large.read_all(), "HTTP/1.1 4"));
  }
  std::string many = "GET /small HTTP/1.1\r\n";
  for (int i = 0; i < 5000; ++i) many += "h" + std::to_string(i) + ": 1\r\n";
  const RawClient headers(server.port());
  headers.send(many + "\r\n");
  CHECK(begins(headers.read_all(), "HTTP/1.1 431 "));
}

TEST_CASE("a body is refused, however it is announced") {
  const Server server;
  for (const char* request :
       {"GET /small HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        "POST /small HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
        "POST /small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    const RawClient client(server.port());
    client.send(request);
    CHECK(begins(client.read_all(), "HTTP/1.1 413 "));
  }
  for (const char* request : {"GET /small HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                              "GET /small HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n"}) {
    const RawClient client(server.port());
    client.send(request);
    CHECK(begins(client.read_all(), "HTTP/1.1 400 "));
  }
}

TEST_CASE("a request that drips in is cut off at its deadline") {
  const Server server({16, 8192, milliseconds(300)});
  const RawClient client(server.port());
  const auto begin = std::chrono::steady_clock::now();
  client.send("GET /small HTTP/1.1\r\nx: ");
  // Each byte comes well within the timeout; the whole never ends.
  while (!client.readable(20)) client.send("a");
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  CHECK(client.read_all().empty());
  CHECK(elapsed >= milliseconds(250));
  CHECK(elapsed < seconds(10));
}

TEST_CASE("a connection that does nothing is closed") {
  const Server server({16, 8192, milliseconds(100)});
  const RawClient client(server.port());
  CHECK(client.read_all().empty());
}

TEST_CASE("a client that does not read its answer loses its place") {
  const Server server({1, 8192, milliseconds(200)});
  const RawClient greedy(server.port());
  greedy.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(greedy.readable(10'000));
  CHECK(server.serves());
}

TEST_CASE("beyond the bound of connections a client waits until a place is free") {
  const Server server({2, 8192, milliseconds(300)});
  const RawClient idle(server.port()), idle_too(server.port());
  const RawClient waiting(server.port());
  waiting.send(small_request);
  CHECK(begins(waiting.read_until("small\n"), "HTTP/1.1 200 OK"));
}

TEST_CASE("at the bound an answer frees its place") {
  const Server server({1, 8192, seconds(30)});
  const RawClient client(server.port());
  client.send(small_request);
  CHECK(client.read_all().find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("a page that can't be made costs its connection only") {
  const Server server;
  const RawClient client(server.port());
  client.send("GET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read_all().empty());
  CHECK(server.serves());
}

TEST_CASE("random bytes never stop the server") {
  const Server server({16, 8192, seconds(2)});
  std::uint64_t state = 20260301;
  const auto next = [&] { return state = state * 6364136223846793005u + 1442695040888963407u; };
  for (int round = 0; round < 200; ++round) {
    // Half of them a request with some bytes changed, half noise.
    std::string bytes = round % 2 == 0 ? small_request : std::string(next() >> 56, 'x');
    for (int i = 0; i < 8 && !bytes.empty(); ++i) {
      bytes[(next() >> 33) % bytes.size()] = static_cast<char>(next() >> 56);
    }
    const RawClient client(server.port());
    client.send(bytes);
  }
  CHECK(server.serves());
}

TEST_CASE("many clients are served at the same time") {
  const Server server;
  std::vector<std::thread> clients;
  std::atomic<int> served = 0;
  for (int t = 0; t < 8; ++t) {
    clients.emplace_back([&] {
      for (int i = 0; i < 20; ++i) served += server.serves() ? 1 : 0;
    });
  }
  for (std::thread& client : clients) client.join();
  CHECK(served == 160);
}

TEST_CASE("a server stops at once while clients are connected") {
  std::optional<Server> server(HttpLimits{16, 8192, std::chrono::hours(1)});
  const RawClient idle(server->port()), half(server->port()), greedy(server->port());
  half.send("GET /sm");
  greedy.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(greedy.readable(10'000));
  server.reset();
  CHECK(idle.read_all().empty());
}

TEST_CASE("a port in use is an error that names it and the remedy") {
  const Server server;
  const auto second = HttpServer::start(server.address(), pages());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::unavailable);
  CHECK(second.error().message == "can't listen on " + server.address() +
                                      ": Address already in use; set another http.listen, or "
                                      "\"off\"");
}

TEST_CASE("an address of another machine is an error") {
  const auto server = HttpServer::start("192.0.2.1:0", pages());
  REQUIRE_FALSE(server);
  CHECK(server.error().kind == ErrorKind::unavailable);
}

TEST_CASE("a port is free again as soon as its server is gone") {
  std::string address;
  {
    const Server server;
    address = server.address();
    REQUIRE(server.serves());
  }
  CHECK(HttpServer::start(address, pages()));
}

TEST_CASE("off makes no server") {
  const auto server = HttpServer::start("off", pages());
  REQUIRE(server);
  CHECK(*server == nullptr);
}

TEST_CASE("IPv6 loopback is served") {
  const auto server = HttpServer::start("[::1]:0", pages());
  if (!server) {
    WARN("skipped: " << server.error().message);
    return;
  }
  const auto reply = http_get("[::1]:" + std::to_string((*server)->port()), "/small", seconds(10));
  REQUIRE(reply);
  CHECK(reply->body == "small\n");
}

TEST_CASE("an address is a numeric host and a port") {
  for (const char* text : {"127.0.0.1:9464", "[::1]:9464", "0.0.0.0:1", "[2001:db8::1]:65535"}) {
    const auto address = HttpAddress::parse(text);
    REQUIRE(address);
    CHECK(address->text() == text);
  }
  CHECK(HttpAddress::parse("localhost:80")->text() == "127.0.0.1:80");
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, ":"s, "9464"s, ":9464"s, "127.0.0.1"s, "127.0.0.1:"s, "127.0.0.1:65536"s,
        "127.0.0.1:-1"s, "127.0.0.1:+1"s, "127.0.0.1:80 "s, "::1:9464"s, "[::1]"s, "[]:1"s,
        "[127.0.0.1]:80"s, "[::1:80"s, "example.com:80"s, "127.0.0.1.5:80"s, "127.0.0.1\0:80"s,
        "[localhost]:80"s}) {
    INFO(text);
    const auto address = HttpAddress::parse(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().kind == ErrorKind::invalid);
  }
}

TEST_CASE("http.listen is checked when the configuration is read") {
  const auto problems_of = [](const std::string& toml, const std::string& expected) {
    ConfigFile file = ConfigFile::parse(toml, "weir.toml");
    Params root = file.root();
    const std::string listen = read_http_listen(root);
    CHECK(listen == expected);
    return file.problems().list().size();
  };
  CHECK(problems_of("", "127.0.0.1:9464") == 0);
  CHECK(problems_of("[http]\nlisten = \"off\"\n", "off") == 0);
  CHECK(problems_of("[http]\nlisten = \"[::1]:0\"\n", "[::1]:0") == 0);
  CHECK(problems_of("[http]\nlisten = \"everywhere\"\n", "everywhere") == 1);
}

TEST_CASE("the client says that nobody listens") {
  std::string address;
  {
    const RawListener listener;
    address = listener.address();
  }
  const auto reply = http_get(address, "/status", seconds(10));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::unavailable);
  CHECK(reply.error().message == "no answer from " + address + ": Connection refused");
}

TEST_CASE("the client waits no longer than it was told") {
  const RawListener silent;
  const auto reply = http_get(silent.address(), "/status", milliseconds(100));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == ErrorKind::timeout);
  CHECK(reply.error().message == silent.address() + " did not answer within 100ms");
}

TEST_CASE("the client refuses an answer that is not HTTP or is cut short") {
  for (const char* answer : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
                             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"}) {
    const RawListener listener;
    std::thread peer([&] { listener.answer_once(answer); });
    const auto reply = http_get(listener.address(), "/status", seconds(10));
    peer.join();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == ErrorKind::invalid);
  }
}

TEST_CASE("the client takes any status for an answer") {
  const Server server;
  const auto reply = http_get(server.address(), "/other", seconds(10));
  REQUIRE(reply);
  CHECK(reply->status == 503);
  CHECK(reply->body == "other\n");
}
