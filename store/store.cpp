#include "store/store.hpp"

#include <filesystem>
#include <limits>

#include "store/store_impl.hpp"

namespace weir {

namespace {

/// Further than any seq that a lost record may have given out.
constexpr std::uint64_t seq_gap = std::uint64_t{1} << 32;

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  auto directory = DataDirectory::take(options.directory);
  if (!directory) return fail(directory.error());
  if (directory->lost_database()) {
    if (auto renamed = directory->set_aside(); !renamed) return fail(renamed.error());
  }
  for (bool again = false;; again = true) {
    auto store = std::make_unique<SqliteStore>(options, std::move(*directory));
    auto loaded = store->load();
    if (loaded) return store;
    const std::string path = options.directory + "/weir.db";
    Error error = loaded.error();
    if (error.kind != ErrorKind::corrupt || again) {
      if (error.kind != ErrorKind::unsupported) error.kind = ErrorKind::unavailable;
      error.message = path + ": " + error.message;
      return fail(std::move(error));
    }
    *directory = store->release_directory();
    store.reset();
    if (auto renamed = directory->set_aside(); !renamed) return fail(renamed.error());
  }
}

SqliteStore::SqliteStore(const StoreOptions& options, DataDirectory directory)
    : options_(options),
      bounds_(Bounds::of(count(options.max_size))),
      directory_(std::move(directory)) {}

Result<void> SqliteStore::load() {
  auto opened = Database::open(directory_.database(), Database::Mode::read_write, options_.vfs);
  if (!opened) return fail(opened.error());
  database_ = std::move(*opened);
  if (auto done = configure(); !done) return done;
  if (auto done = migrate(*database_); !done) return done;
  if (directory_.check_wanted()) {
    const auto found = database_->text("PRAGMA integrity_check(1)");
    if (!found) return fail(found.error());
    if (*found != "ok") return fail(ErrorKind::corrupt, *found);
    directory_.check_done();
    recounted_ = true;
  }
  auto uuid = database_->text("SELECT value FROM meta WHERE key = 'uuid'");
  if (!uuid) return fail(uuid.error());
  if (uuid->size() != 36) return fail(ErrorKind::corrupt, "it has no uuid");
  uuid_ = std::move(*uuid);

  auto page_count = database_->prepare("PRAGMA page_count");
  auto free_count = database_->prepare("PRAGMA freelist_count");
  auto outbox = Outbox::open(*database_);
  auto journal = Journal::open(*database_);
  auto checkpoints = Checkpoints::open(*database_);
  auto letters = DeadLetters::open(*database_, options_);
  auto gap_table = GapTable::open(*database_);
  if (!page_count) return fail(page_count.error());
  if (!free_count) return fail(free_count.error());
  if (!outbox) return fail(outbox.error());
  if (!journal) return fail(journal.error());
  if (!checkpoints) return fail(checkpoints.error());
  if (!letters) return fail(letters.error());
  if (!gap_table) return fail(gap_table.error());
  page_count_ = std::move(*page_count);
  free_count_ = std::move(*free_count);
  outbox_ = std::move(*outbox);
  journal_ = std::move(*journal);
  checkpoints_ = std::move(*checkpoints);
  letters_ = std::move(*letters);
  gap_table_ = std::move(*gap_table);
  auto gaps = gap_table_->read();
  if (!gaps) return fail(gaps.error());
  gaps_ = std::move(*gaps);
  // One that can be read is enough; without any, the journal alone has no beginning.
  if (auto newest = checkpoints_->read(); !newest) return fail(newest.error());
  if (auto done = compact(); !done) return done;
  if (auto done = load_tail(); !done) return done;
  // The first record announces it; who set it aside may not have lived to write one.
  if (last_seq_ == 0) set_aside_ = directory_.newest_set_aside();
  // A new database must survive a power cut as a file, too.
  return directory_.sync();
}

Result<void> SqliteStore::configure() {
  // The cache holds the pages a few commits touch; the rest of the memory is the system's. Debian's
  // SQLite overwrites with zeros what is deleted, which is as much writing again.
  auto set = database_->execute(
      "PRAGMA page_size = " + std::to_string(page_size) +
      ";PRAGMA auto_vacuum = NONE;PRAGMA secure_delete = OFF;PRAGMA cache_size = -2048;"
      "PRAGMA temp_store = MEMORY;PRAGMA mmap_size = 0;PRAGMA cell_size_check = ON;"
      "PRAGMA journal_size_limit = " +
      std::to_string(bounds_.wal_soft));
  if (!set) return set;
  const auto mode = database_->text("PRAGMA journal_mode = WAL");
  if (!mode) return fail(mode.error());
  if (*mode != "wal")
    return fail(ErrorKind::unavailable,
                "no write-ahead log can be made there; data_dir must be on a local disk");
  if (auto done = database_->rewrite_wal(); !done) return done;
  return database_->sync_commits(options_.durability == Durability::power);
}

Result<void> SqliteStore::compact() {
  const auto pages = database_->number("PRAGMA page_count");
  if (!pages) return fail(pages.error());
  const auto used = used_pages();
  if (!used) return fail(used.error());
  // max_size was made smaller. The file follows once what it holds fits.
  if (static_cast<std::uint64_t>(*pages) > bounds_.pages && *used <= bounds_.pages) {
    if (auto done = database_->execute("VACUUM;PRAGMA wal_checkpoint(TRUNCATE)"); !done)
      return done;
  }
  return database_->execute("PRAGMA max_page_count = " + std::to_string(bounds_.pages));
}

Result<void> SqliteStore::load_tail() {
  const auto last = journal_->last();
  if (!last) return fail(last.error());
  if (const auto* kept = checkpoints_->kept()) journal_->release(kept->journal_seq);
  const Checkpoints::Header* checkpoint = checkpoints_->newest();
  const std::uint64_t folded = checkpoint ? checkpoint->journal_seq : 0;
  last_seq_ = std::max(last->seq, folded);
  const auto issued = outbox_->last_seq();
  if (!issued) return fail(issued.error());

  if (checkpoint) tail_ = checkpoint->tail;
  ByteReader in(last->bytes);
  const bool known = last_seq_ == folded || read_tail(in, tail_);
  // The newest records are damaged or lost: leave out what they may have given out.
  const bool lost = !known || !journal_->whole() || tail_.next_seq <= *issued;
  for (const Lane lane : eviction_order) {
    const auto first = outbox_->seq_at(lane, 1);
    if (!first) return fail(first.error());
    if ((*first == 0) != (tail_.waiting[index(lane)] == 0)) recounted_ = true;
  }
  if (lost || recounted_) {
    const std::uint64_t next = tail_.next_seq;
    if (auto removed = remove_unknown(); !removed) return removed;
    const auto counted = outbox_->count();
    if (!counted) return fail(counted.error());
    tail_ = *counted;
    tail_.next_seq = next;
    recounted_ = true;
  }

  const std::uint64_t beyond = *issued < tail_.next_seq ? 0 : *issued + 1 - tail_.next_seq;
  if (auto begun = begin_run(lost ? beyond + seq_gap : 0); !begun) return begun;
  stats_.journal_records = last_seq_ - folded;
  stats_.journal_bytes = stats_.journal_records > 0 ? journal_->bytes_behind(folded) : 0;
  newest_.fill(tail_.next_seq - 1);
  stats_.waiting = tail_.waiting;
  stats_.dead_letters = letters_->ids().rows();
  state_size_ = checkpoint ? checkpoint->state_size : 0;
  for (const Lane lane : eviction_order) {
    const auto oldest = outbox_->oldest(lane);
    if (!oldest) return fail(oldest.error());
    stats_.oldest[index(lane)] = *oldest;
  }
  measure_files();
  return {};
}

/// Takes away what the outbox has of records that are lost: the state knows nothing of it, and
/// would tell the same windows again, with fewer readings.
Result<void> SqliteStore::remove_unknown() {
  Transaction transaction(*database_);
  if (auto begun = transaction.begin(); !begun) return begun;
  for (const Lane lane : eviction_order) {
    std::vector<std::uint64_t> unknown;
    auto scanned = outbox_->scan(lane, tail_.next_seq - 1,
                                 [&](std::uint64_t seq, const OutboxEntry*, std::size_t) {
                                   unknown.push_back(seq);
                                   return true;
                                 });
    if (!scanned) return scanned;
    for (const std::uint64_t seq : unknown) {
      if (auto removed = outbox_->remove(lane, seq); !removed) return fail(removed.error());
    }
    records_lost_ = records_lost_ || !unknown.empty();
  }
  return transaction.commit();
}

/// What the peer has heard of in the `gap` is not of this database any more: it was lost.
Result<void> SqliteStore::begin_run(std::uint64_t gap) {
  const auto known = database_->text("SELECT value FROM meta WHERE key = 'runs'");
  if (!known) return fail(known.error());
  runs_ = SeqRuns::parse(*known).value_or(SeqRuns());
  const std::uint64_t jump = options_.jump != 0 ? options_.jump : random_jump(seq_gap);
  tail_.next_seq = runs_.begin(tail_.next_seq - 1, gap + jump);
  return database_->execute("INSERT OR REPLACE INTO meta VALUES('runs', '" + runs_.text() + "')");
}

Result<Store::Checkpoint> SqliteStore::checkpoint() {
  return checkpoints_->read();
}

Result<void> SqliteStore::replay(std::uint64_t after,
                                 const std::function<void(JournalRecord&&)>& record) {
  auto replayed = replay_journal(*journal_, after, record);
  if (replayed && records_lost_)
    return fail(ErrorKind::corrupt, "the newest records are missing; only their results are there");
  return replayed;
}

Result<void> SqliteStore::sync() {
  if (fatal_) return fail(*fatal_);
  if (options_.durability == Durability::power) return {};
  if (auto done = database_->sync_wal(); !done) return fail(failed(done.error()));
  return {};
}

bool SqliteStore::checkpoint_due() const {
  return stats_.journal_bytes > count(options_.checkpoint_after) &&
         stats_.journal_bytes > 2 * state_size_;
}

Result<void> SqliteStore::write_checkpoint(std::string_view state) {
  if (fatal_) return fail(*fatal_);
  // Also if it fails: the next commits then make that much room.
  state_size_ = state.size();
  const Checkpoints::Terms terms{
      options_.durability == Durability::power,
      [&](std::uint64_t bytes) { return make_wal_room(row_cost(bytes)); }};
  if (auto written = checkpoints_->write(state, last_seq_, tail_, terms); !written)
    return fail(failed(written.error()));
  if (const auto* kept = checkpoints_->kept()) journal_->release(kept->journal_seq);
  stats_.journal_records = 0;
  stats_.journal_bytes = 0;
  ++stats_.checkpoints;
  move_wal();
  measure_files();
  return {};
}

Result<std::uint64_t> SqliteStore::used_pages() {
  Rows count = page_count_.query();
  if (auto found = count.next(); !found) return fail(found.error());
  Rows free = free_count_.query();
  if (auto found = free.next(); !found) return fail(found.error());
  return static_cast<std::uint64_t>(count.integer(0) - free.integer(0));
}

Result<void> SqliteStore::make_wal_room(std::uint64_t bytes) {
  // Besides the rows: inner pages of the trees, free lists, the dead letters that are replaced.
  const std::uint64_t pages = bytes / page_size * 17 / 16 + 128;
  if ((database_->wal_pages() + pages) * frame_size <= bounds_.wal_limit) return {};
  // A log that is empty takes what comes, be it more than its bound: a commit must be possible.
  const auto moved = database_->move_wal(true);
  if (!moved) return fail(moved.error());
  if (!*moved)
    return fail(ErrorKind::unavailable,
                "the write-ahead log is at its bound, and another process that reads the database "
                "keeps it from starting again");
  return {};
}

void SqliteStore::move_wal() {
  if (database_->wal_pages() * frame_size <= bounds_.wal_soft) return;
  // What was committed is safe in the log. Whatever may pass is tried again behind the next commit.
  if (auto moved = database_->move_wal(false); !moved) failed(moved.error());
}

void SqliteStore::measure_files() {
  std::error_code error;
  const auto size_of = [&](const std::string& path) {
    const auto size = std::filesystem::file_size(path, error);
    return Bytes{error ? 0 : size};
  };
  stats_.database = size_of(directory_.database());
  stats_.wal = size_of(directory_.database() + "-wal");
}

/// Remembers what makes the store of no further use.
Error SqliteStore::failed(Error error) {
  if (error.kind == ErrorKind::corrupt) {
    want_check(directory_.path());
    error.kind = ErrorKind::fatal;
  }
  if (error.kind == ErrorKind::fatal) fatal_ = error;
  return error;
}

}  // namespace weir
