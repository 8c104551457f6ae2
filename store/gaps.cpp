#include "store/gaps.hpp"

#include <algorithm>

#include "store/row.hpp"

namespace weir {

namespace {

constexpr std::uint8_t gap_version = 1;

void write_gap(const Gaps::value_type& gap, std::string& out) {
  const auto& [key, content] = gap;
  ByteWriter writer(out);
  writer.u8(gap_version);
  writer.u8(static_cast<std::uint8_t>(key.first));
  writer.text(key.second);
  writer.varint(content.first_seq);
  writer.varint(content.last_seq);
  writer.varint(content.results);
  writer.u8(content.windows ? 1 : 0);
  if (content.windows) {
    writer.zigzag(count_us(content.windows->start));
    writer.zigzag(count_us(content.windows->end));
  }
  writer.zigzag(content.since.count());
}

}  // namespace

std::optional<Gaps::value_type> read_gap(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.u8() != gap_version) return std::nullopt;
  const std::uint8_t lane = in.u8();
  const std::string reason(in.text());
  Gap gap;
  gap.first_seq = in.varint();
  gap.last_seq = in.varint();
  gap.results = in.varint();
  if (in.u8() != 0) {
    const Timestamp start = timestamp_us(in.zigzag());
    gap.windows = Window{start, timestamp_us(in.zigzag())};
  }
  gap.since = Duration(in.zigzag());
  if (!in.ok() || lane >= lane_count) return std::nullopt;
  return Gaps::value_type{{static_cast<Lane>(lane), reason}, gap};
}

std::optional<Gap> gap_of(std::uint64_t seq, const Output* output) {
  if (output != nullptr && output->kind == OutputKind::gap) return std::nullopt;
  Gap gap;
  gap.first_seq = gap.last_seq = seq;
  gap.results = 1;
  if (output != nullptr) gap.windows = output->window;
  return gap;
}

void add_gap(Gaps& gaps, Lane lane, std::string_view reason, const Gap& gap) {
  const auto [at, is_new] = gaps.try_emplace({lane, std::string(reason)}, gap);
  if (is_new) return;
  Gap& sum = at->second;
  sum.results += gap.results;
  if (gap.first_seq != 0 && (sum.first_seq == 0 || gap.first_seq < sum.first_seq))
    sum.first_seq = gap.first_seq;
  sum.last_seq = std::max(sum.last_seq, gap.last_seq);
  if (!gap.windows) return;
  if (!sum.windows) sum.windows = gap.windows;
  sum.windows->start = std::min(sum.windows->start, gap.windows->start);
  sum.windows->end = std::max(sum.windows->end, gap.windows->end);
}

Output announce_gap(const Gaps::value_type& gap, const std::string& topic, const Moment& now) {
  const auto& [key, content] = gap;
  Output output;
  output.kind = OutputKind::gap;
  output.name = "gap";
  output.topic = topic;
  output.group = {{"lane", std::string(lane_name(key.first))}, {"reason", key.second}};
  output.window = content.windows.value_or(Window{now.wall, now.wall});
  output.first = output.window.start;
  output.last = output.window.end;
  output.fields = {{"results", static_cast<std::int64_t>(content.results)},
                   {"first_seq", static_cast<std::int64_t>(content.first_seq)},
                   {"last_seq", static_cast<std::int64_t>(content.last_seq)}};
  return output;
}

Result<GapTable> GapTable::open(Database& database) {
  GapTable table;
  for (const auto& [statement, sql] :
       {std::pair{&table.select_, "SELECT id, body FROM gaps ORDER BY id"},
        std::pair{&table.insert_, "INSERT INTO gaps VALUES(?1, ?2)"},
        std::pair{&table.clear_, "DELETE FROM gaps"}}) {
    auto prepared = database.prepare(sql);
    if (!prepared) return fail(prepared.error());
    *statement = std::move(*prepared);
  }
  return table;
}

Result<Gaps> GapTable::read() {
  Gaps gaps;
  Rows rows = select_.query();
  for (;;) {
    const auto found = rows.next();
    if (!found) return fail(found.error());
    if (!*found) return gaps;
    const auto content =
        open_row(rows.blob(1), RowKind::gap, static_cast<std::uint64_t>(rows.integer(0)));
    if (!content) continue;
    if (auto gap = read_gap(*content)) gaps.insert(std::move(*gap));
  }
}

Result<void> GapTable::write(const Gaps& gaps) {
  if (auto cleared = clear_.run(); !cleared) return fail(cleared.error());
  std::uint64_t id = 0;
  for (const auto& gap : gaps) {
    std::string body = begin_row();
    write_gap(gap, body);
    seal_row(body, RowKind::gap, id);
    if (auto inserted = insert_.run(id, std::string_view(body)); !inserted)
      return fail(inserted.error());
    ++id;
  }
  return {};
}

}  // namespace weir
