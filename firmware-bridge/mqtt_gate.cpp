#include "firmware-bridge/mqtt_gate.hpp"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

/// Enough for a CONNECT with the longest names and passwords; nobody else may fill memory.
constexpr std::size_t max_connect_size = 1U << 18;

/// A rest that once held a large packet gives its memory back.
constexpr std::size_t kept_capacity = 1U << 17;

/// A topic for the log: short, and nothing in it that a terminal would act on.
std::string printable(std::string_view topic) {
  std::string out(topic.substr(0, 100));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

/// Feeds `bytes` behind what is left of earlier ones to `parse`, which says how much it used.
template <class Parse>
void feed(std::string& rest, std::string_view bytes, Parse parse) {
  if (rest.empty()) {
    const std::size_t used = parse(bytes);
    rest.assign(bytes.substr(used));
    return;
  }
  rest.append(bytes);
  rest.erase(0, parse(std::string_view(rest)));
  if (rest.empty() && rest.capacity() > kept_capacity) std::string().swap(rest);
}

}  // namespace

MqttGate::MqttGate(Options options, MqttSession& session, std::uint32_t connection)
    : options_(std::move(options)), session_(session), connection_(connection) {}

void MqttGate::fail(MqttClose::Cause cause, std::string_view reason) {
  if (!closed()) close_ = {cause, std::string(reason)};
}

void MqttGate::from_client(std::string_view bytes) {
  if (closed()) return;
  feed(client_rest_, bytes, [this](std::string_view all) { return parse_client(all); });
}

std::size_t MqttGate::parse_client(std::string_view bytes) {
  std::size_t at = 0;
  while (!closed()) {
    const auto left = bytes.substr(at);
    MqttHead head;
    const auto framing = read_mqtt_head(left, head);
    if (framing == MqttFraming::malformed || (!admitted_ && !left.empty() && left[0] != '\x10') ||
        (!admitted_ && framing == MqttFraming::complete && head.packet_size() > max_connect_size)) {
      fail(MqttClose::Cause::intruder, "a stranger on the loopback port");
      break;
    }
    if (framing == MqttFraming::incomplete || left.size() < head.packet_size()) break;
    client_packet(head, left.substr(0, head.packet_size()));
    at += head.packet_size();
  }
  return at;
}

void MqttGate::client_packet(const MqttHead& head, std::string_view packet) {
  const auto body = packet.substr(head.size);
  if (!admitted_) {
    connect(head, body);
    return;
  }
  if (head.type == MqttPacket::subscribe) {
    MqttAck request;
    if (const auto fault = read_subscribe(head, body, version_, request); !fault.empty()) {
      fail(MqttClose::Cause::broken, fault);
      return;
    }
    subscribes_.push_back(request);
  }
  if (head.type == MqttPacket::pingreq) {
    ++pings_sent_;
    ++(paused_ ? answered_pings_ : pings_);
    if (paused_) append_mqtt_head(to_client_, MqttPacket::pingresp, 0);
  }
  if (head.type == MqttPacket::disconnect) leaving_ = true;
  to_broker_.append(packet);
}

void MqttGate::connect(const MqttHead& head, std::string_view body) {
  MqttConnect connect;
  const auto fault = read_connect(head, body, connect);
  const auto mark = connect.client_id.rfind('#');
  if (!fault.empty() || mark == std::string_view::npos ||
      connect.client_id.substr(mark + 1) != options_.nonce) {
    fail(MqttClose::Cause::intruder, "a stranger on the loopback port");
    return;
  }
  admitted_ = true;
  version_ = connect.version;
  const auto behind = body.substr(connect.client_id_at + 2 + connect.client_id.size());
  append_mqtt_head(to_broker_, MqttPacket::connect,
                   connect.client_id_at + 2 + mark + behind.size());
  to_broker_.append(body.substr(0, connect.client_id_at));
  to_broker_.push_back(static_cast<char>(mark >> 8));
  to_broker_.push_back(static_cast<char>(mark & 0xffU));
  to_broker_.append(connect.client_id.substr(0, mark));
  to_broker_.append(behind);
}

