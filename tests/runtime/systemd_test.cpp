#include "runtime/systemd.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

/// The manager's end: a datagram socket at a path of its own, or at an abstract name.
class Manager {
 public:
  explicit Manager(bool abstract) {
    const std::string unique = "weir-notify-" + std::to_string(getpid());
    name_ = abstract ? "@" + unique : (std::filesystem::temp_directory_path() / unique).string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    if (abstract) address.sun_path[0] = '\0';
    const auto size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size() + !abstract);
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(socket_, static_cast<sockaddr*>(static_cast<void*>(&address)), size) == 0);
  }
  ~Manager() {
    ::close(socket_);
    if (name_.front() != '@') ::unlink(name_.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  const std::string& name() const { return name_; }

  /// The next datagram, or nothing after the time.
  std::optional<std::string> receive(int timeout_ms) const {
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, timeout_ms) != 1) return std::nullopt;
    char buffer[4096];
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
    return std::string(buffer, static_cast<std::size_t>(n));
  }

 private:
  std::string name_;
  int socket_;
};

/// A variable of the environment for as long as a test needs it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("the service manager is told of start, stop and life, at a path or an abstract name") {
  const bool abstract = GENERATE(false, true);
  const Manager manager(abstract);
  const Variable variable("NOTIFY_SOCKET", manager.name().c_str());
  const ServiceNotifier notifier = ServiceNotifier::from_environment();
  notifier.ready();
  CHECK(manager.receive(5000) == "READY=1");
  notifier.watchdog();
  CHECK(manager.receive(5000) == "WATCHDOG=1");
  notifier.stopping();
  CHECK(manager.receive(5000) == "STOPPING=1");
}

TEST_CASE("a status can't smuggle in another variable") {
  const Manager manager(true);
  ServiceNotifier(manager.name()).status("mqtt: refused\nREADY=1");
  CHECK(manager.receive(5000) == "STATUS=mqtt: refused\\nREADY=1");
}

TEST_CASE("without a service manager nothing happens") {
  const Variable variable("NOTIFY_SOCKET", nullptr);
  ServiceNotifier::from_environment().ready();
  ServiceNotifier("/nowhere/at/all").ready();
  ServiceNotifier(std::string(500, 'x')).ready();
  ServiceNotifier("@").ready();
  SUCCEED();
}

TEST_CASE("a manager that does not read never blocks the gateway") {
  const Manager manager(true);
  const ServiceNotifier notifier(manager.name());
  for (int i = 0; i < 10'000; ++i) notifier.watchdog();
  CHECK(manager.receive(0) == "WATCHDOG=1");
}

TEST_CASE("the watchdog's interval is read, and ignored when it is meant for another process") {
  const Variable none("WATCHDOG_PID", nullptr);
  {
    const Variable interval("WATCHDOG_USEC", "30000000");
    CHECK(watchdog_interval() == Duration(30'000'000));
    const Variable mine("WATCHDOG_PID", std::to_string(getpid()).c_str());
    CHECK(watchdog_interval() == Duration(30'000'000));
    const Variable other("WATCHDOG_PID", "1");
    CHECK_FALSE(watchdog_interval());
  }
  for (const char* wrong : {"", "0", "-5", "1e6", "30s", "99999999999999999999"}) {
    const Variable interval("WATCHDOG_USEC", wrong);
    CHECK_FALSE(watchdog_interval());
  }
  const Variable interval("WATCHDOG_USEC", nullptr);
  CHECK_FALSE(watchdog_interval());
}

TEST_CASE("the watchdog is fed only while the engine makes progress") {
  const Manager manager(true);
  const ServiceNotifier notifier(manager.name());
  SnapshotBoard board;
  const Watchdog watchdog(notifier, board, std::chrono::milliseconds(20));
  // Ten intervals without progress: silence.
  CHECK_FALSE(manager.receive(200));
  board.progressed();
  CHECK(manager.receive(5000) == "WATCHDOG=1");
  // One step of progress feeds it once.
  CHECK_FALSE(manager.receive(200));
  board.progressed();
  CHECK(manager.receive(5000) == "WATCHDOG=1");
}

TEST_CASE("a watchdog with a long interval stops at once") {
  const ServiceNotifier notifier("");
  const SnapshotBoard board;
  const auto begin = std::chrono::steady_clock::now();
  { const Watchdog watchdog(notifier, board, std::chrono::hours(1)); }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}
