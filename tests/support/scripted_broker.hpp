#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/mosquitto.hpp"

namespace weir::test {

using Milliseconds = std::chrono::milliseconds;

/// One end of a TCP connection of a test, byte by byte. Reads wait, at most 10 s.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}
  Peer& operator=(Peer&& other) noexcept {
    std::swap(fd_, other.fd_);
    rest_.swap(other.rest_);
    return *this;
  }
  ~Peer() { close(); }

  static Peer connect_to(std::uint16_t port) {
    Peer peer(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = loopback_address(port);
    if (::connect(peer.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("nobody listens");
    return peer;
  }

  /// Reads the next packet, which must be of this type (its first byte, upper half).
  Peer& expect(unsigned type) {
    last_ = packet();
    if (last_.empty()) throw std::runtime_error("the connection ended, or nothing came");
    if (static_cast<unsigned char>(last_[0]) >> 4 != type)
      throw std::runtime_error("expected a packet of type " + std::to_string(type) + ", not " +
                               std::to_string(static_cast<unsigned char>(last_[0]) >> 4));
    return *this;
  }
  /// The packet that was expected last, whole.
  const std::string& last() const { return last_; }
  std::uint16_t last_packet_id() const {
    const std::size_t at = static_cast<unsigned char>(last_.at(1)) < 0x80 ? 2 : 3;
    return static_cast<std::uint16_t>(static_cast<unsigned char>(last_.at(at)) << 8 |
                                      static_cast<unsigned char>(last_.at(at + 1)));
  }

  /// Writes what it can; a peer that is gone is not an error here.
  Peer& reply_with(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return *this;
  }

  /// The next packet whatever it is; empty: the connection ended, or nothing came in time.
  std::string packet(Milliseconds limit = std::chrono::seconds(10)) {
    for (;;) {
      const std::size_t size = packet_size();
      if (size > 0 && rest_.size() >= size) {
        std::string packet = rest_.substr(0, size);
        rest_.erase(0, size);
        return packet;
      }
      if (!receive(limit)) return {};
    }
  }

  bool quiet_for(Milliseconds time) { return rest_.empty() && !receive(time) && !ended_; }
  /// Reads on, dropping everything, until the other side closes.
  bool closed_by_other_side(Milliseconds limit = std::chrono::seconds(10)) {
    while (receive(limit)) rest_.clear();
    return ended_;
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  std::size_t packet_size() const {
    std::size_t remaining = 0;
    for (std::size_t i = 1; i < rest_.size() && i <= 4; ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      remaining |= static_cast<std::size_t>(byte & 0x7fU) << (7 * (i - 1));
      if (byte < 0x80) return i + 1 + remaining;
    }
    return 0;
  }
  bool receive(Milliseconds limit) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0) return false;
    char buffer[65536];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      ended_ = true;
      return false;
    }
    rest_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool ended_ = false;
  std::string rest_, last_;
};

/// A broker that does what its test says: `broker.accept().expect(connect).reply_with(connack)`.
class ScriptedBroker {
 public:
  ScriptedBroker() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, 8) != 0)
      throw std::runtime_error("no port to listen on");
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~ScriptedBroker() { ::close(fd_); }
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  std::uint16_t port() const { return port_; }
  Peer accept(Milliseconds limit = std::chrono::seconds(10)) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(limit.count())) <= 0)
      throw std::runtime_error("nobody connected");
    return Peer(::accept(fd_, nullptr, nullptr));
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace weir::test
