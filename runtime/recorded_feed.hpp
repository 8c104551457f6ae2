#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware-bridge/recorded.hpp"
#include "runtime/fleet.hpp"
#include "runtime/message_template.hpp"

namespace weir {

/// Messages from recorded files: one a reading, with its own time in the payload, due when it was
/// recorded, counted from the first reading of its file. Files are played one behind the other. A
/// reading that was recorded out of order is due with the one before it.
///
/// Templates know line (always "recorded"), device, metric, value and the names for the time. What
/// a topic may not hold is replaced by an underscore; texts are escaped as JSON wants it.
class RecordedFeed {
 public:
  static constexpr auto default_payload = R"({"ts":{ts},"{metric}":{value}})";

  RecordedFeed(std::vector<std::string> files, RecordedOptions options, const std::string& topic,
               const std::string& payload);

  /// Replaces `out` by the next message; false at the end, or when a file can't be read.
  bool next(FleetMessage& out);

  /// What could not be used: lines that were left out, a file that ended it. Empty: nothing.
  std::string complaint() const;

 private:
  bool open_next();
  void render(const RecordedReading& reading, FleetMessage& out);

  std::vector<std::string> files_;
  RecordedOptions options_;
  MessageTemplate topic_, payload_;
  std::size_t next_file_ = 0;
  std::unique_ptr<RecordedFile> file_;
  Duration due_{0}, file_due_{0};
  Timestamp file_start_{};
  bool file_started_ = false;
  std::uint64_t bad_lines_ = 0;
  std::string first_complaint_;
};

}  // namespace weir
