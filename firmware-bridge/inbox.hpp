#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "firmware-bridge/batch.hpp"

namespace weir {

/// The one queue between sources and engine, bounded by bytes. Nothing is dropped in it: a source
/// asks `full()` before it reads more from its peer, and is called back when there is room again;
/// what it already read it may still push, so the bound is exceeded by one read at most.
class Inbox {
 public:
  explicit Inbox(Bytes limit) : limit_(limit) {}

  /// Any thread. Takes the batch; never blocks.
  void push(Batch batch);
  /// Any thread.
  bool full() const;
  /// Any thread: `room` is called once, from the engine's thread, when the queue is half empty.
  /// At once if it already is.
  void when_room(std::function<void()> room);

  /// Engine thread: moves what waits into `out` (appending), oldest first, until that is `portion`
  /// or more, and returns true; or returns false after `timeout` or `wake()`.
  bool pop(std::vector<Batch>& out, std::chrono::microseconds timeout);
  static constexpr std::size_t portion = 256u << 10;  ///< bytes
  /// Engine thread: waits for `wake()` alone, and takes nothing.
  void wait(std::chrono::microseconds timeout);
  /// Any thread: makes a waiting `pop` or `wait` return early.
  void wake();

  struct Depth {
    std::size_t bytes = 0, messages = 0;
  };
  Depth depth() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Batch> waiting_;
  std::vector<std::function<void()>> room_;
  Depth depth_;
  Bytes limit_;
  bool woken_ = false;
};

}  // namespace weir
