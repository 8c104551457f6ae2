#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

namespace weir {

/// A client on a bare socket, which may misbehave in every way.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in address = loopback(port);
    REQUIRE(::connect(socket_, cast(address), sizeof address) == 0);
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False once the server has closed.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void shut_down_writing() const { ::shutdown(socket_, SHUT_WR); }

  /// Whether something can be read, or the end is reached, within the time.
  bool readable(int timeout_ms) const {
    pollfd wait{socket_, POLLIN, 0};
    return ::poll(&wait, 1, timeout_ms) == 1;
  }

  /// Reads until `text` is in what was read (which includes it), or the server closes, or ten
  /// seconds are over.
  std::string read_until(std::string_view text) const {
    std::string all;
    char buffer[4096];
    while (text.empty() || all.find(text) == std::string::npos) {
      if (!readable(10'000)) return all + " (nothing more came)";
      const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
      if (n <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }
  std::string read_all() const { return read_until({}); }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static const sockaddr* cast(const sockaddr_in& address) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
  }

 private:
  int socket_;
};

/// A socket that listens on a free port and is never served by itself.
class RawListener {
 public:
  RawListener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = RawClient::loopback(0);
    REQUIRE(::bind(socket_, RawClient::cast(address), sizeof address) == 0);
    REQUIRE(::listen(socket_, 4) == 0);
    socklen_t size = sizeof address;
    ::getsockname(socket_, static_cast<sockaddr*>(static_cast<void*>(&address)), &size);
    port_ = ntohs(address.sin_port);
  }
  ~RawListener() { ::close(socket_); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  /// Accepts one connection, answers whatever comes first with `text`, and closes.
  void answer_once(std::string_view text) const {
    const int peer = ::accept(socket_, nullptr, nullptr);
    char buffer[4096];
    if (::recv(peer, buffer, sizeof buffer, 0) > 0) {
      ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    }
    ::close(peer);
  }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

}  // namespace weir
