#pragma once

#include <cstdint>
#include <vector>

#include "config/bytes.hpp"
#include "firmware-bridge/batch.hpp"
#include "store/store.hpp"

namespace weir {

/// Recognises what the broker delivers again because an acknowledgement was lost: a duplicate whose
/// packet id was last used for a message with the same topic and payload, in the same session. It
/// is in the journal (or in the commit at hand) already and must not count twice.
///
/// The last message of every packet id is remembered, 256 KiB: a broker may have as many in flight.
/// (mosquitto 2.0 sends a backlog of thousands whatever its max_inflight_messages says, and loses
/// the acknowledgements it has not read when the connection ends.) Lives in journal and checkpoint,
/// so that it outlives the process. Engine thread only.
class Redeliveries {
 public:
  /// Whether the message repeats one that was noted. If not, it is noted now, and added to what the
  /// next journal record says. A message of QoS 0 never is one.
  bool repeats(const Batch::Message& message);

  /// Moves what was noted since the last call into the record.
  void take(JournalRecord& record);
  /// Notes what a record says.
  void replay(const JournalRecord& record);

  /// Runs of packet ids that are known: the number of runs; for each its first id, its length, and
  /// the hashes, four bytes each. A broker that counts up leaves one run.
  void save(ByteWriter& out) const;
  /// False: these are not bytes of `save`. Without `runs`, each id stands before its hash.
  bool load(ByteReader& in, bool runs = true);

 private:
  void note(const Delivery& delivery);

  std::uint32_t session_ = 0;
  std::vector<std::uint32_t> known_;  ///< hashes by packet id, 0: none; empty: nothing yet
  std::vector<Delivery> fresh_;
  bool new_session_ = false;
};

/// Of topic and payload, never 0; the same on every machine, as it is stored.
std::uint32_t delivery_hash(std::string_view topic, std::string_view payload);

}  // namespace weir
