#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/units.hpp"

namespace weir {

/// What the source needs to acknowledge one message. Opaque outside the source that made it.
struct AckToken {
  std::uint32_t connection = 0;  ///< which connection: one of an older connection is ignored
  std::uint16_t packet_id = 0;   ///< 0: nothing to acknowledge (QoS 0)
  std::uint8_t qos = 0;
};

/// Messages as they came off the wire, in order, in one piece of memory. Made by a source, read by
/// the engine; a value without locks.
class Batch {
 public:
  struct Message {
    std::string_view topic;
    std::string_view payload;
    Timestamp arrival{};
    AckToken ack;
    bool retained = false;
    bool duplicate = false;  ///< the DUP flag: a redelivery
    /// Counts the sessions that the broker began anew, 0 being the one of the process before: in
    /// each of them packet ids stand for other messages.
    std::uint32_t session = 0;
  };

  void add(const Message& message);
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  Message operator[](std::size_t i) const;  ///< the texts point into this batch
  std::size_t bytes() const;                ///< memory held, for the queue's bound
  void clear();                             ///< keeps the memory

 private:
  struct Entry {
    std::uint32_t topic_at, topic_size, payload_size;
    Timestamp arrival;
    AckToken ack;
    bool retained, duplicate;
    std::uint32_t session;
  };
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace weir
