#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/bounds.hpp"
#include "store/checkpoints.hpp"
#include "store/coarsening.hpp"
#include "store/dead_letters.hpp"
#include "store/directory.hpp"
#include "store/gaps.hpp"
#include "store/journal.hpp"
#include "store/outbox.hpp"

namespace weir {

/// The Store on SQLite. Every figure it keeps in memory changes only after a COMMIT succeeded, so
/// that a commit which failed can be tried again and counts once.
class SqliteStore : public Store {
 public:
  SqliteStore(const StoreOptions& options, DataDirectory directory);

  /// Opens the database in the directory; called once.
  /// # Errors
  /// Also `corrupt`: set it aside and make a new store.
  Result<void> load();
  /// Why results are evicted when max_size is reached.
  static constexpr std::string_view store_full = "store_full";

  DataDirectory release_directory() { return std::move(directory_); }

  const std::string& uuid() const override { return uuid_; }
  const std::optional<std::string>& set_aside() const override { return set_aside_; }
  Result<Checkpoint> checkpoint() override;
  Result<void> replay(std::uint64_t after,
                      const std::function<void(JournalRecord&&)>& record) override;
  std::uint64_t last_journal_seq() const override { return last_seq_; }
  bool recounted() const override { return recounted_; }
  const SeqRuns& seq_runs() const override { return runs_; }
  Result<Receipt> commit(const Commit& commit) override;
  Result<void> sync() override;
  bool checkpoint_due() const override;
  Result<void> write_checkpoint(std::string_view state) override;
  Stats stats() const override { return stats_; }

 private:
  /// An output on its way to the outbox.
  struct Entry {
    Lane lane;
    const Output* output;  ///< null: it is an announcement
    std::string body;      ///< not sealed yet
    bool kept = true;      ///< false: no room, evicted before it was stored
    std::uint64_t cost() const { return row_cost(body.size()); }
  };
  /// What a commit has changed so far; becomes ours when it is durable.
  struct Pending {
    explicit Pending(const Commit& from);
    const Commit& commit;
    std::vector<Entry> entries;
    std::vector<DeadLetter> letters;
    std::uint64_t cost = 0;  ///< of what will be written, results included: bytes of pages
    Ledger delta;
    Tail tail;
    Gaps gaps;
    bool gaps_changed = false;
    Coarsening coarsening;
    DeadLetters::Ids letter_ids;
    std::array<std::uint64_t, lane_count> removed{};
    std::array<Timestamp, lane_count> oldest{};
    std::array<bool, lane_count> changed{};  ///< its oldest entry may be another now
    std::uint64_t journal_bytes = 0;
    bool deleted = false, more_to_delete = false;
    bool over_limit = false;

    /// Of so many rows that are gone those that were said to wait: a damaged page may hold more.
    std::uint64_t leave(Lane lane, std::uint64_t rows);
    void give_up(Lane lane, std::string_view reason, std::optional<Gap> gap);
  };

  Result<void> configure();
  Result<void> load_tail();
  Result<void> remove_unknown();
  Result<void> begin_run(std::uint64_t gap);
  Result<void> compact();

  Lane lane_of(const Output& output, const Moment& now) const;
  void encode(Pending& pending) const;
  void announce_gaps(Pending& pending) const;
  Result<void> plan_coarsening(Pending& pending);
  bool near_limit(std::uint64_t used, const Pending& pending, std::uint64_t margin) const;
  void limit_results(Pending& pending) const;
  static void leave_out(Entry& entry, Pending& pending);
  Result<void> apply(Pending& pending);
  Result<void> remove_delivered(Pending& pending);
  Result<void> give_up_repeats(Pending& pending);
  Result<void> coarsen(Pending& pending);
  Result<void> make_room(Pending& pending);
  Result<void> evict(Lane lane, std::uint64_t rows, Pending& pending);
  Result<void> insert_results(Pending& pending);
  Result<std::uint64_t> first_left(Lane lane, std::uint64_t removed);
  Result<void> miss_rows(Pending& pending);
  Result<void> insert_letters(Pending& pending);
  Result<void> write_gaps(const Pending& pending);
  Result<void> insert_record(Pending& pending);
  Result<void> find_oldest(Pending& pending);
  Result<void> change_uuid(const Pending& pending);
  void adopt(const Pending& pending);

  Result<std::uint64_t> used_pages();
  Result<void> make_wal_room(std::uint64_t bytes);
  void move_wal();
  void measure_files();
  Error failed(Error error);

  StoreOptions options_;
  Bounds bounds_;
  DataDirectory directory_;
  std::unique_ptr<Database> database_;
  std::optional<Outbox> outbox_;
  std::optional<Journal> journal_;
  std::optional<Checkpoints> checkpoints_;
  std::optional<DeadLetters> letters_;
  std::optional<GapTable> gap_table_;
  Statement page_count_, free_count_;
  std::string uuid_;
  std::optional<std::string> set_aside_;
  std::optional<Error> fatal_;  ///< set: nothing is written any more
  Tail tail_;
  std::uint64_t last_seq_ = 0;
  SeqRuns runs_;
  std::uint64_t state_size_ = 0;  ///< of the last checkpoint, or of the one that found no room
  std::array<std::uint64_t, lane_count> removed_{};  ///< deleted up to this seq, since open
  std::array<std::uint64_t, lane_count> newest_{};   ///< no entry of a lane has a later seq
  bool recounted_ = false;
  bool records_lost_ = false;  ///< their results were there
  Gaps gaps_;
  Position heard_;                      ///< what the last commit said was delivered
  bool coarsened_ = false;              ///< the sweep has merged something
  std::uint64_t coarsened_up_to_ = 0;   ///< where the sweep through the backlog stands
  std::uint64_t coarsen_from_seq_ = 0;  ///< of the outbox, from which a new sweep is worth it
  Stats stats_;
};

}  // namespace weir