void MqttGate::from_broker(std::string_view bytes, Timestamp arrival) {
  if (closed()) return;
  const std::size_t skipped = std::min(skip_, bytes.size());
  skip_ -= skipped;
  bytes.remove_prefix(skipped);
  feed(broker_rest_, bytes, [&](std::string_view all) { return parse_broker(all, arrival); });
}

std::size_t MqttGate::parse_broker(std::string_view bytes, Timestamp arrival) {
  std::size_t at = 0;
  while (!closed()) {
    const auto left = bytes.substr(at);
    MqttHead head;
    const auto framing = read_mqtt_head(left, head);
    if (framing == MqttFraming::malformed)
      fail(MqttClose::Cause::malformed, "a fixed header that is none");
    if (framing != MqttFraming::complete) break;
    if (head.packet_size() > options_.max_packet_size) {
      if (!skip_too_large(head, left)) break;
      at += std::min(left.size(), head.packet_size());
      continue;
    }
    if (left.size() < head.packet_size()) break;
    broker_packet(head, left.substr(0, head.packet_size()), arrival);
    at += head.packet_size();
  }
  return at;
}

/// True: the packet is dropped and acknowledged, `skip_` holds what has not arrived of it. The
/// first time its size closes the connection; but a persistent session brings it again on the next,
/// for ever, and one message must not keep all others away.
bool MqttGate::skip_too_large(const MqttHead& head, std::string_view bytes) {
  const auto too_large =
      "a packet of " + std::to_string(head.packet_size()) + " bytes, above max_packet_size";
  const unsigned qos = head.flags >> 1 & 3U;
  if (head.type != MqttPacket::publish || !connected_ || qos == 0 || qos == 3) {
    fail(MqttClose::Cause::oversized, too_large);
    return false;
  }
  MqttPublishStart start;
  const auto framing = read_publish_start(head, bytes.substr(head.size), start);
  if (framing == MqttFraming::incomplete) return false;
  if (framing == MqttFraming::malformed) {
    fail(MqttClose::Cause::malformed, "an oversized PUBLISH whose header is damaged");
    return false;
  }
  if ((head.flags & 8U) == 0 || !session_.too_large[start.packet_id]) {
    session_.too_large.set(start.packet_id);
    fail(MqttClose::Cause::oversized, too_large + ", for " + printable(start.topic));
    return false;
  }
  append_mqtt_ack(to_broker_, qos == 1 ? MqttPacket::puback : MqttPacket::pubrec, start.packet_id);
  ++skipped_;
  skip_ = head.packet_size() - std::min(bytes.size(), head.packet_size());
  return true;
}

void MqttGate::broker_packet(const MqttHead& head, std::string_view packet, Timestamp arrival) {
  const auto body = packet.substr(head.size);
  if (connected_ == (head.type == MqttPacket::connack)) {
    fail(MqttClose::Cause::malformed, connected_ ? "a second CONNACK" : "a packet before CONNACK");
    return;
  }
  MqttFault fault;
  MqttAck ack;
  switch (head.type) {
    case MqttPacket::connack:
      return connack(head, packet);
    case MqttPacket::publish:
      return publish(head, body, arrival);
    case MqttPacket::pubrel:
      fault = read_ack(head, body, version_, ack);
      if (!fault.empty()) break;
      session_.received.reset(ack.packet_id);
      append_mqtt_ack(to_broker_, MqttPacket::pubcomp, ack.packet_id);
      return;
    case MqttPacket::pingresp:
      fault = check_pingresp(head);
      if (fault.empty()) return pingresp();
      break;
    case MqttPacket::disconnect: {
      std::uint8_t reason = 0;
      fault = read_disconnect(head, body, version_, reason);
      if (fault.empty()) fail(MqttClose::Cause::ended, mqtt_disconnect_reason(reason));
      break;
    }
    case MqttPacket::suback:
    case MqttPacket::unsuback:
    case MqttPacket::puback:
    case MqttPacket::pubrec:
    case MqttPacket::pubcomp:
      fault = read_ack(head, body, version_, ack);
      if (fault.empty() && head.type == MqttPacket::suback) fault = suback(ack);
      if (fault.empty()) to_client_.append(packet);
      break;
    default:
      fault = "a packet that only clients send, or an AUTH that was not asked for";
  }
  if (!fault.empty()) fail(MqttClose::Cause::malformed, fault);
}

