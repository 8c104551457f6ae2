#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "config/bytes.hpp"
#include "firmware-bridge/batch.hpp"
#include "store/store.hpp"

namespace weir {

/// Recognises what the broker delivers again because an acknowledgement was lost: a duplicate whose
/// packet id was last used for a message with the same topic and payload, in the same session. It
/// is in the journal (or in the commit at hand) already and must not count twice.
///
/// The last `capacity` messages are remembered; a broker has fewer than that in flight. Lives in
/// journal and checkpoint, so that it outlives the process. Engine thread only.
class Redeliveries {
 public:
  static constexpr std::size_t capacity = 8192;

  /// Whether the message repeats one that was noted. If not, it is noted now, and added to what the
  /// next journal record says. A message of QoS 0 never is one.
  bool repeats(const Batch::Message& message);

  /// Moves what was noted since the last call into the record.
  void take(JournalRecord& record);
  /// Notes what a record says.
  void replay(const JournalRecord& record);

  void save(ByteWriter& out) const;
  bool load(ByteReader& in);  ///< false: these are not bytes of `save`

 private:
  void begin_session();
  void note(const Delivery& delivery);

  std::uint32_t session_ = 0;
  std::vector<std::uint32_t> known_;  ///< hashes by packet id, 0: none; empty: nothing yet
  std::deque<Delivery> order_;        ///< of the notes, oldest first
  std::vector<Delivery> fresh_;
  bool new_session_ = false;
};

/// Of topic and payload, never 0; the same on every machine, as it is stored.
std::uint32_t delivery_hash(std::string_view topic, std::string_view payload);

}  // namespace weir
