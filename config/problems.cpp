#include <algorithm>
#include <numeric>
#include <tuple>

#include "config/params.hpp"

namespace weir {
namespace {

/// Longer words have no near ones: what is compared stays short.
constexpr std::size_t word_max = 64;

auto order(const Problem& problem) {
  return std::tie(problem.place.file, problem.place.line, problem.place.column, problem.key,
                  problem.message);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Insertions, deletions, substitutions and swaps of neighbours that make one of the other (optimal
/// string alignment), whatever the case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string Place::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string Problem::text() const {
  std::string out = place.text();
  if (!out.empty()) out += ": ";
  if (!key.empty()) out += key + ": ";
  return out + message;
}

void Problems::add(Place place, std::string key, std::string message) {
  Problem problem{std::move(place), std::move(key), std::move(message)};
  const auto at =
      std::lower_bound(list_.begin(), list_.end(), problem,
                       [](const Problem& a, const Problem& b) { return order(a) < order(b); });
  // Two readers of one table find the same thing.
  if (at != list_.end() && order(*at) == order(problem)) return;
  list_.insert(at, std::move(problem));
}

std::string Problems::text() const {
  std::string out;
  for (const Problem& problem : list_) out += problem.text() + "\n";
  return out;
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty() || word.size() > word_max) return {};
  std::size_t nearest = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string found;
  for (const std::string& candidate : known) {
    if (candidate.empty() || candidate.size() > word_max) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= nearest) continue;
    nearest = distance;
    found = candidate;
  }
  return found;
}

}  // namespace weir
