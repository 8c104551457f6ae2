#include "store/audit.hpp"

#include "store/checkpoints.hpp"
#include "store/gaps.hpp"
#include "store/journal.hpp"
#include "store/outbox.hpp"
#include "store/row.hpp"

namespace weir {

namespace {

class Auditor {
 public:
  Auditor(Database& database, const Position& delivered, const AuditProgress& progress)
      : database_(database), delivered_(delivered), progress_(progress) {}

  Result<StoreAudit> run() {
    const auto pages = database_.number("PRAGMA page_count");
    if (!pages) return fail(pages.error());
    file_bytes_ = static_cast<std::uint64_t>(*pages) * page_size;
    if (auto uuid = database_.text("SELECT value FROM meta WHERE key = 'uuid'"))
      audit_.uuid = std::move(*uuid);
    if (auto runs = database_.text("SELECT value FROM meta WHERE key = 'runs'"))
      audit_.runs = SeqRuns::parse(*runs).value_or(SeqRuns());
    progress_("pages", 0);
    const auto checked = database_.text("PRAGMA integrity_check(1)");
    audit_.pages = checked ? *checked : checked.error().message;
    look_at_checkpoints();
    look_at_journal();
    for (std::size_t i = 0; i < lane_count; ++i) look_at_lane(static_cast<Lane>(i));
    look_at_dead_letters();
    walk("gaps", "gaps", RowKind::gap, audit_.gaps,
         [](std::uint64_t id, std::string_view content) -> Result<void> {
           if (read_gap(content)) return {};
           return fail(ErrorKind::corrupt, "gap row " + std::to_string(id) + " can't be read");
         });
    return std::move(audit_);
  }

 private:
  /// Calls `use` with the id and the content of each row whose CRC holds.
  template <class Use>
  void walk(std::string_view name, const std::string& from, RowKind kind, StoreAudit::Table& table,
            Use use) {
    auto select = database_.prepare("SELECT rowid, body FROM " + from + " ORDER BY rowid");
    if (!select) {
      table.error = select.error().message;
      return;
    }
    Rows rows = select->query();
    for (auto found = rows.next();; found = rows.next()) {
      if (!found) table.error = found.error().message;
      if (!found || !*found) return;
      const auto id = static_cast<std::uint64_t>(rows.integer(0));
      const std::string_view body = rows.blob(1);
      table.bytes += body.size();
      // A damaged tree may lead to the same pages over and over.
      if (++table.rows > file_bytes_ || table.bytes > file_bytes_) {
        table.error = "it has more rows than the file has room for";
        return;
      }
      progress_(name, table.rows);
      const auto content = open_row(body, kind, id);
      const auto used = content ? use(id, *content) : Result<void>(fail(content.error()));
      if (!used && table.damaged++ == 0) table.first_damage = used.error().message;
    }
  }

  void look_at_checkpoints() {
    auto checkpoints = Checkpoints::open(database_);
    if (!checkpoints) {
      audit_.checkpoints.error = checkpoints.error().message;
      return;
    }
    struct Parts {
      const Checkpoints::Header* header;
      std::uint64_t rows, bytes;
    };
    Parts parts[] = {{checkpoints->newest(), 0, 0}, {checkpoints->kept(), 0, 0}};
    walk("checkpoint", "checkpoint", RowKind::checkpoint, audit_.checkpoints,
         [&](std::uint64_t id, std::string_view content) -> Result<void> {
           for (Parts& part : parts) {
             if (!part.header || part.header->generation != id >> 20 || (id & 0xfffff) == 0)
               continue;
             ++part.rows;
             part.bytes += content.size();
           }
           return {};
         });
    const auto found = [](const Parts& part) -> std::optional<StoreAudit::Checkpoint> {
      if (!part.header) return std::nullopt;
      const bool whole = part.rows == part.header->parts && part.bytes == part.header->state_size;
      return StoreAudit::Checkpoint{
          part.header->journal_seq, part.header->state_size, whole, 0, {}};
    };
    audit_.newest = found(parts[0]);
    audit_.before = found(parts[1]);
    if (checkpoints->newest()) tail_ = checkpoints->newest()->tail;
    if (auto read = checkpoints->read()) {
      folded_ = read->journal_seq;
      audit_.state = std::move(read->state);
    } else if (audit_.checkpoints.whole()) {
      audit_.checkpoints.error = read.error().message;
    }
  }

