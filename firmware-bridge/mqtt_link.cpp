#include "firmware-bridge/mqtt_link.hpp"

#include <system_error>
#include <utility>

namespace weir {
namespace {

using namespace std::chrono_literals;

/// How long a client may take to show who it is.
constexpr auto admission_time = 5s;
/// How long the broker may take to close after the client's DISCONNECT.
constexpr auto leaving_time = 500ms;
/// The same after our own: it has much to read first.
constexpr auto draining_time = 30s;
/// As long as more than this waits to be written, nothing more is read.
constexpr std::size_t max_backlog = 1U << 20;

MqttClose broken(std::string why) {
  return {MqttClose::Cause::broken, std::move(why)};
}

}  // namespace

MqttLink::MqttLink(MqttRelay& relay, tcp::socket client, std::uint32_t connection)
    : relay_(relay),
      gate_({relay.nonce, static_cast<std::size_t>(count(relay.options.max_packet_size))},
            relay.session, connection),
      client_(std::move(client)),
      broker_(relay.io, relay.options),
      deadline_(*relay.io),
      pace_timer_(*relay.io) {}

void MqttLink::start() {
  ErrorCode ignored;
  client_.set_option(tcp::no_delay(true), ignored);
  limit(admission_time, "a client that does not say who it is");
  read_client();
}

void MqttLink::limit(std::chrono::milliseconds time, std::string what) {
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this(), what = std::move(what)](const ErrorCode& error) {
    if (!error) self->close(broken(what));
  });
}

void MqttLink::read_client() {
  client_.async_read_some(asio::buffer(client_buffer_),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t n) {
                            if (self->closed_) return;
                            if (error) return self->client_gone();
                            self->gate_.from_client({self->client_buffer_.data(), n});
                            self->settle();
                            if (!self->closed_) self->read_client();
                          });
}

void MqttLink::client_gone() {
  if (gate_.leaving() && open_) return leave(leaving_time);
  close(broken("the broker did not answer in time"));
}

void MqttLink::dial() {
  dialed_ = true;
  limit(std::chrono::duration_cast<std::chrono::milliseconds>(relay_.options.connect_timeout),
        "no answer from " + relay_.options.url.text() + " within " +
            format_duration(relay_.options.connect_timeout));
  broker_.connect(shared_from_this(), [this](const Result<void>& result) {
    if (closed_) return;
    if (!result) return close(broken(result.error().message));
    open_ = true;
    flush();
    next_read(false);
  });
}

void MqttLink::read_broker() {
  read_at_ = Clock::now();
  broker_.wake_for_each_byte(true);
  broker_.read(broker_buffer_, [self = shared_from_this()](const ErrorCode& error, std::size_t n) {
    if (!self->closed_) self->broker_read(error, n);
  });
}

void MqttLink::broker_read(const ErrorCode& error, std::size_t n) {
  reading_ = false;
  if (error) {
    const bool ended = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
    if (ended && draining_) return renewed();
    return close(broken(ended ? "the broker closed the connection" : error.message()));
  }
  if (leaving_ || draining_) return discard();
  if (stopped_) return;
  gate_.from_broker({broker_buffer_.data(), n}, relay_.wall_clock());
  const bool dense = !gate_.messages().empty() && n < broker_buffer_.size();
  settle();
  next_read(dense);
}

/// `dense`: what comes next is probably more messages, and can wait a little for company.
void MqttLink::next_read(bool dense) {
  if (closed_ || !open_ || reading_ || stopped_ || backlogged()) return;
  if (gate_.exhausted()) return drain();
  reading_ = true;
  if (relay_.inbox.full()) return wait_for_room();
  const auto at = read_at_ + pace_.pause();
  if (!dense || at <= Clock::now()) return read_broker();
  broker_.wake_for_each_byte(false);
  pace_timer_.expires_at(at);
  pace_timer_.async_wait([self = shared_from_this()](const ErrorCode&) { self->read_waiting(); });
}

void MqttLink::read_waiting() {
  if (closed_) return;
  const std::size_t n = broker_.read_now(broker_buffer_);
  if (n == 0) return read_broker();
  read_at_ = Clock::now();
  broker_read({}, n);
}

void MqttLink::wait_for_room() {
  waiting_for_room_ = true;
  gate_.pause(true);
  {
    const std::lock_guard lock(relay_.mutex);
    relay_.stats.paused = true;
  }
  flush();
  // Called by the engine, perhaps when all of this is gone.
  relay_.inbox.when_room([io = relay_.io, weak = weak_from_this()] {
    asio::post(*io, [weak] {
      if (const auto self = weak.lock()) self->room();
    });
  });
}

void MqttLink::room() {
  if (closed_ || !std::exchange(waiting_for_room_, false)) return;
  gate_.pause(stopped_);
  {
    const std::lock_guard lock(relay_.mutex);
    relay_.stats.paused = false;
  }
  reading_ = false;
  next_read(false);
}

