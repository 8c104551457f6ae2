#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware-bridge/batch.hpp"
#include "firmware-bridge/mqtt_packet.hpp"

namespace weir {

/// What outlives a connection because it belongs to the broker's session. It does not outlive the
/// process: after a restart a repeated message is handed over again, with its duplicate flag.
struct MqttSession {
  using PacketIds = std::bitset<65536>;
  PacketIds received;        ///< QoS 2: PUBREC sent, PUBREL not yet seen (MQTT 5, section 4.3.3)
  PacketIds too_large;       ///< a PUBLISH that already closed a connection by its size
  std::uint32_t number = 0;  ///< how often the broker began a new one
  void begin() { *this = {{}, {}, number + 1}; }
};

/// Why a gate wants its connection closed.
struct MqttClose {
  enum class Cause {
    none,
    intruder,   ///< whoever connected to the loopback port is not our client
    malformed,  ///< the broker broke the protocol
    oversized,  ///< the broker sent a packet above the bound
    ended,      ///< the broker said good-bye (MQTT 5 DISCONNECT)
    broken,     ///< the network did, or something between (never by the gate itself)
  };
  Cause cause = Cause::none;
  std::string reason;  ///< words for the log and the status
};

/// Stands between a broker and an unmodified MQTT client that does what is not messages:
/// connecting, authentication, subscriptions, keep-alive, disconnecting. The gate
/// - lets only a client in whose id ends in "#" and the nonce, which it removes;
/// - checks every packet of the broker before anything acts on it;
/// - takes inbound PUBLISH and PUBREL out of the stream: messages are handed over, acknowledgements
///   written when `acknowledge` says so (PUBACK; PUBREC, later PUBCOMP on PUBREL);
/// - answers the client's PINGREQ itself while the broker is not being read;
/// - sends a PINGREQ of its own now and then, behind the acknowledgements it has written: a broker
///   takes packets in their order, so it has them all when it answers.
///
/// *What a broker may deliver again* is what it has no acknowledgement of. It knows those messages
/// by packet ids, of which there are 65535; so no connection takes more than `uncertain_at_most`
/// messages beyond the last that the broker is known to have an acknowledgement of. Few brokers
/// come near that: mosquitto 2.0.11 does, as it sends a long queue without heed of its limit.
///
/// Pure: bytes in, bytes and messages out; no I/O, no clock, no thread. Input may be cut anywhere.
/// Protocol: `(from_client | from_broker | acknowledge | pause | take…)*`; once `closed()`, input
/// is ignored and what is still in the outputs should be written before the connections are closed.
class MqttGate {
 public:
  struct Options {
    std::string nonce;
    std::size_t max_packet_size = 0;
  };

  static constexpr std::size_t probe_every = 4096;
  /// A read of 64 KiB, which may be under way, has at most 9363 more in it.
  static constexpr std::size_t uncertain_at_most = 56'000;

  /// `session` must outlive the gate. `connection` marks the acknowledgements of this connection.
  MqttGate(Options options, MqttSession& session, std::uint32_t connection);

  void from_client(std::string_view bytes);
  void from_broker(std::string_view bytes, Timestamp arrival);
  /// Tokens of other connections and tokens that were already used are ignored.
  void acknowledge(std::span<const AckToken> tokens);
  /// Whether the caller has stopped reading from the broker for now.
  void pause(bool paused);
  /// Says good-bye for the client, behind all that was written.
  void disconnect();

  std::string& to_broker() { return to_broker_; }  ///< the caller writes and clears
  std::string& to_client() { return to_client_; }
  Batch& messages() { return messages_; }  ///< the caller moves them away

  bool admitted() const { return admitted_; }    ///< the client has shown the nonce
  bool connected() const { return connected_; }  ///< the broker has accepted the CONNECT
  bool leaving() const { return leaving_; }      ///< the client has sent DISCONNECT
  bool closed() const { return close_.cause != MqttClose::Cause::none; }
  const MqttClose& close() const { return close_; }
  const std::string& refusal() const { return refusal_; }  ///< why the broker refused the CONNECT
  std::uint32_t connection() const { return connection_; }
  std::size_t unacknowledged() const { return unacknowledged_; }
  /// It must take no more: the caller waits for the acknowledgements, disconnects, and lets the
  /// broker read all of it.
  bool exhausted() const { return acknowledged_ - certain_ + unacknowledged_ >= uncertain_at_most; }
  std::size_t skipped() const { return skipped_; }  ///< oversized repeats that were dropped

 private:
  std::size_t parse_client(std::string_view bytes);
  void client_packet(const MqttHead& head, std::string_view packet);
  void connect(const MqttHead& head, std::string_view body);
  std::size_t parse_broker(std::string_view bytes, Timestamp arrival);
  void broker_packet(const MqttHead& head, std::string_view packet, Timestamp arrival);
  void publish(const MqttHead& head, std::string_view body, Timestamp arrival);
  void connack(const MqttHead& head, std::string_view packet);
  MqttFault suback(const MqttAck& ack);
  void pingresp();
  void probe();
  bool skip_too_large(const MqttHead& head, std::string_view bytes);
  void fail(MqttClose::Cause cause, std::string_view reason);

  Options options_;
  MqttSession& session_;
  std::uint32_t connection_;
  MqttVersion version_ = MqttVersion::v3_1_1;
  MqttClose close_;
  std::string refusal_;
  std::string client_rest_, broker_rest_;  ///< the start of a packet whose end has not arrived
  std::size_t skip_ = 0;                   ///< bytes of an oversized packet still to be dropped
  std::string to_broker_, to_client_;
  Batch messages_;
  MqttSession::PacketIds waiting_;   ///< handed over, not acknowledged, on this connection
  std::vector<MqttAck> subscribes_;  ///< sent by the client, not yet answered
  std::size_t unacknowledged_ = 0, skipped_ = 0;
  unsigned pings_ = 0;           ///< of the client, to be answered by the broker's PINGRESP
  unsigned answered_pings_ = 0;  ///< answered here, or ours: a PINGRESP is to be swallowed
  std::uint64_t pings_sent_ = 0, pings_back_ = 0;  ///< all of them
  std::uint64_t probe_ = 0;                        ///< which of them is ours; 0: none is under way
  std::size_t acknowledged_ = 0, probed_ = 0;      ///< in all; when `probe_` was sent
  std::size_t certain_ = 0;                        ///< so many the broker is known to have
  bool admitted_ = false, connected_ = false, leaving_ = false, paused_ = false;
};

}  // namespace weir