  void look_at_journal() {
    walk("journal", "journal", RowKind::journal, audit_.journal,
         [](std::uint64_t slot, std::string_view content) -> Result<void> {
           if (content.size() == Journal::slot_size - begin_row().size()) return {};
           return fail(ErrorKind::corrupt,
                       "journal row " + std::to_string(slot) + " is of a wrong size");
         });
    // The journal keeps what it knows of each block: not of a tree that does not end.
    audit_.replay_error = audit_.journal.error;
    if (!audit_.replay_error.empty()) return;
    if (auto read = read_journal(); !read) audit_.replay_error = read.error().message;
  }

  Result<void> read_journal() {
    auto journal = Journal::open(database_);
    if (!journal) return fail(journal.error());
    for (auto* checkpoint : {&audit_.newest, &audit_.before}) {
      if (!*checkpoint) continue;
      const auto count = [&](JournalRecord&&) { ++(*checkpoint)->behind; };
      if (auto read = replay_journal(*journal, (*checkpoint)->journal_seq, count); !read)
        (*checkpoint)->error = read.error().message;
    }
    const auto last = journal->last();
    if (!last) return fail(last.error());
    audit_.last_record = last->seq;
    Tail tail;
    ByteReader in(last->bytes);
    const bool newer = !audit_.newest || last->seq >= audit_.newest->journal_seq;
    if (last->seq != 0 && newer && read_tail(in, tail)) tail_ = tail;
    audit_.issued = tail_.next_seq - 1;
    for (std::size_t i = 0; i < lane_count; ++i) audit_.outbox[i].counted = tail_.waiting[i];
    return replay_journal(*journal, folded_,
                          [&](JournalRecord&& record) { audit_.delta.add(record.delta); });
  }

  void look_at_lane(Lane lane) {
    StoreAudit::Lane& found = audit_.outbox[index(lane)];
    const std::uint64_t delivered = delivered_.delivered[index(lane)];
    walk("outbox " + std::string(lane_name(lane)), "outbox_" + std::to_string(index(lane)),
         outbox_row(lane), found, [&](std::uint64_t seq, std::string_view content) -> Result<void> {
           found.last_seq = std::max(found.last_seq, seq);
           if (seq <= delivered) ++found.delivered;
           ByteReader in(content);
           read_inserted(in);
           if (auto output = decode_output(in.rest()); !output)
             return fail(output.error().kind,
                         "outbox row " + std::to_string(seq) + ": " + output.error().message);
           return {};
         });
  }

  void look_at_dead_letters() {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    walk("dead letters", "dead_letters", RowKind::dead_letter, audit_.dead_letters,
         [](std::uint64_t, std::string_view content) -> Result<void> {
           if (auto letter = read_dead_letter(content); !letter) return fail(letter.error());
           return {};
         });
    if (auto id = database_.number("SELECT min(id) FROM dead_letters"))
      first = static_cast<std::uint64_t>(*id);
    if (auto id = database_.number("SELECT max(id) FROM dead_letters"))
      last = static_cast<std::uint64_t>(*id);
    const std::uint64_t ids = last == 0 ? 0 : last - first + 1;
    if (ids > audit_.dead_letters.rows) audit_.letters_missing = ids - audit_.dead_letters.rows;
  }

  Database& database_;
  const Position& delivered_;
  const AuditProgress& progress_;
  StoreAudit audit_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t folded_ = 0;  ///< the record of the checkpoint that can be read
  Tail tail_;
};

}  // namespace

Result<StoreAudit> audit_database(Database& database, const Position& delivered,
                                  const AuditProgress& progress) {
  Transaction snapshot(database);
  if (auto begun = snapshot.begin_read(); !begun) return fail(begun.error());
  return Auditor(database, delivered, progress).run();
}

}  // namespace weir
