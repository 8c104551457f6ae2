#include "store/outbox.hpp"

#include <algorithm>

#include "store/row.hpp"

namespace weir {

namespace {

Result<std::uint64_t> counted(Result<std::int64_t> changes) {
  return changes.map([](std::int64_t n) { return static_cast<std::uint64_t>(n); });
}

/// The integer of a query's only row, 0 if there is none.
Result<std::uint64_t> only(Rows rows) {
  const auto found = rows.next();
  if (!found) return fail(found.error());
  return *found ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
}

}  // namespace

Result<Outbox> Outbox::open(Database& database) {
  Outbox outbox;
  for (std::size_t i = 0; i < lane_count; ++i) {
    const std::string name = "outbox_" + std::to_string(i);
    Table& table = outbox.tables_[i];
    const std::array<std::pair<Statement*, std::string>, 10> statements = {{
        {&table.insert, "INSERT INTO " + name + " VALUES(?1, ?2)"},
        {&table.replace, "UPDATE " + name + " SET body = ?2 WHERE seq = ?1"},
        {&table.remove_up_to, "DELETE FROM " + name + " WHERE seq <= ?1"},
        {&table.remove_all, "DELETE FROM " + name},
        {&table.remove, "DELETE FROM " + name + " WHERE seq = ?1"},
        {&table.nth, "SELECT seq FROM " + name + " ORDER BY seq LIMIT 1 OFFSET ?1"},
        {&table.first, "SELECT seq, body FROM " + name + " ORDER BY seq LIMIT 1"},
        {&table.scan, "SELECT seq, body FROM " + name + " WHERE seq > ?1 ORDER BY seq"},
        {&table.last, "SELECT max(seq) FROM " + name},
        {&table.count, "SELECT count(*) FROM " + name},
    }};
    for (const auto& [statement, sql] : statements) {
      auto prepared = database.prepare(sql);
      if (!prepared) return fail(prepared.error());
      *statement = std::move(*prepared);
    }
  }
  return outbox;
}

Result<void> Outbox::insert(Lane lane, std::uint64_t seq, std::string_view body) {
  return tables_[index(lane)].insert.run(seq, body).map([](std::int64_t) {});
}

Result<std::uint64_t> Outbox::remove_up_to(Lane lane, std::uint64_t seq) {
  return counted(tables_[index(lane)].remove_up_to.run(seq));
}

Result<std::uint64_t> Outbox::remove_all(Lane lane) {
  return counted(tables_[index(lane)].remove_all.run());
}

Result<std::uint64_t> Outbox::remove(Lane lane, std::uint64_t seq) {
  return counted(tables_[index(lane)].remove.run(seq));
}

Result<void> Outbox::replace(Lane lane, std::uint64_t seq, std::string_view body) {
  return tables_[index(lane)].replace.run(seq, body).map([](std::int64_t) {});
}

Result<void> Outbox::scan(Lane lane, std::uint64_t after, const Visit& visit) {
  Rows rows = tables_[index(lane)].scan.query(after);
  for (;;) {
    const auto found = rows.next();
    if (!found) return fail(found.error());
    if (!*found) return {};
    const auto seq = static_cast<std::uint64_t>(rows.integer(0));
    const auto entry = read_entry(lane, seq, rows.blob(1));
    if (!visit(seq, entry ? &*entry : nullptr, rows.blob(1).size())) return {};
  }
}

Result<std::optional<OutboxEntry>> Outbox::read(Lane lane, std::uint64_t seq) {
  std::optional<OutboxEntry> found;
  auto scanned = scan(lane, seq - 1, [&](std::uint64_t at, const OutboxEntry* entry, std::size_t) {
    if (at == seq && entry != nullptr) found = *entry;
    return false;
  });
  if (!scanned) return fail(scanned.error());
  return found;
}

Result<std::uint64_t> Outbox::seq_at(Lane lane, std::uint64_t n) {
  return only(tables_[index(lane)].nth.query(n - 1));
}

Result<Timestamp> Outbox::oldest(Lane lane) {
  Rows rows = tables_[index(lane)].first.query();
  const auto found = rows.next();
  if (!found) return fail(found.error());
  if (!*found) return Timestamp{};
  const auto content =
      open_row(rows.blob(1), outbox_row(lane), static_cast<std::uint64_t>(rows.integer(0)));
  if (!content) return Timestamp{};
  ByteReader in(*content);
  return read_inserted(in);
}

Result<std::uint64_t> Outbox::last_seq() {
  std::uint64_t last = 0;
  for (Table& table : tables_) {
    auto seq = only(table.last.query());
    if (!seq) return seq;
    last = std::max(last, *seq);
  }
  return last;
}

Result<Tail> Outbox::count() {
  Tail tail;
  for (std::size_t i = 0; i < lane_count; ++i) {
    const auto rows = only(tables_[i].count.query());
    if (!rows) return fail(rows.error());
    tail.waiting[i] = *rows;
  }
  return tail;
}

void write_inserted(Timestamp inserted, std::string& out) {
  ByteWriter(out).zigzag(count_us(inserted));
}

Timestamp read_inserted(ByteReader& in) {
  return timestamp_us(in.zigzag());
}

Result<OutboxEntry> read_entry(Lane lane, std::uint64_t seq, std::string_view body) {
  const auto content = open_row(body, outbox_row(lane), seq);
  if (!content) return fail(content.error());
  ByteReader in(*content);
  const Timestamp inserted = read_inserted(in);
  auto output = decode_output(in.rest());
  if (!output) return fail(output.error());
  return OutboxEntry{seq, lane, inserted, std::move(*output)};
}

}  // namespace weir