void MqttGate::connack(const MqttHead& head, std::string_view packet) {
  MqttConnack connack;
  const auto fault = read_connack(head, packet.substr(head.size), version_, connack);
  if (!fault.empty()) {
    fail(MqttClose::Cause::malformed, fault);
    return;
  }
  to_client_.append(packet);
  if (connack.code != 0) {
    refusal_ = mqtt_connack_reason(version_, connack.code);
    return;
  }
  connected_ = true;
  if (!connack.session_present) session_.begin();
}

void MqttGate::publish(const MqttHead& head, std::string_view body, Timestamp arrival) {
  MqttPublish publish;
  const auto fault = read_publish(head, body, version_, publish);
  if (!fault.empty()) {
    fail(MqttClose::Cause::malformed, fault);
    return;
  }
  const auto id = publish.packet_id;
  if (publish.qos > 0) {
    if (publish.qos == 2 && session_.received[id]) {
      append_mqtt_ack(to_broker_, MqttPacket::pubrec, id);
      return;
    }
    if (waiting_[id]) {
      // Its acknowledgement is on the way through the journal and answers this one too.
      if (!publish.duplicate)
        fail(MqttClose::Cause::malformed, "a packet identifier that is still in use");
      return;
    }
    waiting_.set(id);
    ++unacknowledged_;
  }
  messages_.add({publish.topic,
                 publish.payload,
                 arrival,
                 {connection_, id, publish.qos},
                 publish.retained,
                 publish.duplicate,
                 session_.number});
}

/// The client reads as many codes as it asked for filters, so an answer must fit its question.
MqttFault MqttGate::suback(const MqttAck& ack) {
  const auto asked = std::find_if(subscribes_.begin(), subscribes_.end(), [&](const MqttAck& one) {
    return one.packet_id == ack.packet_id && one.codes == ack.codes;
  });
  if (asked == subscribes_.end()) return "a SUBACK that fits no SUBSCRIBE";
  subscribes_.erase(asked);
  return {};
}

void MqttGate::pingresp() {
  ++pings_back_;
  if (probe_ > 0 && pings_back_ >= probe_) {
    certain_ = probed_;
    probe_ = 0;
    probe();
  }
  if (answered_pings_ > 0) {
    --answered_pings_;
  } else if (pings_ > 0) {
    --pings_;
    append_mqtt_head(to_client_, MqttPacket::pingresp, 0);
  }
}

void MqttGate::probe() {
  if (probe_ > 0 || acknowledged_ - certain_ < probe_every) return;
  append_mqtt_head(to_broker_, MqttPacket::pingreq, 0);
  ++answered_pings_;
  probe_ = ++pings_sent_;
  probed_ = acknowledged_;
}

void MqttGate::disconnect() {
  append_mqtt_head(to_broker_, MqttPacket::disconnect, 0);
}

void MqttGate::pause(bool paused) {
  paused_ = paused;
  if (!paused) return;
  for (; pings_ > 0; --pings_, ++answered_pings_)
    append_mqtt_head(to_client_, MqttPacket::pingresp, 0);
}

void MqttGate::acknowledge(std::span<const AckToken> tokens) {
  for (const auto& token : tokens) {
    if (token.connection != connection_ || token.packet_id == 0 || !waiting_[token.packet_id])
      continue;
    waiting_.reset(token.packet_id);
    --unacknowledged_;
    ++acknowledged_;
    if (token.qos == 2) session_.received.set(token.packet_id);
    append_mqtt_ack(to_broker_, token.qos == 2 ? MqttPacket::pubrec : MqttPacket::puback,
                    token.packet_id);
  }
  probe();
}

}  // namespace weir
