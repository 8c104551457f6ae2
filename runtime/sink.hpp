#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/result.hpp"
#include "config/units.hpp"
#include "store/store.hpp"

namespace weir {

/// One record as it goes to the centre; the encoding is done.
struct SinkRecord {
  std::string topic;
  std::string key;
  std::string value;
  Timestamp timestamp{};
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Where results go. Two implementations: Kafka, and a fake for tests that can be corked.
///
/// Uplink thread only, except `status()` and `cancel()`. Protocol: `(open publish*)*`; after any
/// error of publish, `open` again: the sink then says what really arrived.
class Sink {
 public:
  struct Status {
    std::string name;  ///< "kafka"
    std::string peer;  ///< brokers
    bool connected = false;
    std::string state;     ///< a sentence
    std::string delivery;  ///< what holds now: "exactly-once" or "at-least-once"
    std::uint64_t transactions = 0, aborted = 0, errors = 0, records = 0, bytes = 0;
  };

  virtual ~Sink() = default;

  /// Makes a session and finds out what the peer already has. Returns the position it holds for
  /// this gateway and this database; nothing if it knows of none or can't tell (at-least-once).
  /// Where it knows of other databases of this gateway only: one that has delivered nothing, with
  /// their `newest`.
  /// # Errors
  /// `unavailable`, `timeout`: try again later. `unsupported`: the peer refuses for good (say what
  /// to change); trying again is harmless.
  virtual Result<std::optional<Position>> open(Duration timeout) = 0;

  /// Delivers the records and the position behind them, all or nothing where the peer can do that.
  /// Returns when the peer has confirmed them.
  /// # Errors
  /// `invalid`: the peer refuses the record at `rejected()` for good; nothing was delivered (in a
  /// session without a position: others may have been). `full`: refused as one batch, nothing was
  /// delivered; publish fewer at a time. Any other: the outcome is unknown; call `open`.
  virtual Result<void> publish(std::span<const SinkRecord> records, const Position& behind,
                               Duration timeout) = 0;
  /// After `invalid`: the index of the record that was refused.
  virtual std::size_t rejected() const = 0;

  /// Any thread, for good: calls that are under way or come later end soon, as `unavailable` or
  /// `timeout`.
  virtual void cancel() = 0;

  virtual Status status() const = 0;  ///< any thread
};

}  // namespace weir
