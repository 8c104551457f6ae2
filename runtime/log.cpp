#include "runtime/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "runtime/json_writer.hpp"

namespace weir {
namespace {

struct LevelNames {
  spdlog::level::level_enum level;
  const char* name;
  const char* padded;
  const char* priority;  // of syslog, as the journal reads it at the start of a line
};
constexpr LevelNames level_names[] = {{spdlog::level::debug, "debug", "debug   ", "<7>"},
                                      {spdlog::level::info, "info", "info    ", "<6>"},
                                      {spdlog::level::warn, "warning", "warning ", "<4>"},
                                      {spdlog::level::err, "error", "error   ", "<3>"}};

const LevelNames& names_of(spdlog::level::level_enum level) {
  const auto* found = std::find_if(std::begin(level_names), std::end(level_names),
                                   [&](const LevelNames& names) { return names.level == level; });
  return found == std::end(level_names) ? level_names[1] : *found;
}

/// systemd names the device and inode of the stream it gave us; a redirected one differs.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

class LineFormatter : public spdlog::formatter {
 public:
  LineFormatter(LogFormat format, bool journal) : format_(format), journal_(journal) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const LevelNames& names = names_of(message.level);
    const std::string_view text(message.payload.data(), message.payload.size());
    const auto time = std::chrono::time_point_cast<std::chrono::milliseconds>(message.time);
    std::string line = journal_ ? names.priority : "";
    if (format_ == LogFormat::json) {
      JsonWriter json;
      json.begin_object().member("time", format_time(time)).member("level", names.name);
      line += json.member("message", text).end_object().take();
    } else {
      if (!journal_) line += format_time(time) + " " + names.padded;
      line += printable(text);
    }
    line += '\n';
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_, journal_);
  }

 private:
  LogFormat format_;
  bool journal_;
};

/// The log of the process.
class ProcessLog {
 public:
  ProcessLog() { configure({}); }

  void configure(const LogOptions& options) {
    const std::lock_guard lock(mutex_);
    level_ = options.level;
    logger_.set_level(level_names[static_cast<std::size_t>(options.level)].level);
    logger_.set_formatter(std::make_unique<LineFormatter>(options.format, stderr_is_journal()));
  }

  void write(LogLevel level, std::string_view message) {
    if (level < level_.load()) return;
    const std::lock_guard lock(mutex_);
    const auto now =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
    const bool pass = repeats_.pass(level, message, now);
    put(repeats_.take_ended(now));
    if (pass) put(level, message);
  }

  void flush() {
    const std::lock_guard lock(mutex_);
    put(repeats_.take_all());
  }

 private:
  void put(LogLevel level, std::string_view message) {
    logger_.log(level_names[static_cast<std::size_t>(level)].level,
                spdlog::string_view_t(message.data(), message.size()));
  }
  void put(const std::vector<RepeatFilter::Sum>& sums) {
    for (const RepeatFilter::Sum& sum : sums) {
      put(sum.level, sum.text + " (" + std::to_string(sum.count) + " times more within a minute)");
    }
  }

  // One lock for all, so the logger and its sink are the kind without their own.
  std::mutex mutex_;
  std::atomic<LogLevel> level_{LogLevel::info};
  RepeatFilter repeats_;
  spdlog::logger logger_{"weir", std::make_shared<spdlog::sinks::stderr_sink_st>()};
};

ProcessLog& the_log() {
  // Never destroyed: threads of libraries may log until the very end.
  static ProcessLog& log = *new ProcessLog;
  return log;
}

}  // namespace

LogOptions LogOptions::read(Params& root) {
  Params table = root.table("log");
  LogOptions options;
  options.level = table.choice("level", LogLevel::info,
                               {{"debug", LogLevel::debug},
                                {"info", LogLevel::info},
                                {"warning", LogLevel::warning},
                                {"error", LogLevel::error}});
  options.format = table.choice("format", LogFormat::text,
                                {{"text", LogFormat::text}, {"json", LogFormat::json}});
  return options;
}

void configure_log(const LogOptions& options) {
  the_log().configure(options);
}

void log(LogLevel level, std::string_view message) noexcept {
  try {
    the_log().write(level, message);
  } catch (...) {
    // No memory for a line of the log: nothing better can be done than to go on without it.
  }
}

void flush_log() noexcept {
  try {
    the_log().flush();
  } catch (...) {
    // As above.
  }
}

Log log_as(std::string component) {
  return [prefix = std::move(component) + ": "](LogLevel level, std::string_view message) {
    log(level, prefix + std::string(message));
  };
}

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

bool RepeatFilter::pass(LogLevel level, std::string_view text, Duration now) {
  const auto same = [&](const Entry& entry) { return entry.level == level && entry.text == text; };
  auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found != entries_.end() && now - found->since >= period) {
    retire(*found);
    entries_.erase(found);
    found = entries_.end();
  }
  if (found != entries_.end()) return ++found->count <= allowed;
  if (entries_.size() == capacity) {
    retire(entries_.front());
    entries_.erase(entries_.begin());
  }
  entries_.push_back({level, std::string(text), now, 1});
  return true;
}

std::vector<RepeatFilter::Sum> RepeatFilter::take_ended(Duration now) {
  while (!entries_.empty() && now - entries_.front().since >= period) {
    retire(entries_.front());
    entries_.erase(entries_.begin());
  }
  return std::exchange(ended_, {});
}

std::vector<RepeatFilter::Sum> RepeatFilter::take_all() {
  for (const Entry& entry : entries_) retire(entry);
  entries_.clear();
  return std::exchange(ended_, {});
}

void RepeatFilter::retire(const Entry& entry) {
  if (entry.count > allowed) ended_.push_back({entry.level, entry.text, entry.count - allowed});
}

}  // namespace weir
