#include "firmware-bridge/mqtt_stream.hpp"

#include <exception>
#include <thread>
#include <utility>

namespace weir {
namespace {

bool is_address(const std::string& host) {
  ErrorCode error;
  asio::ip::make_address(host, error);
  return !error;
}

std::vector<tcp::endpoint> look_up(const std::string& host, std::uint16_t port, ErrorCode& error) {
  asio::io_context io;
  std::vector<tcp::endpoint> found;
  for (const auto& entry : tcp::resolver(io).resolve(host, std::to_string(port), error))
    found.push_back(entry.endpoint());
  return found;
}

Error unavailable(const std::string& what, const ErrorCode& error) {
  return {ErrorKind::unavailable, what + ": " + error.message()};
}

}  // namespace

MqttStream::MqttStream(std::shared_ptr<asio::io_context> io, const MqttOptions& options)
    : io_(std::move(io)), options_(options), socket_(*io_) {}

void MqttStream::finish(Result<void> result) {
  const auto owner = std::move(owner_);
  if (const auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

void MqttStream::connect(std::shared_ptr<void> owner, Done done) {
  owner_ = std::move(owner);
  done_ = std::move(done);
  const auto& url = options_.url;
  if (is_address(url.host)) {
    asio::post(*io_, [this, keep = owner_] {
      connect_to({{asio::ip::make_address(options_.url.host), options_.url.port}});
    });
    return;
  }
  // A look-up can hang for half a minute and can't be cancelled, so it has a thread of its own that
  // nobody waits for; it touches nothing of ours but the queue of `io`.
  auto report = [this, weak = std::weak_ptr<void>(owner_)](ErrorCode error, auto found) {
    const auto keep = weak.lock();
    if (!keep || !done_) return;
    if (error) return finish(fail(unavailable("can't resolve " + options_.url.host, error)));
    connect_to(found);
  };
  std::thread([io = io_, host = url.host, port = url.port, report] {
    ErrorCode error;
    auto found = look_up(host, port, error);
    asio::post(*io, [=] { report(error, found); });
  }).detach();
}

void MqttStream::connect_to(const std::vector<tcp::endpoint>& endpoints) {
  asio::async_connect(
      socket_, endpoints, [this, keep = owner_](const ErrorCode& error, const tcp::endpoint&) {
        if (!done_) return;
        if (error)
          return finish(fail(unavailable("can't connect to " + options_.url.text(), error)));
        ErrorCode ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
        socket_.non_blocking(true, ignored);  // for read_now
        if (!options_.url.tls) return finish({});
        if (auto ready = prepare_tls(); !ready) return finish(std::move(ready));
        shake_hands();
      });
}

Result<void> MqttStream::prepare_tls() {
  ErrorCode error;
  std::string step = "can't set up TLS";
  const auto tried = [&](std::string what, auto&& action) {
    if (error) return;
    action();
    if (error) step = std::move(what);
  };
  context_.emplace(asio::ssl::context::tls_client);
  tried(step, [&] {
    context_->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                              asio::ssl::context::no_tlsv1_1,
                          error);
  });
  if (options_.ca_file.empty())
    tried("can't read the system's certificate authorities",
          [&] { context_->set_default_verify_paths(error); });
  else
    tried("can't read ca_file " + options_.ca_file,
          [&] { context_->load_verify_file(options_.ca_file, error); });
  if (!options_.cert_file.empty()) {
    tried("can't read cert_file " + options_.cert_file,
          [&] { context_->use_certificate_chain_file(options_.cert_file, error); });
    tried("can't use key_file " + options_.key_file, [&] {
      context_->use_private_key_file(options_.key_file, asio::ssl::context::pem, error);
    });
  }
  if (error) return fail(unavailable(step, error));
  tls_.emplace(socket_, *context_);
  tls_->set_verify_mode(options_.verify ? asio::ssl::verify_peer : asio::ssl::verify_none, error);
  // OpenSSL's own check of the name says in its result that it was the name.
  SSL* const handle = tls_->native_handle();
  const char* const host = options_.url.host.c_str();
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), host);
  } else {
    SSL_set_tlsext_host_name(handle, host);
    SSL_set1_host(handle, host);
  }
  if (error) return fail(unavailable("can't set up TLS", error));
  return {};
}

void MqttStream::shake_hands() {
  tls_->async_handshake(
      asio::ssl::stream_base::client, [this, keep = owner_](const ErrorCode& error) {
        if (!done_) return;
        if (!error) return finish({});
        const long verified = SSL_get_verify_result(tls_->native_handle());
        std::string why = error.message();
        if (options_.verify && verified != X509_V_OK)
          why += std::string(", ") + X509_verify_cert_error_string(verified);
        finish(fail(ErrorKind::unavailable, "no TLS with " + options_.url.text() + ": " + why));
      });
}

void MqttStream::read(std::span<char> buffer, Read done) {
  const auto into = asio::buffer(buffer.data(), buffer.size());
  if (!tls_) return socket_.async_read_some(into, std::move(done));
  tls_->async_read_some(into,
                        [this, buffer, done = std::move(done)](ErrorCode error, std::size_t n) {
                          if (!error) n += read_now(buffer.subspan(n));
                          done(error, n);
                        });
}

/// A TLS read ends with a record, and brokers write a record a message; so read on while there are
/// any. Not while a write is under way, because a read may have to answer.
std::size_t MqttStream::read_now(std::span<char> buffer) {
  ErrorCode error;
  if (!tls_) return socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
  std::size_t total = 0;
  while (!error && !writing_ && total < buffer.size())
    total += tls_->read_some(asio::buffer(buffer.data() + total, buffer.size() - total), error);
  return total;
}

void MqttStream::wake_for_each_byte(bool each) {
  if (each == std::exchange(each_byte_, each)) return;
  // Asio leaves the socket in epoll between reads, and each segment would wake the thread.
  ErrorCode ignored;
  socket_.set_option(asio::socket_base::receive_low_watermark(each ? 1 : 64 * 1024), ignored);
}

void MqttStream::write(const std::string& bytes, Written done) {
  writing_ = true;
  auto handler = [this, done = std::move(done)](const ErrorCode& error, std::size_t) {
    writing_ = false;
    done(error);
  };
  if (tls_)
    asio::async_write(*tls_, asio::buffer(bytes), std::move(handler));
  else
    asio::async_write(socket_, asio::buffer(bytes), std::move(handler));
}

void MqttStream::shutdown_send() {
  ErrorCode ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void MqttStream::close() {
  done_ = nullptr;
  owner_.reset();
  ErrorCode ignored;
  socket_.close(ignored);
}

}  // namespace weir
