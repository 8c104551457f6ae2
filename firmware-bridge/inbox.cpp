#include "firmware-bridge/inbox.hpp"

#include <utility>

namespace weir {

void Inbox::push(Batch batch) {
  if (batch.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    depth_.bytes += batch.bytes();
    depth_.messages += batch.size();
    waiting_.push_back(std::move(batch));
  }
  filled_.notify_one();
}

bool Inbox::full() const {
  const std::lock_guard lock(mutex_);
  return depth_.bytes >= count(limit_);
}

void Inbox::when_room(std::function<void()> room) {
  {
    const std::lock_guard lock(mutex_);
    if (depth_.bytes > count(limit_) / 2) {
      room_.push_back(std::move(room));
      return;
    }
  }
  room();
}

bool Inbox::pop(std::vector<Batch>& out, std::chrono::microseconds timeout) {
  std::vector<std::function<void()>> room;
  {
    std::unique_lock lock(mutex_);
    // A wait whose time is over still takes the kernel some fifty microseconds.
    if (timeout.count() > 0)
      filled_.wait_for(lock, timeout, [this] { return woken_ || !waiting_.empty(); });
    woken_ = false;
    if (waiting_.empty()) return false;
    for (std::size_t taken = 0; taken < portion && !waiting_.empty();) {
      Batch& batch = out.emplace_back(std::move(waiting_.front()));
      waiting_.pop_front();
      taken += batch.bytes();
      depth_.bytes -= batch.bytes();
      depth_.messages -= batch.size();
    }
    if (depth_.bytes <= count(limit_) / 2) room.swap(room_);
  }
  // Called without the lock: they may push or ask for room again.
  for (const auto& call : room) call();
  return true;
}

void Inbox::wait(std::chrono::microseconds timeout) {
  std::unique_lock lock(mutex_);
  filled_.wait_for(lock, timeout, [this] { return woken_; });
  woken_ = false;
}

void Inbox::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  filled_.notify_one();
}

Inbox::Depth Inbox::depth() const {
  const std::lock_guard lock(mutex_);
  return depth_;
}

}  // namespace weir
