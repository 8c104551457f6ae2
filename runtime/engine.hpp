#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware-bridge/inbox.hpp"
#include "firmware-bridge/router.hpp"
#include "firmware-bridge/source.hpp"
#include "operators/pipeline.hpp"
#include "runtime/clock.hpp"
#include "runtime/commit_pace.hpp"
#include "runtime/engine_state.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/uplink.hpp"
#include "store/store.hpp"

namespace weir {

struct EngineOptions {
  std::string gateway, version, config_path;
  Duration commit_interval{};
  Duration sync_interval{};  ///< how long a commit may stay unsynced; 0: the store syncs each
  Bytes inbox_limit{};
  Bytes store_limit{};
  Bytes sample_payload{};               ///< bytes of a refused payload that are kept
  std::string configuration;            ///< what the pipeline shall do; empty: what it does already
  std::string gap_topic = "weir.gaps";  ///< where it is announced that readings were lost
};

/// What the engine works with; all outlive it.
struct EngineParts {
  const Clock& clock;
  Inbox& inbox;
  Ingest& ingest;
  SeriesTable& table;
  Pipeline& pipeline;
  Store& store;
  Source& source;
  Uplink& uplink;
  Sink& sink;
  SnapshotBoard& board;
};

/// The one thread that decides anything: inbox → journal and pipeline → one transaction →
/// acknowledge. What a commit holds is made once and then retried until it is stored, so a full
/// disk stops ingest (the inbox fills, the source stops reading) and loses nothing.
///
/// One thread at a time. Protocol: `recover step* stop`.
class Engine {
 public:
  Engine(EngineOptions options, EngineParts parts);

  /// Loads the checkpoint and folds the journal behind it into the pipeline. Nothing is emitted by
  /// that: what these records emitted is in the outbox since they were committed.
  /// # Errors
  /// `corrupt`: the checkpoint can't be read by this version.
  Result<void> recover();

  /// One round: waits for messages, feedback of the uplink or time, at most `max_wait`; commits
  /// when that is due. # Errors `fatal`: the store can't go on. What was not acknowledged comes
  /// back from the broker.
  Result<void> step(Duration max_wait);

  /// The cluster knew of results that this database does not. That is committed; the process, or at
  /// least everything in it, must start anew.
  bool restart_wanted() const { return restart_wanted_; }

  /// The pipeline does from the next commit on what `configuration` says: a dimension table
  /// changed.
  void configure(std::string configuration);
  /// One changed and can't be used. That is counted.
  void refuse_table() { delta_.add(Counter::tables_refused, 1); }

  /// Commits what waits by now, acknowledges it and writes a checkpoint.
  Result<void> stop();

  const Ledger& ledger() const { return ledger_; }

 private:
  Moment now() const;
  std::uint64_t ingest_waiting();  ///< how many messages
  void take(const Batch::Message& message, const Moment& now);
  /// With `messages` more than the pace knows of: nothing more goes into this commit.
  bool commit_full(std::uint64_t messages) const;
  bool commit_due(const Moment& now) const;
  std::optional<Duration> tick_due() const;
  void take_feedback(const Moment& now);
  void keep_sample(const Batch::Message& message, const Ingest::Taken& taken);
  void keep_quarantined(Store::Commit& commit);
  void prepare_commit(const Moment& now);
  void fold(const JournalRecord& record, Outputs& out);
  void reconfigure(const std::string& configuration, Outputs& out);
  bool configuration_is_news() const;
  Result<void> try_commit(const Moment& now);
  Result<void> sync_if_due(const Moment& now);
  Result<void> committed(const Store::Receipt& receipt, const Moment& after);
  void announce_gap(std::string reason, const Moment& now);
  void note_clock(const Moment& now);
  Result<void> write_checkpoint();
  Result<void> load_checkpoint(std::string_view state);
  Result<void> replay_journal(std::uint64_t after);
  bool introduce(const JournalRecord& record);
  void settle_results();
  Result<void> survive_damage(const std::string& what, std::uint64_t left_out);
  void post_snapshot(const Moment& now, bool force);
  Duration wait_for(const Moment& now, Duration max_wait) const;
  EngineState whole_state();

  EngineOptions options_;
  EngineParts parts_;
  Ledger ledger_;

  // Collected since the last commit.
  std::vector<Batch> batches_;
  std::vector<Reading> readings_;
  std::size_t commit_readings_ = 1024;  ///< a commit is full with so many
  std::vector<AckToken> acks_;
  std::vector<DeadLetter> dead_letters_;
  IngestCounts counts_;
  Ledger delta_;
  Outputs announcements_;  ///< of gaps
  SeriesTable::Mark journaled_mark_;
  Uplink::Feedback feedback_;
  std::optional<Duration> feedback_since_;
  CommitPace pace_;
  Redeliveries redeliveries_;
  std::uint64_t doubt_ = 0;  ///< EngineState::doubt

  // Prepared and not yet stored.
  std::unique_ptr<Store::Commit> commit_;
  std::vector<AckToken> commit_acks_;
  SeriesTable::Mark commit_mark_;
  std::optional<Duration> sync_at_;  ///< when what was committed must be synced
  std::string store_error_;
  Duration retry_at_{0}, retry_pause_{0};

  Duration elapsed_offset_{0};  ///< what makes `elapsed` go on where the last process left it
  Moment last_;                 ///< of the newest record
  Moment observed_;             ///< to notice a jump of the wall clock
  Moment started_;
  Duration snapshot_at_{0};
  Histogram commit_seconds_;
  bool configuration_due_ = false;  ///< the next record says what the pipeline does from there on
  bool restart_wanted_ = false, over_limit_ = false, merging_ = false, replaying_ = true,
       stopping_ = false;
};

}  // namespace weir
