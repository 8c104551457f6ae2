#include "store/checkpoints.hpp"

#include <algorithm>

#include "store/row.hpp"

namespace weir {

namespace {

constexpr std::size_t part_size = 256u << 10;
constexpr std::uint64_t header_version = 1;

constexpr std::uint64_t row_id(std::uint64_t generation, std::uint64_t n) {
  return generation << 20 | n;
}

std::string header_body(const Checkpoints::Header& header) {
  std::string body = begin_row();
  ByteWriter out(body);
  out.varint(header_version);
  out.varint(header.journal_seq);
  out.varint(header.state_size);
  out.varint(header.parts);
  write_tail(header.tail, body);
  seal_row(body, RowKind::checkpoint, row_id(header.generation, 0));
  return body;
}

std::optional<Checkpoints::Header> read_header(std::string_view body, std::uint64_t generation) {
  const auto content = open_row(body, RowKind::checkpoint, row_id(generation, 0));
  if (!content) return std::nullopt;
  ByteReader in(*content);
  Checkpoints::Header header;
  header.generation = generation;
  const std::uint64_t version = in.varint();
  header.journal_seq = in.varint();
  header.state_size = in.varint();
  header.parts = in.varint();
  if (version != header_version || !read_tail(in, header.tail)) return std::nullopt;
  return header;
}

}  // namespace

Result<Checkpoints> Checkpoints::open(Database& database) {
  Checkpoints checkpoints(database);
  const std::initializer_list<std::pair<Statement*, std::string_view>> statements = {
      {&checkpoints.insert_, "INSERT INTO checkpoint VALUES(?1, ?2)"},
      {&checkpoints.remove_below_, "DELETE FROM checkpoint WHERE id < ?1"},
      {&checkpoints.remove_from_, "DELETE FROM checkpoint WHERE id >= ?1"},
      {&checkpoints.part_, "SELECT body FROM checkpoint WHERE id = ?1"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (!prepared) return fail(prepared.error());
    *statement = std::move(*prepared);
  }
  auto ids = database.prepare("SELECT id FROM checkpoint ORDER BY id");
  if (!ids) return fail(ids.error());
  Rows rows = ids->query();
  for (auto found = rows.next();; found = rows.next()) {
    if (!found) return fail(found.error());
    if (!*found) break;
    const auto id = static_cast<std::uint64_t>(rows.integer(0));
    if (id != row_id(id >> 20, 0)) continue;
    checkpoints.last_generation_ = id >> 20;
    Rows header = checkpoints.part_.query(id);
    const auto read = header.next();
    if (!read) return fail(read.error());
    if (auto whole = read_header(header.blob(0), id >> 20))
      checkpoints.headers_.push_back(*whole);
    else
      checkpoints.any_damaged_ = true;
  }
  return checkpoints;
}

Result<std::string> Checkpoints::read_state(const Header& header) {
  std::string state;
  for (std::uint64_t n = 1; n <= header.parts; ++n) {
    Rows rows = part_.query(row_id(header.generation, n));
    const auto found = rows.next();
    if (!found) return fail(found.error());
    const auto content = open_row(*found ? rows.blob(0) : std::string_view(), RowKind::checkpoint,
                                  row_id(header.generation, n));
    if (!content) return fail(content.error());
    state += *content;
  }
  if (state.size() != header.state_size)
    return fail(ErrorKind::corrupt, "a checkpoint is not of the size its header says");
  return state;
}

Result<Store::Checkpoint> Checkpoints::read() {
  while (!headers_.empty()) {
    const Header& header = headers_.back();
    auto state = read_state(header);
    if (state) return Store::Checkpoint{header.journal_seq, std::move(*state)};
    if (state.error().kind != ErrorKind::corrupt) return fail(state.error());
    headers_.pop_back();
    any_damaged_ = true;
  }
  if (any_damaged_) return fail(ErrorKind::corrupt, "no checkpoint can be read");
  return Store::Checkpoint{};
}

Result<void> Checkpoints::write_parts(std::string_view state, Header& header, const Terms& terms) {
  // What an attempt that failed has left.
  if (auto removed = remove_from_.run(row_id(header.generation, 0)); !removed)
    return fail(removed.error());
  while (!state.empty()) {
    const std::string_view part = state.substr(0, part_size);
    if (auto room = terms.make_room(part.size()); !room) return room;
    const std::uint64_t id = row_id(header.generation, ++header.parts);
    std::string body = begin_row();
    body += part;
    seal_row(body, RowKind::checkpoint, id);
    if (auto inserted = insert_.run(id, std::string_view(body)); !inserted)
      return fail(inserted.error());
    state.remove_prefix(part.size());
  }
  return terms.make_room(0);
}

Result<void> Checkpoints::write(std::string_view state, std::uint64_t journal_seq, const Tail& tail,
                                const Terms& terms) {
  Header header{last_generation_ + 1, journal_seq, state.size(), 0, tail};
  const Header* kept = newest();
  if (auto ready = database_->sync_commits(false); !ready) return ready;
  auto parts = write_parts(state, header, terms);
  // Commits that are not synced again would break the promise that an acknowledgement makes.
  if (auto ready = database_->sync_commits(terms.sync); !ready)
    return fail(ErrorKind::fatal, ready.error().message);
  if (!parts) return parts;

  const std::string body = header_body(header);
  const std::uint64_t oldest = kept ? kept->generation : header.generation;
  Transaction last(*database_);
  auto written = last.begin()
                     .and_then([&] { return remove_below_.run(row_id(oldest, 0)); })
                     .and_then([&](auto) {
                       return insert_.run(row_id(header.generation, 0), std::string_view(body));
                     })
                     .and_then([&](auto) { return last.commit(); });
  if (!written) return written;
  if (headers_.size() > 1) headers_.erase(headers_.begin(), headers_.end() - 1);
  headers_.push_back(header);
  last_generation_ = header.generation;
  any_damaged_ = false;
  return {};
}

}  // namespace weir
