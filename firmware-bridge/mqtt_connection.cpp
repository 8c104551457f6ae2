#include "firmware-bridge/mqtt_connection.hpp"

#include <algorithm>
#include <condition_variable>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "firmware-bridge/mqtt_link.hpp"

namespace weir {
namespace {

/// More than one, because a stranger must not keep the client out by being first.
constexpr std::size_t max_links = 4;

std::string make_nonce() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string nonce;
  for (int word = 0; word < 4; ++word)
    for (auto bits = random(), left = 8U; left > 0; --left, bits >>= 4)
      nonce.push_back(digits[bits & 0xfU]);
  return nonce;
}

}  // namespace

struct MqttConnection::Impl {
  using Lock = std::lock_guard<std::mutex>;

  const MqttOptions options;
  std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work{io->get_executor()};
  tcp::acceptor acceptor{*io};
  asio::steady_timer accept_again{*io};
  std::uint16_t port = 0;
  std::condition_variable ended;  ///< with relay.mutex
  MqttRelay relay;

  // io thread
  std::vector<std::shared_ptr<MqttLink>> links;
  std::shared_ptr<MqttLink> live;  ///< the one of our client
  std::uint32_t connections = 0;
  bool expecting = false;

  std::thread thread;

  Impl(MqttOptions given, Inbox& inbox, std::function<Timestamp()> wall_clock)
      : options(std::move(given)), relay{io, options, make_nonce(), inbox, std::move(wall_clock),
                                         {}, {},      {},           {},    {}} {
    relay.admitted = [this](MqttLink& link) { admitted(link); };
    relay.closed = [this](MqttLink& link) { closed(link); };
  }

  void accept() {
    acceptor.async_accept([this](const ErrorCode& error, tcp::socket client) {
      if (!acceptor.is_open()) return;
      if (!error) {
        accepted(std::move(client));
        return accept();
      }
      // Out of file descriptors, most likely: it would fail again at once.
      accept_again.expires_after(std::chrono::milliseconds(100));
      accept_again.async_wait([this](const ErrorCode& cancelled) {
        if (!cancelled) accept();
      });
    });
  }

  void accepted(tcp::socket client) {
    if (!expecting || links.size() >= max_links) {
      const Lock lock(relay.mutex);
      ++relay.stats.strangers;
      return;  // and the socket closes
    }
    links.push_back(std::make_shared<MqttLink>(relay, std::move(client), ++connections));
    {
      const Lock lock(relay.mutex);
      ++relay.stats.links;
    }
    links.back()->start();
  }

  void admitted(MqttLink& link) {
    expecting = false;
    const auto others = links;
    for (const auto& other : others)
      if (other.get() != &link)
        other->close({MqttClose::Cause::intruder, "another client was admitted"});
    live = link.shared_from_this();
  }

  void closed(MqttLink& link) {
    if (live.get() == &link) live.reset();
    std::erase_if(links, [&](const auto& one) { return one.get() == &link; });
    {
      const Lock lock(relay.mutex);
      --relay.stats.links;
    }
    ended.notify_all();
  }

  void close_all(const std::string& why) {
    const auto all = links;
    for (const auto& link : all) link->close({MqttClose::Cause::broken, why});
  }

  /// Nothing may leave the thread; what throws (no memory, no threads) costs the connections.
  void run() noexcept {
    for (bool again = true; again;) {
      try {
        io->run();
        again = false;
      } catch (const std::exception& error) {
        close_all(error.what());
      }
    }
  }
};

MqttConnection::MqttConnection(MqttOptions options, Inbox& inbox,
                               std::function<Timestamp()> wall_clock)
    : impl_(std::make_unique<Impl>(std::move(options), inbox, std::move(wall_clock))) {}

MqttConnection::~MqttConnection() {
  close();
}

Result<void> MqttConnection::open() {
  auto& acceptor = impl_->acceptor;
  const tcp::endpoint loopback(asio::ip::address_v4::loopback(), 0);
  ErrorCode error;
  acceptor.open(loopback.protocol(), error);
  if (!error) acceptor.bind(loopback, error);
  if (!error) acceptor.listen(4, error);
  if (error) {
    ErrorCode ignored;
    acceptor.close(ignored);
    return fail(ErrorKind::unavailable, "can't open a loopback port: " + error.message());
  }
  impl_->port = acceptor.local_endpoint().port();
  impl_->accept();
  try {
    impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
  } catch (const std::system_error& failure) {
    acceptor.close(error);
    return fail(ErrorKind::unavailable, std::string("can't start a thread: ") + failure.what());
  }
  return {};
}

std::uint16_t MqttConnection::port() const {
  return impl_->port;
}
const std::string& MqttConnection::nonce() const {
  return impl_->relay.nonce;
}
const MqttOptions& MqttConnection::options() const {
  return impl_->options;
}

void MqttConnection::expect_client() {
  asio::post(*impl_->io, [impl = impl_.get()] {
    impl->close_all("the client connects anew");
    impl->expecting = true;
    const Impl::Lock lock(impl->relay.mutex);
    impl->relay.stats.problem.clear();
  });
}

void MqttConnection::acknowledge(std::span<const AckToken> tokens) {
  asio::post(*impl_->io,
             [impl = impl_.get(), all = std::vector<AckToken>(tokens.begin(), tokens.end())] {
               if (impl->live) impl->live->acknowledge(all);
             });
}

void MqttConnection::stop_reading() {
  asio::post(*impl_->io, [impl = impl_.get()] {
    if (impl->live) impl->live->stop_reading();
  });
}

void MqttConnection::drop(std::string why) {
  asio::post(*impl_->io, [impl = impl_.get(), why = std::move(why)] { impl->close_all(why); });
}

bool MqttConnection::wait_closed(std::chrono::milliseconds timeout) {
  std::unique_lock lock(impl_->relay.mutex);
  return impl_->ended.wait_for(lock, timeout, [this] { return impl_->relay.stats.links == 0; });
}

void MqttConnection::close() {
  if (!impl_->thread.joinable()) return;
  asio::post(*impl_->io, [impl = impl_.get()] {
    ErrorCode ignored;
    impl->acceptor.close(ignored);
    impl->accept_again.cancel();
    impl->close_all("stopped");
    impl->work.reset();
  });
  impl_->thread.join();
}

MqttConnection::Stats MqttConnection::stats() const {
  const std::lock_guard lock(impl_->relay.mutex);
  return impl_->relay.stats;
}

}  // namespace weir
