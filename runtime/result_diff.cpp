#include "runtime/result_diff.hpp"

#include <algorithm>

#include "runtime/uplink.hpp"

namespace weir {

namespace {

/// Ascending as bytes where the times ascend.
void append_sorted(Timestamp time, std::string& out) {
  const std::uint64_t biased = static_cast<std::uint64_t>(count_us(time)) ^ (1ULL << 63);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(biased >> shift & 0xff);
}

/// Readings that were set aside: each stands for itself, none replaces another.
bool is_reading(const Output& output) {
  return output.kind == OutputKind::late || output.kind == OutputKind::quarantined;
}

bool same(const Output& before, const Output& after) {
  Output other = after;
  other.revision = before.revision;
  other.topic = before.topic;
  return before == other;
}

}  // namespace

std::string ResultDiff::text(const Output& output) const {
  OutboxEntry entry;
  entry.output = output;
  return make_record(entry, gateway_, "replay").value;
}

void ResultDiff::add(Side side, const Output& output) {
  OutboxEntry entry;
  entry.output = output;
  const SinkRecord record = make_record(entry, gateway_, "replay");
  std::string identity(1, static_cast<char>(output.kind));
  identity += record.key + '\0';
  append_sorted(output.window.start, identity);
  append_sorted(output.window.end, identity);
  if (is_reading(output)) identity += record.value;
  Pair& pair = results_[identity];
  std::vector<Output>& results = side == Side::before ? pair.before : pair.after;
  if (!is_reading(output)) results.clear();
  results.push_back(output);
}

ResultDiff::Summary ResultDiff::write(std::ostream& out) const {
  Summary summary;
  for (const auto& [identity, pair] : results_) {
    const std::size_t both = std::min(pair.before.size(), pair.after.size());
    for (std::size_t i = 0; i < both; ++i) {
      const bool alike = same(pair.before[i], pair.after[i]);
      ++(alike ? summary.same : summary.changed);
      if (!alike) write(out, "changed", &pair.before[i], &pair.after[i]);
    }
    for (std::size_t i = both; i < pair.before.size(); ++i) {
      ++summary.removed;
      write(out, "removed", &pair.before[i], nullptr);
    }
    for (std::size_t i = both; i < pair.after.size(); ++i) {
      ++summary.added;
      write(out, "added", nullptr, &pair.after[i]);
    }
  }
  return summary;
}

void ResultDiff::write(std::ostream& out, const char* what, const Output* before,
                       const Output* after) const {
  out << R"({"diff":")" << what << '"';
  if (before != nullptr) out << R"(,"before":)" << text(*before);
  if (after != nullptr) out << R"(,"after":)" << text(*after);
  out << "}\n";
}

}  // namespace weir
