#include "store/coarsening.hpp"

#include <algorithm>
#include <map>

#include "operators/coarser.hpp"
#include "store/bounds.hpp"
#include "store/row.hpp"

namespace weir {

namespace {

/// A window of one series, and what of it stands in the stretch.
struct Fine {
  Window window;
  std::uint32_t revision = 0;  ///< the highest
  bool whole = false;          ///< the first revision is there, too: it was not sent or merged yet
  std::uint64_t seq = 0;       ///< of the highest
  bool merged = false;
};

/// The results of one series within one coarser window.
struct Group {
  std::vector<Fine> windows;
  std::string sum;         ///< encoded: there may be tens of thousands
  std::uint64_t last = 0;  ///< the last seq in the sum
  std::uint32_t results = 0;
  Timestamp inserted{};
};

/// A row that may be merged.
struct Member {
  std::uint64_t seq;
  std::uint32_t group, window;
};

std::string key_of(const Output& output, const Window& coarser) {
  std::string key;
  ByteWriter writer(key);
  writer.text(output.name);
  writer.text(output.topic);
  for (const Tag& tag : output.group) {
    writer.text(tag.name);
    writer.text(tag.value);
  }
  writer.text(output.metric);
  writer.zigzag(count_us(coarser.start));
  writer.zigzag(count_us(coarser.end));
  return key;
}

class Merger {
 public:
  Merger(Outbox& outbox, std::uint64_t after, const CoarseningLimits& limits)
      : outbox_(outbox), after_(after), limits_(limits) {}

  /// First sees what is there, then reads it again and merges: a revision may stand anywhere
  /// behind what it corrects.
  Result<Coarsening> run() {
    auto done = outbox_.scan(Lane::backlog, after_, [this](auto seq, auto* entry, auto bytes) {
      return survey(seq, entry, bytes);
    });
    if (!done) return fail(done.error());
    auto member = members_.begin();
    done = outbox_.scan(Lane::backlog, after_, [&](std::uint64_t seq, auto* entry, std::size_t) {
      if (member == members_.end()) return false;
      if (member->seq == seq) merge(*member++, entry);
      return true;
    });
    if (!done) return fail(done.error());
    collect();
    return std::move(out_);
  }

 private:
  bool survey(std::uint64_t seq, const OutboxEntry* entry, std::size_t bytes) {
    if (entry != nullptr && entry->inserted >= limits_.before) return false;
    out_.last = seq;
    ++out_.rows;
    bytes_ += row_cost(bytes);
    if (entry != nullptr && entry->output.kind == OutputKind::rollup) note(seq, entry->output);
    return out_.rows < limits_.rows && bytes_ < limits_.bytes && groups_.size() < limits_.groups;
  }

  void note(std::uint64_t seq, const Output& output) {
    if (output.apart) return;
    const auto coarser = coarser_window(output.window);
    if (!coarser) return;
    const auto [known, is_new] = by_key_.try_emplace(key_of(output, *coarser), groups_.size());
    if (is_new) groups_.emplace_back();
    std::vector<Fine>& windows = groups_[known->second].windows;
    auto at = std::find_if(windows.begin(), windows.end(),
                           [&](const Fine& fine) { return fine.window == output.window; });
    if (at == windows.end()) at = windows.insert(at, Fine{output.window});
    at->whole = at->whole || output.revision == 0;
    if (output.revision >= at->revision) {
      at->revision = output.revision;
      at->seq = seq;
    }
    members_.push_back({seq, static_cast<std::uint32_t>(known->second),
                        static_cast<std::uint32_t>(at - windows.begin())});
  }

  void merge(const Member& member, const OutboxEntry* entry) {
    Group& group = groups_[member.group];
    const Fine& fine = group.windows[member.window];
    if (entry == nullptr || !fine.whole || fine.seq != member.seq) return;
    // Behind a preview comes what has its readings, too.
    if (entry->output.preview) return;
    if (group.sum.empty()) {
      group.sum = encode_output(entry->output);
      group.inserted = entry->inserted;
    } else {
      auto sum = decode_output(group.sum);
      if (!sum || !merge_result(*sum, entry->output)) return;
      group.sum = encode_output(*sum);
    }
    group.windows[member.window].merged = true;
    group.last = member.seq;
    ++group.results;
  }

  void collect() {
    for (const Member& member : members_) {
      const Group& group = groups_[member.group];
      const Fine& fine = group.windows[member.window];
      if (!fine.whole) continue;
      if (member.seq != fine.seq)
        out_.superseded.push_back(member.seq);
      else if (!fine.merged || group.results < 2)
        continue;
      else if (member.seq == group.last)
        replace(group);
      else
        out_.removed.push_back(member.seq);
      widen(fine.window);
    }
    // Emptied pages need no writing beyond the lists they come from and go to.
    out_.cost += bytes_ / 4;
  }

  void replace(const Group& group) {
    std::string body = begin_row();
    write_inserted(group.inserted, body);
    body += group.sum;
    out_.cost += row_cost(body.size());
    out_.replaced.emplace_back(group.last, std::move(body));
  }

  void widen(const Window& window) {
    if (!out_.windows) out_.windows = window;
    out_.windows->start = std::min(out_.windows->start, window.start);
    out_.windows->end = std::max(out_.windows->end, window.end);
  }

  Outbox& outbox_;
  const std::uint64_t after_;
  const CoarseningLimits limits_;
  std::map<std::string, std::size_t> by_key_;
  std::vector<Group> groups_;
  std::vector<Member> members_;  ///< in the order of their seqs
  std::uint64_t bytes_ = 0;
  Coarsening out_;
};

}  // namespace

void Coarsening::leave() {
  replaced.clear();
  removed.clear();
  superseded.clear();
  cost = 0;
}

Result<Coarsening> coarsen_backlog(Outbox& outbox, std::uint64_t after,
                                   const CoarseningLimits& limits) {
  return Merger(outbox, after, limits).run();
}

}  // namespace weir
