#pragma once

#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace weir::test {

inline sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A port that nobody listened on a moment ago.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

inline bool accepts_connections(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback_address(port);
  const int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::close(fd);
  return result == 0;
}

/// Runs a program to its end; its exit status.
inline int run(const std::string& command) {
  return std::system(command.c_str());
}

/// A mosquitto of its own on a loopback port, with its session store in a temporary directory;
/// ended when this is.
class Mosquitto {
 public:
  /// `listener` are more lines of configuration for its listener; without any, everybody may come.
  explicit Mosquitto(std::string listener = "allow_anonymous true\n", bool start_now = true)
      : listener_(std::move(listener)) {
    if (start_now) start();
  }
  ~Mosquitto() { stop(); }
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;

  void start() {
    std::ofstream config(file("conf"));
    if (::geteuid() == 0) config << "user root\n";
    config << "persistence true\npersistence_location " << directory_.path() << "/\n"
           << "log_dest file " << file("log") << "\nmax_inflight_messages 1000\n"
           << "max_queued_messages 0\nlistener " << port_ << " 127.0.0.1\n"
           << listener_;
    config.close();
    const std::string program =
        std::filesystem::exists("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";
    std::string conf = file("conf"), name = "mosquitto", option = "-c";
    char* arguments[] = {name.data(), option.data(), conf.data(), nullptr};
    if (::posix_spawnp(&pid_, program.c_str(), nullptr, nullptr, arguments, environ) != 0)
      throw std::runtime_error("can't start mosquitto; is it installed?");
    if (!eventually([this] { return accepts_connections(port_); }))
      throw std::runtime_error("mosquitto does not listen: " + file("log"));
  }

  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  std::uint16_t port() const { return port_; }
  const std::string& directory() const { return directory_.path(); }

 private:
  std::string file(const std::string& name) const { return directory_.path() + "/" + name; }

  TempDir directory_;
  std::string listener_;
  std::uint16_t port_ = free_port();
  pid_t pid_ = 0;
};

}  // namespace weir::test
