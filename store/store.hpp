#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/params.hpp"
#include "operators/output.hpp"
#include "operators/reading.hpp"
#include "store/ledger.hpp"
#include "store/seq_runs.hpp"

namespace weir {

enum class Durability {
  power,    ///< synced before `commit` returns: survives a power cut
  process,  ///< written before `commit` returns: survives the end of the process
};

/// `[store]` of the configuration.
struct StoreOptions {
  std::string directory;  ///< gateway.data_dir; made if absent
  Bytes max_size{256u << 20};
  Durability durability = Durability::power;
  Duration commit_interval{};  ///< how long a message may wait for its commit
  Duration sync_interval{};    ///< durability process: how long a commit may stay unsynced
  Duration backlog_after = std::chrono::minutes(5);  ///< older results do not delay live ones
  std::string gap_topic = "weir.gaps";               ///< where lost results are announced
  Bytes checkpoint_after{1u << 20};   ///< journal bytes after which a checkpoint is due
  std::uint32_t dead_letters = 1000;  ///< rows kept
  Bytes dead_letter_payload{1024};    ///< bytes of each payload kept
  std::string vfs;                    ///< of SQLite; empty: the system's. For fault injection.
  std::uint64_t jump = 0;             ///< before the seqs of this start; 0: random. For simulation.

  /// Reads `[store]` and `gateway.data_dir`.
  static StoreOptions read(Params& root);
};

/// A message that is in the journal and may not be acknowledged yet, as far as the broker knows.
struct Delivery {
  std::uint16_t packet_id = 0;
  std::uint32_t hash = 0;  ///< of topic and payload
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

/// Everything that may influence results, as one record of the journal: what happened (readings,
/// or nothing but the passing of time) and when.
struct JournalRecord {
  std::uint64_t seq = 0;  ///< 1, 2, 3 … without a gap
  Moment now;
  std::string dictionary;  ///< SeriesTable::write_since the record before; empty: nothing new
  std::vector<Reading> readings;
  Ledger delta;  ///< what this commit adds to the ledger
  /// History was lost, and the peer was told about times before this: windows that began earlier
  /// are forgotten, and what detectors know. Before the readings of this record.
  std::optional<Timestamp> begin_anew;
  /// From here on, before the readings of this record, the pipeline does what this says.
  std::optional<std::string> configuration;
  bool new_session = false;          ///< the broker began a new session before these …
  std::vector<Delivery> deliveries;  ///< … messages of QoS 1 and 2, in order
};

/// A payload that could not be used, or a reading in quarantine, kept as a bounded sample.
struct DeadLetter {
  std::int64_t id = 0;  ///< of the row, once stored
  Timestamp time{};     ///< arrival, or the event time of a quarantined reading
  std::string source;   ///< name of the source; empty: no source's topic matched
  std::string topic;
  std::string reason;              ///< a word: "undecodable", "series_limit", "quarantined" …
  std::string message;             ///< a sentence
  std::string payload;             ///< cut to dead_letter_payload
  std::uint64_t payload_size = 0;  ///< before the cut
};

/// So many entries at the front of a lane may be with the peer already, without the store knowing:
/// the uplink sends no further before it hears that they were deleted, and the store leaves them as
/// they are.
constexpr std::size_t outbox_in_flight = 4096;

/// Last seq delivered in each lane; 0 = nothing yet.
struct Position {
  std::array<std::uint64_t, lane_count> delivered{};
  /// No rollup that was delivered ends later, no alert is of that time or later.
  Timestamp newest{};
  friend bool operator==(const Position&, const Position&) = default;
};

/// One SQLite database in WAL mode: journal, checkpoint, outbox, dead letters. The format is
/// described at the top of schema.hpp.
///
/// Engine thread only (the uplink has an OutboxReader of its own). After `fatal` the object is of
/// no further use: stop the process; what was not acknowledged comes back from the broker.
class Store {
 public:
  virtual ~Store() = default;

  /// Opens or makes the database and migrates an older version. A database that SQLite can't open
  /// or that fails its check is renamed to `weir.db.damaged-N` and a new one is made; `set_aside()`
  /// says so.
  /// # Errors
  /// `unavailable`: the directory can't be made, written to, or another weir holds it;
  /// `unsupported`: a newer weir wrote it. Both name the path and the remedy.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);

  /// Made with the database, 36 characters; tells a replaced database from the old one.
  virtual const std::string& uuid() const = 0;
  /// Path of the damaged database that this one follows, if any: at the start that renamed it, and
  /// at later ones as long as there is no record.
  virtual const std::optional<std::string>& set_aside() const = 0;

  struct Checkpoint {
    std::uint64_t journal_seq = 0;  ///< the last record that is folded into it; 0 = none
    std::string state;              ///< as the engine wrote it
  };
  /// The newest checkpoint whose CRC holds. An empty state if there is none.
  /// # Errors
  /// `corrupt`: there are checkpoints, none can be read.
  virtual Result<Checkpoint> checkpoint() = 0;
  /// Calls `record` for every record behind `after` that can be read, in order.
  /// # Errors
  /// `corrupt`: some can't, or are missing: the seqs of those that were handed over leave gaps.
  virtual Result<void> replay(std::uint64_t after,
                              const std::function<void(JournalRecord&&)>& record) = 0;
  virtual std::uint64_t last_journal_seq() const = 0;
  /// Whether something was found damaged, and what waits was counted row by row.
  virtual bool recounted() const = 0;
  /// The outbox seqs that were given out, as far as this database knows.
  virtual const SeqRuns& seq_runs() const = 0;

