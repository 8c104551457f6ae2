#include "store/journal.hpp"

#include <algorithm>

#include "store/row.hpp"

namespace weir {

/// The bytes of consecutive blocks, one after the other.
class Journal::Stream {
 public:
  Stream(Journal& journal, std::size_t block, std::size_t at)
      : journal_(journal), block_(block), at_(at) {}

  /// The next record's bytes; false: there are no more.
  Result<bool> next(std::string& record) {
    std::uint64_t size = 0;
    for (unsigned shift = 0; shift < 64;) {
      const auto byte = take();
      if (!byte) return fail(byte.error());
      if (!*byte) return shift == 0 ? Result<bool>(false) : broken();
      const auto bits = static_cast<unsigned char>(**byte);
      size |= std::uint64_t{bits & 127u} << shift;
      shift += 7;
      if (bits >= 128) continue;
      if (size != 0) break;
      // Zeros fill what was the last block at a stop.
      at_ = payload_.size();
      shift = 0;
    }
    if (size > (journal_.blocks_.size() - block_) * payload_size) return broken();
    record.clear();
    while (record.size() < size) {
      const auto there = load();
      if (!there) return fail(there.error());
      if (!*there) return broken();
      const auto left = static_cast<std::size_t>(size - record.size());
      const auto piece = std::string_view(payload_).substr(at_, left);
      record += piece;
      at_ += piece.size();
    }
    return true;
  }

  std::size_t block() const { return block_; }  ///< the one it stands in

 private:
  static tl::unexpected<Error> broken() {
    return fail(ErrorKind::corrupt, "the journal ends in the middle of a record");
  }

  Result<std::optional<char>> take() {
    const auto there = load();
    if (!there) return fail(there.error());
    if (!*there) return std::nullopt;
    return payload_[at_++];
  }

  /// Makes at least one byte available; false: there is no further block.
  Result<bool> load() {
    if (loaded_ && at_ < payload_.size()) return true;
    if (loaded_) {
      if (block_ + 1 == journal_.blocks_.size()) return false;
      const std::uint64_t number = journal_.blocks_[block_].number;
      if (journal_.blocks_[block_ + 1].number != number + 1)
        return fail(ErrorKind::corrupt, "block " + std::to_string(number + 1) +
                                            " of the journal is damaged or missing");
      ++block_;
      at_ = 0;
    }
    const std::size_t slot = journal_.blocks_[block_].slot;
    Rows rows = journal_.select_.query(static_cast<std::uint64_t>(slot));
    const auto found = rows.next();
    if (!found) return fail(found.error());
    const auto whole = *found ? open_slot(slot, rows.blob(1)) : std::nullopt;
    if (!whole || whole->block.number != journal_.blocks_[block_].number)
      return fail(ErrorKind::corrupt,
                  "slot " + std::to_string(slot) + " of the journal is damaged");
    payload_ = whole->payload;
    loaded_ = true;
    return at_ < payload_.size() ? Result<bool>(true) : broken();
  }

  Journal& journal_;
  std::size_t block_, at_;
  bool loaded_ = false;
  std::string payload_;
};

Result<Journal> Journal::open(Database& database) {
  Journal journal;
  auto select = database.prepare("SELECT slot, body FROM journal WHERE slot = ?1");
  if (!select) return fail(select.error());
  auto write = database.prepare(
      "INSERT INTO journal VALUES(?1, ?2) ON CONFLICT(slot) DO UPDATE SET body = excluded.body");
  if (!write) return fail(write.error());
  journal.select_ = std::move(*select);
  journal.write_ = std::move(*write);

  auto all = database.prepare("SELECT slot, body FROM journal ORDER BY slot");
  if (!all) return fail(all.error());
  std::vector<Block> blocks;
  Rows rows = all->query();
  for (auto found = rows.next();; found = rows.next()) {
    if (!found) return fail(found.error());
    if (!*found) break;
    const auto slot = static_cast<std::size_t>(rows.integer(0));
    if (const auto whole = open_slot(slot, rows.blob(1)))
      blocks.push_back(whole->block);
    else
      journal.damaged_.push_back(slot);
  }
  std::size_t slots = 0;
  for (const Block& block : blocks) slots = std::max(slots, block.slot + 1);
  // The id of a damaged row may be anything: one that is far off is not written to again.
  std::erase_if(journal.damaged_, [&](std::size_t slot) { return slot > 2 * slots + 16; });
  for (const std::size_t slot : journal.damaged_) slots = std::max(slots, slot + 1);
  journal.used_.resize(slots);
  for (const Block& block : blocks) journal.used_[block.slot] = true;
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return a.number < b.number; });
  journal.blocks_.assign(blocks.begin(), blocks.end());
  // Behind a loss the numbers leave a gap, so that no record is taken for the rest of another.
  if (!blocks.empty()) journal.next_number_ = blocks.back().number + 1;
  if (!journal.damaged_.empty()) ++journal.next_number_;
  return journal;
}

