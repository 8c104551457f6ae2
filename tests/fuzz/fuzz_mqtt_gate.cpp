// Feeds arbitrary bytes of a broker, and of a client, to the packet gate in arbitrary pieces. Two
// gates get the same bytes, one of them byte by byte, and must do the same; whatever comes out must
// be well formed.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firmware-bridge/mqtt_gate.hpp"

namespace {

using namespace weir;

void require(bool condition) {
  if (!condition) std::abort();
}

const std::string nonce = "00112233445566778899aabbccddeeff";

std::string connect_packet(MqttVersion version) {
  std::string body("\0\4MQTT", 6);
  body += static_cast<char>(version);
  body += std::string("\2\0\36", 3);
  if (version == MqttVersion::v5) body += '\0';
  const std::string id = "fuzz#" + nonce;
  body += std::string{'\0', static_cast<char>(id.size())} + id;
  return std::string{'\x10', static_cast<char>(body.size())} + body;
}

/// A gate, its session, and what came out.
struct Side {
  explicit Side(MqttVersion version) : gate({nonce, 4096}, session, 7) {
    gate.from_client(connect_packet(version));
    gate.to_broker().clear();
  }

  void take() {
    to_broker += std::exchange(gate.to_broker(), {});
    to_client += std::exchange(gate.to_client(), {});
    const Batch batch = std::exchange(gate.messages(), {});
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto message = batch[i];
      require(valid_mqtt_topic(message.topic));
      require((message.ack.packet_id == 0) == (message.ack.qos == 0));
      require(message.payload.size() < 4096);
      messages.append(message.topic).append("\n").append(message.payload).append("\n");
      acks.push_back(message.ack);
    }
  }

  MqttSession session;
  MqttGate gate;
  std::string to_broker, to_client, messages;
  std::vector<AckToken> acks;
};

/// Whole packets, and none that the client must not see.
void check_client_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    MqttHead head;
    require(read_mqtt_head(bytes, head) == MqttFraming::complete);
    require(head.packet_size() <= bytes.size());
    require(head.type != MqttPacket::publish && head.type != MqttPacket::pubrel);
    bytes.remove_prefix(head.packet_size());
  }
}

void compare(Side& whole, Side& bytewise) {
  whole.take();
  bytewise.take();
  require(whole.to_client == bytewise.to_client);
  require(whole.to_broker == bytewise.to_broker);
  require(whole.messages == bytewise.messages);
  require(whole.gate.close().cause == bytewise.gate.close().cause);
  require(whole.gate.close().reason == bytewise.gate.close().reason);
  require(whole.gate.unacknowledged() == bytewise.gate.unacknowledged());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto version = (data[0] & 1U) != 0 ? MqttVersion::v5 : MqttVersion::v3_1_1;
  const auto whole = std::make_unique<Side>(version), bytewise = std::make_unique<Side>(version);
  if ((data[0] & 2U) != 0) {
    const std::string accepted(version == MqttVersion::v5 ? "\x20\3\1\0\0" : "\x20\2\1\0",
                               version == MqttVersion::v5 ? 5 : 4);
    whole->gate.from_broker(accepted, {});
    bytewise->gate.from_broker(accepted, {});
  }
  input.remove_prefix(1);
  while (!input.empty()) {
    const auto action = static_cast<unsigned char>(input[0]);
    input.remove_prefix(1);
    const auto piece = input.substr(0, action >> 2);
    if ((action & 3U) == 3) {
      for (const auto& side : {whole.get(), bytewise.get()}) {
        if ((action & 4U) != 0) side->gate.acknowledge(std::exchange(side->acks, {}));
        side->gate.pause((action & 8U) != 0);
      }
    } else {
      input.remove_prefix(piece.size());
      const bool client = (action & 3U) == 2;
      client ? whole->gate.from_client(piece) : whole->gate.from_broker(piece, {});
      for (const char byte : piece)
        client ? bytewise->gate.from_client({&byte, 1})
               : bytewise->gate.from_broker({&byte, 1}, {});
    }
    compare(*whole, *bytewise);
  }
  check_client_bytes(whole->to_client);
  return 0;
}
