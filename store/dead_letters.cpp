#include "store/dead_letters.hpp"

#include "store/row.hpp"

namespace weir {

namespace {

constexpr std::size_t word_limit = 64;
constexpr std::size_t text_limit = 512;

void cut(std::string& text, std::uint64_t limit) {
  if (text.size() > limit) text.resize(static_cast<std::size_t>(limit));
}

}  // namespace

Result<DeadLetters> DeadLetters::open(Database& database, const StoreOptions& options) {
  DeadLetters letters;
  letters.limit_ = options.dead_letters;
  letters.payload_limit_ = count(options.dead_letter_payload);
  auto insert = database.prepare("INSERT INTO dead_letters VALUES(?1, ?2)");
  if (!insert) return fail(insert.error());
  auto remove = database.prepare("DELETE FROM dead_letters WHERE id <= ?1");
  if (!remove) return fail(remove.error());
  letters.insert_ = std::move(*insert);
  letters.remove_ = std::move(*remove);
  const auto last = database.number("SELECT max(id) FROM dead_letters");
  if (!last) return fail(last.error());
  const auto first = database.number("SELECT min(id) FROM dead_letters");
  if (!first) return fail(first.error());
  letters.ids_.last = static_cast<std::uint64_t>(*last);
  letters.ids_.before_first = *first > 0 ? static_cast<std::uint64_t>(*first - 1) : 0;
  return letters;
}

Result<void> DeadLetters::insert(DeadLetter letter, Ids& ids) {
  letter.payload_size = std::max<std::uint64_t>(letter.payload_size, letter.payload.size());
  cut(letter.payload, payload_limit_);
  cut(letter.source, text_limit);
  cut(letter.topic, text_limit);
  cut(letter.reason, word_limit);
  cut(letter.message, text_limit);
  const std::uint64_t id = ids.last + 1;
  std::string body = begin_row();
  write_dead_letter(letter, body);
  seal_row(body, RowKind::dead_letter, id);
  if (auto inserted = insert_.run(id, std::string_view(body)); !inserted)
    return fail(inserted.error());
  ids.last = id;
  if (ids.rows() > limit_) {
    ids.before_first = ids.last - limit_;
    if (auto removed = remove_.run(ids.before_first); !removed) return fail(removed.error());
  }
  return {};
}

}  // namespace weir
