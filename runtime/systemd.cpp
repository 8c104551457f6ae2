#include "runtime/systemd.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "runtime/log.hpp"

namespace weir {
namespace {

std::optional<std::int64_t> environment_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

}  // namespace

ServiceNotifier ServiceNotifier::from_environment() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return ServiceNotifier(socket == nullptr ? "" : socket);
}

void ServiceNotifier::status(std::string_view text) const {
  send("STATUS=" + printable(text));
}

void ServiceNotifier::send(std::string_view message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  if (socket_.front() == '@') {
    address.sun_path[0] = '\0';  // abstract: the name is not terminated
  } else {
    ++size;
  }
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto* target = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  // Never waits: a manager that does not read must not hold up the engine or the stop.
  ::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT, target, size);
  ::close(socket);
}

std::optional<Duration> watchdog_interval() {
  const auto microseconds = environment_number("WATCHDOG_USEC");
  if (!microseconds || *microseconds <= 0) return std::nullopt;
  // The variables are inherited: they may speak of a parent.
  if (std::getenv("WATCHDOG_PID") != nullptr && environment_number("WATCHDOG_PID") != getpid()) {
    return std::nullopt;
  }
  return Duration(*microseconds);
}

Watchdog::Watchdog(const ServiceNotifier& notifier, const SnapshotBoard& board, Duration interval)
    : notifier_(notifier),
      board_(board),
      pause_(std::max<Duration>(interval / 2, std::chrono::milliseconds(1))),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_requested_.notify_one();
  thread_.join();
}

void Watchdog::run() {
  std::uint64_t seen = board_.progress();
  std::unique_lock lock(mutex_);
  while (!stop_requested_.wait_for(lock, pause_, [this] { return stopping_; })) {
    const std::uint64_t progress = board_.progress();
    if (progress != seen) notifier_.watchdog();
    seen = progress;
  }
}

}  // namespace weir