std::optional<Journal::Slot> Journal::open_slot(std::size_t slot, std::string_view body) {
  if (body.size() != slot_size) return std::nullopt;
  const auto content = open_row(body, RowKind::journal, slot);
  if (!content) return std::nullopt;
  ByteReader in(*content);
  Slot whole;
  whole.block.slot = slot;
  whole.block.number = in.fixed64();
  whole.block.first_seq = in.fixed64();
  whole.block.first_at = in.u8();
  whole.block.first_at |= static_cast<std::size_t>(in.u8()) << 8;
  whole.payload = in.rest();
  return whole;
}

void Journal::undo() {
  if (!before_) return;
  while (blocks_.size() > before_->blocks) {
    used_[blocks_.back().slot] = false;
    blocks_.pop_back();
    --next_number_;
  }
  used_.resize(before_->slots);
  if (!blocks_.empty()) blocks_.back() = before_->last;
  payload_ = std::move(before_->payload);
  damaged_ = std::move(before_->damaged);
  before_.reset();
}

void Journal::confirm() {
  before_.reset();
}

std::size_t Journal::free_slot() const {
  if (!damaged_.empty()) return damaged_.back();
  // Behind the last, so that blocks lie in order and pages beside each other are written together.
  const std::size_t begin = blocks_.empty() ? 0 : blocks_.back().slot + 1;
  for (std::size_t i = 0; i < used_.size(); ++i) {
    const std::size_t slot = (begin + i) % used_.size();
    if (!used_[slot]) return slot;
  }
  return used_.size();
}

void Journal::begin_block() {
  const std::size_t slot = free_slot();
  if (!damaged_.empty()) damaged_.pop_back();
  if (slot == used_.size()) used_.push_back(false);
  used_[slot] = true;
  blocks_.push_back({next_number_++, slot, 0, 0});
  payload_.clear();
}

Result<void> Journal::write_block() {
  const Block& block = blocks_.back();
  std::string body = begin_row();
  ByteWriter out(body);
  out.fixed64(block.number);
  out.fixed64(block.first_seq);
  out.u8(static_cast<std::uint8_t>(block.first_at));
  out.u8(static_cast<std::uint8_t>(block.first_at >> 8));
  body += payload_;
  body.resize(slot_size);
  seal_row(body, RowKind::journal, block.slot);
  return write_.run(static_cast<std::uint64_t>(block.slot), std::string_view(body))
      .map([](std::int64_t) {});
}

Result<void> Journal::append(std::uint64_t seq, std::string_view record) {
  undo();
  before_ = Before{blocks_.size(), used_.size(), blocks_.empty() ? Block{} : blocks_.back(),
                   payload_, damaged_};
  std::string bytes;
  ByteWriter(bytes).text(record);
  for (std::string_view left = bytes; !left.empty();) {
    // After a start a new block is begun, whatever room the last one has.
    if (payload_.empty() || payload_.size() == payload_size) begin_block();
    Block& block = blocks_.back();
    if (left.size() == bytes.size() && block.first_seq == 0) {
      block.first_seq = seq;
      block.first_at = payload_.size();
    }
    const std::string_view piece = left.substr(0, payload_size - payload_.size());
    payload_ += piece;
    left.remove_prefix(piece.size());
    if (auto written = write_block(); !written) return written;
  }
  return {};
}

