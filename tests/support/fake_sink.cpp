#include "tests/support/fake_sink.hpp"

namespace weir {

void FakeSink::cork() {
  const Lock lock(mutex_);
  corked_ = true;
}

void FakeSink::uncork() {
  const Lock lock(mutex_);
  corked_ = false;
  changed_.notify_all();
}

void FakeSink::fail_next_publish(Mishap mishap) {
  const Lock lock(mutex_);
  mishaps_.push_back(mishap);
}

void FakeSink::fail_next_opens(std::size_t count) {
  const Lock lock(mutex_);
  failing_opens_ = count;
}

void FakeSink::refuse_if(std::function<bool(const SinkRecord&)> refused) {
  const Lock lock(mutex_);
  refused_ = std::move(refused);
}

void FakeSink::set_largest_batch(std::size_t records) {
  const Lock lock(mutex_);
  largest_batch_ = records;
}

void FakeSink::set_position(const Position& position) {
  const Lock lock(mutex_);
  positions_[epoch_] = position;
}

void FakeSink::forget_position() {
  const Lock lock(mutex_);
  positions_.erase(epoch_);
}

void FakeSink::serve(const std::string& epoch) {
  const Lock lock(mutex_);
  epoch_ = epoch;
}

std::vector<SinkRecord> FakeSink::records() const {
  const Lock lock(mutex_);
  return records_;
}

std::vector<std::size_t> FakeSink::batches() const {
  const Lock lock(mutex_);
  return batches_;
}

Position FakeSink::position() const {
  const Lock lock(mutex_);
  const auto found = positions_.find(epoch_);
  return found == positions_.end() ? Position{} : found->second;
}

std::size_t FakeSink::opens() const {
  const Lock lock(mutex_);
  return opens_;
}

bool FakeSink::wait_until(const std::function<bool(const FakeSink&)>& condition,
                          std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return condition(*this); });
}

Result<std::optional<Position>> FakeSink::open(Duration) {
  const Lock lock(mutex_);
  ++opens_;
  changed_.notify_all();
  if (cancelled_) return fail(ErrorKind::unavailable, "cancelled");
  if (failing_opens_ > 0) {
    --failing_opens_;
    return fail(ErrorKind::unavailable, "the peer is away");
  }
  session_ = true;
  const auto found = positions_.find(epoch_);
  Position position = found == positions_.end() ? Position{} : found->second;
  for (const auto& [epoch, other] : positions_)
    position.newest = std::max(position.newest, other.newest);
  const bool known = found != positions_.end() || position.newest != Timestamp{};
  return keeps_position_ && known ? std::optional(position) : std::nullopt;
}

Result<void> FakeSink::publish(std::span<const SinkRecord> records, const Position& behind,
                               Duration) {
  std::unique_lock lock(mutex_);
  changed_.notify_all();
  if (!session_) return fail(ErrorKind::fatal, "publish without open");
  changed_.wait(lock, [&] { return !corked_ || cancelled_; });
  const auto done = cancelled_ ? Result<void>(fail(ErrorKind::unavailable, "cancelled"))
                               : deliver(records, behind);
  session_ = done.has_value();
  changed_.notify_all();
  return done;
}

Result<void> FakeSink::deliver(std::span<const SinkRecord> records, const Position& behind) {
  if (records.size() > largest_batch_) return fail(ErrorKind::full, "too much in one piece");
  for (std::size_t i = 0; refused_ && i < records.size(); ++i) {
    if (!refused_(records[i])) continue;
    rejected_ = i;
    return fail(ErrorKind::invalid, "refused");
  }
  std::optional<Mishap> mishap;
  if (!mishaps_.empty()) {
    mishap = mishaps_.front();
    mishaps_.pop_front();
  }
  if (!mishap || mishap->delivered) {
    records_.insert(records_.end(), records.begin(), records.end());
    batches_.push_back(records.size());
    positions_[epoch_] = behind;
  }
  if (mishap) return fail(mishap->error, "a mishap");
  return {};
}

std::size_t FakeSink::rejected() const {
  const Lock lock(mutex_);
  return rejected_;
}

void FakeSink::cancel() {
  const Lock lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

Sink::Status FakeSink::status() const {
  const Lock lock(mutex_);
  Status status;
  status.name = "fake";
  status.connected = session_;
  status.delivery = keeps_position_ ? "exactly-once" : "at-least-once";
  status.records = records_.size();
  return status;
}

}  // namespace weir
