#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/params.hpp"
#include "firmware-bridge/log.hpp"

namespace weir {

enum class LogFormat : std::uint8_t { text, json };

/// `[log]` of the configuration.
struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;

  static LogOptions read(Params& root);
};

/// One line a message to standard error: readable text, or one JSON object with `time`, `level`
/// and `message`. Where standard error is the journal, each line carries its priority instead of a
/// time. Before this is called, text from level info. Any thread, any number of times.
void configure_log(const LogOptions& options);

/// Any thread; never throws. The message is a sentence without a full stop and without secrets.
/// The same text more than five times within a minute is counted instead of written; the sum
/// follows with the first message after that minute.
void log(LogLevel level, std::string_view message) noexcept;
inline void log_debug(std::string_view message) noexcept {
  log(LogLevel::debug, message);
}
inline void log_info(std::string_view message) noexcept {
  log(LogLevel::info, message);
}
inline void log_warning(std::string_view message) noexcept {
  log(LogLevel::warning, message);
}
inline void log_error(std::string_view message) noexcept {
  log(LogLevel::error, message);
}

/// For libraries and lower floors, which are handed their log as a function: each message begins
/// with "component: ". Any thread.
Log log_as(std::string component);

/// Writes the sums of repeats that are still outstanding; for the end of the program.
void flush_log() noexcept;

/// The text with its control characters as \n, \t or \xNN: what came from a peer must neither
/// steer a terminal nor forge a line.
std::string printable(std::string_view text);

/// Decides which messages are written and which only counted. Bounded: `capacity` texts are
/// remembered, the oldest makes room. Not thread-safe; reads no clock.
class RepeatFilter {
 public:
  struct Sum {
    LogLevel level = LogLevel::info;
    std::string text;
    std::uint64_t count = 0;  ///< how often it was not written
  };
  static constexpr std::uint64_t allowed = 5;
  static constexpr Duration period = std::chrono::minutes(1);
  static constexpr std::size_t capacity = 64;

  /// Whether this message is to be written.
  bool pass(LogLevel level, std::string_view text, Duration now);
  /// The sums of periods that have ended, each once.
  std::vector<Sum> take_ended(Duration now);
  std::vector<Sum> take_all();

 private:
  struct Entry {
    LogLevel level;
    std::string text;
    Duration since;
    std::uint64_t count;
  };
  void retire(const Entry& entry);

  std::vector<Entry> entries_;  ///< in the order of `since`
  std::vector<Sum> ended_;
};

}  // namespace weir