/// The last block that record `seq` can begin in, or the first in which a later one begins.
std::size_t Journal::block_of(std::uint64_t seq) const {
  std::size_t found = blocks_.size();
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const std::uint64_t first = blocks_[i].first_seq;
    if (first == 0) continue;
    if (first > seq) return found == blocks_.size() ? i : found;
    found = i;
  }
  return found;
}

void Journal::release(std::uint64_t seq) {
  // The last block stays: it is where the numbers go on from.
  const std::size_t needed = std::min(block_of(seq + 1), blocks_.empty() ? 0 : blocks_.size() - 1);
  for (std::size_t i = 0; i < needed; ++i) used_[blocks_[i].slot] = false;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(needed));
}

/// The first block from `block` on in which a record begins that is not older than `seq`.
std::size_t Journal::next_start(std::size_t block, std::uint64_t seq) const {
  while (block < blocks_.size() &&
         (blocks_[block].first_seq == 0 || blocks_[block].first_seq < seq))
    ++block;
  return block;
}

Result<void> Journal::read(std::uint64_t after, const std::function<Result<void>(Record&&)>& use) {
  std::optional<Error> damage;
  for (std::size_t begin = block_of(after + 1); begin < blocks_.size();) {
    Stream stream(*this, begin, blocks_[begin].first_at);
    Record record{blocks_[begin].first_seq, {}};
    auto more = stream.next(record.bytes);
    for (; more && *more; more = stream.next(record.bytes), ++record.seq) {
      if (record.seq <= after) continue;
      if (auto used = use(Record(record)); !used) return used;
    }
    if (more) break;
    if (more.error().kind != ErrorKind::corrupt) return fail(more.error());
    if (!damage) damage = more.error();
    begin = next_start(stream.block() + 1, record.seq);
  }
  return damage ? Result<void>(fail(*damage)) : Result<void>{};
}

Result<Journal::Record> Journal::last() {
  Record last;
  // The last one that begins may be cut off: then one that begins before it.
  for (std::size_t begin = blocks_.size(); begin-- > 0 && last.seq == 0;) {
    const std::uint64_t first = blocks_[begin].first_seq;
    if (first == 0) continue;
    const auto read_all = read(first - 1, [&](Record&& record) -> Result<void> {
      last = std::move(record);
      return {};
    });
    if (!read_all && read_all.error().kind != ErrorKind::corrupt) return fail(read_all.error());
  }
  return last;
}

std::uint64_t Journal::bytes_behind(std::uint64_t seq) const {
  return (blocks_.size() - block_of(seq + 1)) * payload_size;
}

Result<void> replay_journal(Journal& journal, std::uint64_t after,
                            const std::function<void(JournalRecord&&)>& record) {
  std::optional<Error> damage;
  const auto damaged = [&](std::string what) {
    if (!damage) damage = Error{ErrorKind::corrupt, std::move(what)};
  };
  std::uint64_t expected = after + 1;
  auto read = journal.read(after, [&](Journal::Record&& row) -> Result<void> {
    ByteReader in(row.bytes);
    Tail tail;
    auto decoded = read_tail(in, tail) ? decode_record(in.rest())
                                       : fail(ErrorKind::corrupt,
                                              "record " + std::to_string(row.seq) + " is damaged");
    if (!decoded && decoded.error().kind != ErrorKind::corrupt) return fail(decoded.error());
    if (!decoded || decoded->seq != row.seq) {
      damaged(decoded ? "a record stands where another was expected" : decoded.error().message);
      return {};
    }
    if (row.seq != expected)
      damaged("records " + std::to_string(expected) + " to " + std::to_string(row.seq - 1) +
              " are missing");
    expected = row.seq + 1;
    record(std::move(*decoded));
    return {};
  });
  if (!read) return read;
  if (!journal.whole()) damaged("a block of the journal is damaged, perhaps its last one");
  return damage ? Result<void>(fail(*damage)) : Result<void>{};
}

}  // namespace weir