/// Acts on what the gate has made of the bytes it was given.
void MqttLink::settle() {
  if (gate_.admitted() && !dialed_) {
    relay_.admitted(*this);
    dial();
  }
  deliver();
  if (gate_.connected() && !accepted_) {
    accepted_ = true;
    deadline_.cancel();
    const std::lock_guard lock(relay_.mutex);
    ++relay_.stats.accepted;
  }
  flush();
  if (gate_.closed()) close(gate_.close());
}

void MqttLink::deliver() {
  Batch& messages = gate_.messages();
  if (messages.empty()) return;
  {
    const std::lock_guard lock(relay_.mutex);
    relay_.stats.messages += messages.size();
    for (std::size_t i = 0; i < messages.size(); ++i)
      relay_.stats.bytes += messages[i].topic.size() + messages[i].payload.size();
    relay_.stats.unacknowledged = gate_.unacknowledged();
  }
  relay_.inbox.push(std::exchange(messages, {}));
}

void MqttLink::acknowledge(std::span<const AckToken> tokens) {
  if (closed_) return;
  const auto waited = gate_.unacknowledged();
  gate_.acknowledge(tokens);
  if (gate_.unacknowledged() == waited) return;
  pace_.acknowledged(waited);
  {
    const std::lock_guard lock(relay_.mutex);
    relay_.stats.unacknowledged = gate_.unacknowledged();
  }
  flush();
  if (draining_) drain();
}

bool MqttLink::backlogged() {
  return gate_.to_broker().size() > max_backlog || gate_.to_client().size() > max_backlog;
}

void MqttLink::flush() {
  if (!closed_) flush_client();
  if (closed_ || !open_ || !writing_broker_.empty() || gate_.to_broker().empty()) return;
  writing_broker_.swap(gate_.to_broker());
  broker_.write(writing_broker_, [self = shared_from_this()](const ErrorCode& error) {
    self->writing_broker_.clear();
    if (self->closed_) return;
    if (error) return self->close(broken(error.message()));
    self->flush();
    if (self->leaving_) return self->leave(leaving_time);
    self->next_read(true);
  });
}

void MqttLink::flush_client() {
  if (!writing_client_.empty() || gate_.to_client().empty()) return;
  writing_client_.swap(gate_.to_client());
  asio::async_write(client_, asio::buffer(writing_client_),
                    [self = shared_from_this()](const ErrorCode&, std::size_t) {
                      self->writing_client_.clear();
                      if (self->closed_) return;
                      self->flush();  // an error shows when reading from the client
                      self->next_read(true);
                    });
}

void MqttLink::stop_reading() {
  stopped_ = true;
  gate_.pause(true);
  flush();
}

/// After the client's DISCONNECT: once all is written, waits for the broker to close. Closing with
/// unread bytes resets the connection and could take the last acknowledgements with it.
void MqttLink::leave(std::chrono::milliseconds time) {
  if (!leaving_) limit(time, "disconnected");
  leaving_ = true;
  if (!writing_broker_.empty() || !gate_.to_broker().empty()) return;
  broker_.shutdown_send();
  pace_timer_.cancel();
  if (std::exchange(waiting_for_room_, false)) reading_ = false;
  discard();
}

/// The broker must have all acknowledgements before it may send more: waits for the last of them,
/// then lets the connection end in order. The client makes another.
void MqttLink::drain() {
  draining_ = true;
  gate_.pause(true);
  discard();
  if (leaving_ || gate_.unacknowledged() > 0) return;
  gate_.disconnect();
  flush();
  leave(draining_time);
}

void MqttLink::renewed() {
  {
    const std::lock_guard lock(relay_.mutex);
    ++relay_.stats.renewed;
  }
  close(broken("begun anew, so that the broker has every acknowledgement"));
}

void MqttLink::discard() {
  if (reading_) return;
  reading_ = true;
  read_broker();
}

void MqttLink::close(MqttClose why) {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  if (!gate_.refusal().empty()) why.reason = "refused: " + gate_.refusal();
  {
    const std::lock_guard lock(relay_.mutex);
    auto& stats = relay_.stats;
    using Cause = MqttClose::Cause;
    stats.lost += accepted_ ? 1 : 0;
    stats.oversized += gate_.skipped() + (why.cause == Cause::oversized ? 1 : 0);
    stats.malformed += why.cause == Cause::malformed ? 1 : 0;
    stats.strangers += why.cause == Cause::intruder ? 1 : 0;
    if (gate_.admitted()) {
      stats.problem = std::move(why.reason);
      stats.unacknowledged = 0;
      stats.paused = false;
    }
  }
  deadline_.cancel();
  pace_timer_.cancel();
  ErrorCode ignored;
  client_.close(ignored);
  broker_.close();
  relay_.closed(*this);
}

}  // namespace weir
