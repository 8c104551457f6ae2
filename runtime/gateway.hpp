#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "config/result.hpp"
#include "runtime/settings.hpp"

namespace weir {

/// A running weir: the one place that names concrete types.
class Gateway {
 public:
  /// Opens the store, recovers the state and listens on the HTTP port; connects to nobody yet.
  /// # Errors
  /// `unavailable`: the data directory or the HTTP port can't be used; `unsupported`: a newer weir
  /// wrote the database; `corrupt`: its state can't be read.
  static Result<std::unique_ptr<Gateway>> make(Settings settings);
  virtual ~Gateway() = default;

  enum class End { stopped, restart };
  /// Runs until `stop` or `reload` is set (and `wake` was called), the store can't go on, or
  /// everything must be made anew.
  /// # Errors
  /// `fatal`.
  virtual Result<End> run(const std::atomic<bool>& stop, const std::atomic<bool>& reload) = 0;
  /// Any thread, and signal handlers' threads: makes `run` look at its flag at once.
  virtual void wake() = 0;
};

}  // namespace weir
