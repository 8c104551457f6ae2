#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/kafka_handle.hpp"
#include "store/store.hpp"

namespace weir {

/// The value of the record that says what was delivered: JSON, so that a person can read it.
std::string encode_position(const Position& position);
/// Strict on purpose: only what encode_position writes is taken for a position.
std::optional<Position> decode_position(std::string_view text);

/// The key of that record: of one gateway and one database.
std::string position_key(const std::string& gateway, const std::string& epoch);

/// What the cluster knows about this gateway.
struct FoundPosition {
  std::optional<Position> position;  ///< as last committed; nothing if there is none
  Timestamp newest{};                ///< over all databases of the gateway; see Position::newest
  std::string notice;  ///< a sentence for the log: the topic was made, can't be verified; or empty
};

/// Makes the position topic if it is missing, refuses one that is not compacted, and reads the
/// record of `key` up to the end that the topic has now, waiting for transactions of other gateways
/// that are open before that end.
/// Requires: an earlier producer of this gateway is fenced (its transactions are over).
/// # Errors
/// `unavailable`: not to be had now. `unsupported`: the topic is not compacted, can't be made, or
/// the record is none of this version; the message says what puts it right.
Result<FoundPosition> recover_position(const KafkaSettings& cluster, const std::string& topic,
                                       const std::string& key, const Log& log,
                                       const Patience& patience);

/// The same for somebody who only looks: makes no topic, and may be asked beside a running weir,
/// whose open transaction it waits for.
/// # Errors
/// As for recover_position; a topic that is missing is `unsupported`, too.
Result<FoundPosition> find_position(const KafkaSettings& cluster, const std::string& topic,
                                    const std::string& key, const Patience& patience);

}  // namespace weir
