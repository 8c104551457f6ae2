#include "tests/support/fake_outbox.hpp"

#include <algorithm>

namespace weir {

Output sample_output(const std::string& metric, const std::string& topic) {
  Output output;
  output.name = "press_1m";
  output.topic = topic;
  output.group = {{"line", "7"}};
  output.metric = metric;
  output.window = {timestamp_us(1'700'000'000'000'000), timestamp_us(1'700'000'060'000'000)};
  output.count = 60;
  output.first = output.window.start;
  output.last = output.window.end - std::chrono::seconds(1);
  output.fields = {{"mean", 20.5}};
  return output;
}

std::uint64_t FakeOutbox::add(Lane lane) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t seq = ++last_seq_;
  lanes_[static_cast<std::size_t>(lane)][seq] = {seq, lane, timestamp_us(0),
                                                 sample_output("m" + std::to_string(seq))};
  return seq;
}

std::uint64_t FakeOutbox::add(Lane lane, Output output) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t seq = ++last_seq_;
  lanes_[static_cast<std::size_t>(lane)][seq] = {seq, lane, timestamp_us(0), std::move(output)};
  return seq;
}

void FakeOutbox::damage(std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  damaged_.insert(seq);
}

void FakeOutbox::fail_reads(std::size_t count, ErrorKind kind) {
  const std::lock_guard lock(mutex_);
  failing_reads_ = count;
  failure_ = kind;
}

void FakeOutbox::apply(const Uplink::Feedback& feedback) {
  const std::lock_guard lock(mutex_);
  for (const Store::Drop& drop : feedback.drops)
    lanes_[static_cast<std::size_t>(drop.lane)].erase(drop.seq);
  for (std::size_t i = 0; i < lane_count; ++i)
    lanes_[i].erase(lanes_[i].begin(), lanes_[i].upper_bound(feedback.delivered.delivered[i]));
}

std::size_t FakeOutbox::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& lane : lanes_) total += lane.size();
  return total;
}

std::size_t FakeOutbox::reads() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

Result<std::vector<OutboxEntry>> FakeOutbox::read(Lane lane, std::uint64_t after,
                                                  std::size_t max_entries, Bytes max_bytes,
                                                  std::vector<std::uint64_t>& damaged) {
  const std::lock_guard lock(mutex_);
  ++reads_;
  if (failing_reads_ > 0) {
    --failing_reads_;
    return fail(failure_, "the outbox is " +
                              std::string(failure_ == ErrorKind::corrupt ? "damaged" : "busy"));
  }
  std::vector<OutboxEntry> found;
  std::uint64_t bytes = 0;
  const auto& entries = lanes_[static_cast<std::size_t>(lane)];
  for (auto at = entries.upper_bound(after); at != entries.end(); ++at) {
    if (found.size() == max_entries || (!found.empty() && bytes >= count(max_bytes))) break;
    if (damaged_.contains(at->first)) {
      damaged.push_back(at->first);
      continue;
    }
    bytes += 200;
    found.push_back(at->second);
  }
  return found;
}

Result<std::size_t> FakeOutbox::entries_up_to(Lane lane, std::uint64_t seq, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto& entries = lanes_[static_cast<std::size_t>(lane)];
  const auto found = std::distance(entries.begin(), entries.upper_bound(seq));
  return std::min(static_cast<std::size_t>(found), limit);
}

}  // namespace weir
