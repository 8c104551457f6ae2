#include <algorithm>
#include <utility>

#include "tests/proof/simulated_parts.hpp"

namespace weir {

void SimulatedBroker::publish(std::string topic, std::string payload) {
  queue_.push_back({std::move(topic), std::move(payload), published_++, 0});
}

void SimulatedBroker::connect(std::size_t arrived) {
  on_their_way_.resize(std::min(arrived, on_their_way_.size()));
  take_acknowledgements();
  ++connection_;
  again_ = in_flight_;
}

void SimulatedBroker::take_acknowledgements() {
  for (const AckToken& token : on_their_way_) {
    acknowledged_ += std::erase_if(
        in_flight_, [&](const Sent& sent) { return sent.packet_id == token.packet_id; });
  }
  on_their_way_.clear();
}

void SimulatedBroker::send(const Sent& message, bool again, Timestamp arrival, Batch& batch) const {
  Batch::Message out;
  out.topic = message.topic;
  out.payload = message.payload;
  out.arrival = arrival;
  out.ack = {connection_, message.packet_id, 1};
  out.duplicate = again;
  batch.add(out);
}

void SimulatedBroker::pump(Inbox& inbox, bool hears) {
  if (hears) take_acknowledgements();
  const Timestamp arrival{};
  Batch batch;
  for (const Sent& message : again_) send(message, true, arrival, batch);
  sent_again_ += again_.size();
  again_.clear();
  while (!queue_.empty() && in_flight_.size() < window) {
    Sent message = std::move(queue_.front());
    queue_.pop_front();
    message.packet_id = next_id_;
    next_id_ = static_cast<std::uint16_t>(next_id_ % 65535 + 1);
    send(message, false, arrival, batch);
    in_flight_.push_back(std::move(message));
  }
  inbox.push(std::move(batch));
}

void SimulatedBroker::acknowledge(std::span<const AckToken> tokens) {
  for (const AckToken& token : tokens) {
    if (token.connection != connection_) continue;
    on_their_way_.push_back(token);
    for (const Sent& sent : in_flight_)
      if (sent.packet_id == token.packet_id) answered_.push_back(sent.number);
  }
}

}  // namespace weir
