#include "firmware-bridge/batch.hpp"

namespace weir {

void Batch::add(const Message& message) {
  entries_.push_back({static_cast<std::uint32_t>(text_.size()),
                      static_cast<std::uint32_t>(message.topic.size()),
                      static_cast<std::uint32_t>(message.payload.size()), message.arrival,
                      message.ack, message.retained, message.duplicate, message.session});
  text_.append(message.topic);
  text_.append(message.payload);
}

Batch::Message Batch::operator[](std::size_t i) const {
  const Entry& entry = entries_[i];
  const std::string_view text(text_);
  return {text.substr(entry.topic_at, entry.topic_size),
          text.substr(entry.topic_at + entry.topic_size, entry.payload_size),
          entry.arrival,
          entry.ack,
          entry.retained,
          entry.duplicate,
          entry.session};
}

std::size_t Batch::bytes() const {
  return text_.capacity() + entries_.capacity() * sizeof(Entry);
}

void Batch::clear() {
  text_.clear();
  entries_.clear();
}

}  // namespace weir
