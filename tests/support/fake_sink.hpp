#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sink.hpp"

namespace weir {

/// A sink that tests command. It keeps what a perfect cluster would: records and position appear
/// together or not at all. All methods may be called from any thread.
class FakeSink : public Sink {
 public:
  /// What one publish does instead of succeeding.
  struct Mishap {
    ErrorKind error = ErrorKind::timeout;
    bool delivered = false;  ///< the records arrive all the same; only the answer is lost
  };

  explicit FakeSink(bool keeps_position = true) : keeps_position_(keeps_position) {}

  void cork();    ///< publishes wait from now on
  void uncork();  ///< and go on
  void fail_next_publish(Mishap mishap);
  void fail_next_opens(std::size_t count);
  void refuse_if(std::function<bool(const SinkRecord&)> refused);
  void set_largest_batch(std::size_t records);  ///< a larger one is `full`
  void set_position(const Position& position);
  void forget_position();
  /// The database it serves from now on: it keeps a position for each.
  void serve(const std::string& epoch);

  std::vector<SinkRecord> records() const;
  std::vector<std::size_t> batches() const;  ///< sizes of the publishes that arrived
  Position position() const;
  std::size_t opens() const;
  /// False after `limit`.
  bool wait_until(const std::function<bool(const FakeSink&)>& condition,
                  std::chrono::milliseconds limit = std::chrono::seconds(10)) const;

  Result<std::optional<Position>> open(Duration timeout) override;
  Result<void> publish(std::span<const SinkRecord> records, const Position& behind,
                       Duration timeout) override;
  std::size_t rejected() const override;
  void cancel() override;
  Status status() const override;

 private:
  using Lock = std::lock_guard<std::recursive_mutex>;
  Result<void> deliver(std::span<const SinkRecord> records, const Position& behind);

  const bool keeps_position_;
  mutable std::recursive_mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::vector<SinkRecord> records_;
  std::vector<std::size_t> batches_;
  std::map<std::string, Position> positions_;  ///< by epoch
  std::string epoch_;
  std::deque<Mishap> mishaps_;
  std::function<bool(const SinkRecord&)> refused_;
  std::size_t largest_batch_ = SIZE_MAX, opens_ = 0, failing_opens_ = 0, rejected_ = 0;
  bool corked_ = false, cancelled_ = false, session_ = false;
};

}  // namespace weir