  /// An outbox entry that will never be delivered: refused by the peer for good, or damaged.
  struct Drop {
    Lane lane = Lane::live;
    std::uint64_t seq = 0;
    std::string reason;  ///< counted as results_evicted: "refused_by_peer", "damaged"
  };
  struct Commit {
    JournalRecord record;  ///< seq = last_journal_seq() + 1
    Outputs outputs;       ///< quarantined ones go to the dead letters, others to the outbox
    std::vector<DeadLetter> dead_letters;
    Position delivered;  ///< outbox rows up to here are deleted, lane by lane
    /// What the peer knows under the old one is not of this database; results made since `open`
    /// that may repeat what it knows (of windows before record.begin_anew) are given up.
    bool new_uuid = false;
    std::uint64_t fork = 0;  ///< new_uuid: the last seq that is of the history the peer knows
    std::vector<Drop> drops;
  };
  struct Receipt {
    Ledger delta;                     ///< record.delta with what the store itself counted
    std::uint64_t journal_bytes = 0;  ///< encoded size of the record
    bool deleted = false;             ///< entries that were delivered or dropped are gone
    bool more_to_delete = false;      ///< one commit deletes so many; the next goes on
    bool merged = false;              ///< max_size is near; backlog became coarser windows
    bool over_limit = false;          ///< max_size is reached; something was evicted
  };
  /// One transaction: deletes what was delivered, makes room near max_size (first the backlog's
  /// rollups are merged into coarser windows, then the oldest results are evicted, alerts last),
  /// appends outputs with ascending seqs that are never used twice, appends the record. What was
  /// given up is announced by an output of its own, once results arrive at the peer again. All or
  /// nothing; when it returns without error it is as durable as `options.durability` says. May be
  /// called again with the same commit after an error.
  /// # Errors
  /// `full` (disk full), `unavailable` (read-only, I/O error that may pass): try again later.
  /// `fatal`: a sync failed or the store is inconsistent.
  virtual Result<Receipt> commit(const Commit& commit) = 0;

  /// Makes everything committed so far survive a power cut; nothing to do with durability power.
  /// # Errors
  /// `fatal`: a sync failed.
  virtual Result<void> sync() = 0;

  /// Whether enough journal was written since the last checkpoint to make one worth it: more than
  /// checkpoint_after and more than twice the state it would write.
  virtual bool checkpoint_due() const = 0;
  /// Stores the state that belongs to last_journal_seq() and deletes the journal up to it, keeping
  /// the checkpoint before until the new one is durable.
  virtual Result<void> write_checkpoint(std::string_view state) = 0;

  struct Stats {
    Bytes database{}, wal{};
    std::array<std::uint64_t, lane_count> waiting{};  ///< outbox entries by lane
    std::array<Timestamp, lane_count> oldest{};  ///< wall time of the oldest entry, epoch if none
    std::uint64_t journal_records = 0, journal_bytes = 0;  ///< behind the checkpoint
    std::uint64_t dead_letters = 0;                        ///< rows now
    std::uint64_t commits = 0, checkpoints = 0;            ///< since open
  };
  /// Cheap: kept in memory, not counted by queries.
  virtual Stats stats() const = 0;
};

/// An entry of the outbox as the uplink sees it.
struct OutboxEntry {
  std::uint64_t seq = 0;
  Lane lane = Lane::live;
  Timestamp inserted{};  ///< wall time of the commit that produced it
  Output output;
};

/// The uplink's own read-only view of the outbox. Uplink thread only; reads beside the engine's
/// writes without blocking them.
class OutboxReader {
 public:
  virtual ~OutboxReader() = default;
  /// Requires: a Store of these options is open.
  static Result<std::unique_ptr<OutboxReader>> open(const StoreOptions& options);

  /// Entries of the lane behind `after`, in order, at most `max_entries` and about `max_bytes`
  /// (at least one). An entry whose CRC fails is left out and its seq appended to `damaged`.
  virtual Result<std::vector<OutboxEntry>> read(Lane lane, std::uint64_t after,
                                                std::size_t max_entries, Bytes max_bytes,
                                                std::vector<std::uint64_t>& damaged) = 0;
  /// How many entries of the lane there are up to `seq`; `limit` if there are more.
  virtual Result<std::size_t> entries_up_to(Lane lane, std::uint64_t seq, std::size_t limit) = 0;
};

struct StoreAudit;

/// For `weir dlq` and `weir doctor` beside a running weir, and for tests. Read-only: it changes no
/// file, and makes none where nobody else has the database open.
class StoreInspector {
 public:
  virtual ~StoreInspector() = default;
  static Result<std::unique_ptr<StoreInspector>> open(const std::string& directory);
  virtual Result<std::vector<DeadLetter>> dead_letters(std::optional<std::string> reason,
                                                       std::size_t limit) = 0;  ///< newest first
  virtual Result<DeadLetter> dead_letter(std::int64_t id) = 0;
  /// The journal behind the checkpoint, for `weir replay` of a copied database; the checkpoint too.
  virtual Result<Store::Checkpoint> checkpoint() = 0;
  virtual Result<void> replay(std::uint64_t after,
                              const std::function<void(JournalRecord&&)>& record) = 0;
  virtual Result<std::string> uuid() = 0;
  /// Looks at everything; see audit.hpp. `delivered`: what the peer is known to have.
  /// # Errors
  /// `unavailable`: nothing can be read, or weir was started meanwhile: ask again.
  virtual Result<StoreAudit> audit(
      const Position& delivered,
      const std::function<void(std::string_view table, std::uint64_t rows)>& progress) = 0;
};

// The codecs, for tests and for the codec benchmarks. Format and version are in schema.hpp.
std::string encode_record(const JournalRecord& record);  ///< without CRC
Result<JournalRecord> decode_record(std::string_view bytes);
std::string encode_output(const Output& output);
Result<Output> decode_output(std::string_view bytes);

}  // namespace weir
