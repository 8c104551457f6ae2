#include "store/seq_runs.hpp"

#include <algorithm>
#include <charconv>

namespace weir {

namespace {

bool take_number(std::string_view& text, char end, std::uint64_t& number) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto used = static_cast<std::size_t>(at - text.data());
  if (error != std::errc() || used == text.size() || text[used] != end) return false;
  text.remove_prefix(used + 1);
  return true;
}

}  // namespace

std::optional<SeqRuns> SeqRuns::parse(std::string_view text) {
  SeqRuns runs;
  std::uint64_t before = 0;
  while (!text.empty()) {
    Run run;
    if (!take_number(text, '-', run.first) || !take_number(text, ' ', run.last)) return {};
    if (run.first <= before || run.last + 1 < run.first) return {};
    before = std::max(run.first, run.last);
    runs.runs_.push_back(run);
  }
  return runs;
}

std::string SeqRuns::text() const {
  std::string text;
  for (const Run& run : runs_)
    text += std::to_string(run.first) + "-" + std::to_string(run.last) + " ";
  return text;
}

std::uint64_t SeqRuns::begin(std::uint64_t last, std::uint64_t jump) {
  if (!runs_.empty()) runs_.back().last = last;
  // Nothing was given out, or it is lost and counts no more.
  while (!runs_.empty() && last < runs_.back().first) runs_.pop_back();
  if (!runs_.empty())
    runs_.back().last = std::min(runs_.back().last, last);
  else if (last > 0)
    runs_.push_back({1, last});
  const std::uint64_t first = last == 0 && runs_.empty() ? 1 : last + 1 + jump;
  runs_.push_back({first, first - 1});
  if (runs_.size() > kept) runs_.erase(runs_.begin());
  return first;
}

std::uint64_t SeqRuns::issued_up_to(std::uint64_t seq) const {
  if (runs_.empty() || seq < runs_.front().first) return seq;
  const auto behind =
      std::upper_bound(runs_.begin(), runs_.end(), seq,
                       [](std::uint64_t at, const Run& run) { return at < run.first; });
  const Run& run = *(behind - 1);
  return behind == runs_.end() ? seq : std::min(seq, run.last);
}

std::optional<std::uint64_t> SeqRuns::fork(std::span<const std::uint64_t> heard,
                                           std::span<const std::uint64_t> sent) const {
  if (runs_.empty()) return std::nullopt;
  const std::uint64_t sent_up_to = *std::ranges::max_element(sent);
  std::optional<std::uint64_t> found;
  for (const std::uint64_t seq : heard) {
    const bool ahead = seq >= runs_.back().first && seq > sent_up_to;
    const std::uint64_t common = issued_up_to(ahead ? runs_.back().first - 1 : seq);
    if (common != seq) found = std::min(found.value_or(common), common);
  }
  return found;
}

}  // namespace weir
