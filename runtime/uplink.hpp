#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/sink.hpp"
#include "store/store.hpp"

namespace weir {

struct UplinkOptions {
  std::string gateway;
  std::string epoch;         ///< the store's uuid
  SeqRuns issued;            ///< what the store gave out; empty: everything
  std::size_t batch = 1000;  ///< records a publish
  Bytes batch_bytes{1u << 20};
  Duration linger{};  ///< how long entries may wait for company
  Duration publish_timeout{};
  Duration retry_min{}, retry_max{};  ///< pause after an error, doubling, with jitter
};

/// Reads the outbox in the order of its lanes, hands the entries to the sink and tells the engine
/// what arrived. Owns its thread; never writes to the store.
class Uplink {
 public:
  /// What the engine must act on in its next commit.
  struct Feedback {
    Position delivered;                    ///< cumulative
    std::vector<Store::Drop> drops;        ///< since the last take
    std::vector<DeadLetter> dead_letters;  ///< one for each drop whose entry could be read
    /// The sink holds a later position than was ever given out: the database is an older copy of
    /// itself, and what it gives out now would pass for delivered. Or it has only results of the
    /// gateway's databases before this one. Nothing is sent any more; the store needs a new uuid,
    /// and the uplink a new life.
    bool forgotten = false;
    std::uint64_t fork = 0;  ///< forgotten: the last seq that the sink and the store have in common
    /// The sink holds no position although results were confirmed: what was confirmed and is not
    /// known here to be (the last moment before a kill, an answer that was lost) goes out again.
    bool position_lost = false;
    /// No more is sent from a lane before what was delivered of it is deleted.
    bool held_up = false;
    /// A page of the outbox is damaged: only a new start can set the database right.
    bool damaged = false;
  };

  /// `reader` and `sink` must outlive it. `wake_engine` is called (from the uplink's thread) when
  /// there is feedback.
  Uplink(UplinkOptions options, OutboxReader& reader, Sink& sink,
         std::function<void()> wake_engine);
  ~Uplink();

  /// What the state knows of the results before this process.
  struct Past {
    bool confirmed = false;  ///< some of this database were: the sink should have a position
    Timestamp told{};  ///< the pipeline began anew behind what the sink has of times before this
    /// EngineState::doubt. Once the sink has said what it has, everything begins anew behind it and
    /// behind what waits up to this seq, as where the database is an older copy.
    std::uint64_t doubt = 0;
  };
  /// Requires: not started yet.
  void set_past(const Past& past);
  void start();
  /// Lets a publish that is under way end, for at most `timeout`.
  void stop(Duration timeout);

  /// Any thread: outputs were committed, or delivered ones deleted.
  void notify();
  /// Engine thread.
  Feedback take_feedback();

  /// One round without a thread: open the sink if need be, read, publish. For the simulator and the
  /// tests. True if something was delivered.
  bool step(Duration timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// About what an output takes as a record.
std::size_t record_bytes(const Output& output);

/// The Kafka record of an output (DESIGN.md section 9): key, JSON value, headers, timestamp.
/// The same entry gives the same bytes, on any machine.
SinkRecord make_record(const OutboxEntry& entry, const std::string& gateway,
                       const std::string& epoch);

/// Until when the centre knows results once it has this one; see Position::newest.
Timestamp told_until(const Output& output);
/// … and once it has all entries of the outbox up to `seq`.
Result<Timestamp> told_until(OutboxReader& outbox, std::uint64_t seq);

}  // namespace weir
