#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/units.hpp"
#include "firmware-bridge/values.hpp"
#include "operators/reading.hpp"

namespace weir {

/// What a line of a recorded file says. The texts live until the next event is asked for.
struct RecordedReading {
  Timestamp time{};
  std::string_view device, metric;
  double value = 0;                 ///< finite
  Quality quality = Quality::good;  ///< only `inexact`
};
/// The device, or every device, sends nothing older than this any more.
struct RecordedWatermark {
  Timestamp time{};
  std::optional<std::string_view> device;
};
/// The process ends here and starts again from what it stored.
struct RecordedRestart {};
/// Nothing arrives; only RecordedEvent::now says something.
struct RecordedPause {};

struct RecordedEvent {
  std::uint64_t line = 0;  ///< where it begins, from 1
  std::variant<RecordedReading, RecordedWatermark, RecordedRestart, RecordedPause> what;
  /// The gateway's clock when it arrived, if the file says it.
  std::optional<Timestamp> now = std::nullopt;
};

struct RecordedOptions {
  enum class Format { by_ending, csv, json_lines } format = Format::by_ending;
  /// Of times that are numbers; a time that is none is read as RFC 3339, in `zone` without an
  /// offset. With TimeFormat::rfc3339 a number is an error.
  TimeFormat time_format = TimeFormat::milliseconds;
  Duration zone{0};
  Bytes line_max{1u << 20};  ///< a longer line, or quoted record, is an error

  // Of CSV only.
  char separator = ',';
  std::string time_column = "time";
  std::string device_column;  ///< empty: every reading is of `device`
  std::string device;         ///< empty: the name of the file without folder and ending
  /// One reading for each of these that is not empty, named as the column. Empty: every column
  /// but those of time and device.
  std::vector<std::string> value_columns;
  std::string metric_column;  ///< if given, the metric's name stands here, its value in …
  std::string value_column = "value";
};

/// Recorded readings in the order in which they arrived, one event at a time.
///
/// CSV is RFC 4180 with a header. JSON lines hold one object each, and nothing else in it:
///   {"time": 1541152486013, "device": "d1", "metric": "temperature", "value": 21.5}
///   {"watermark": "2026-03-01T12:00:00Z"}   with "device" if it is of one device only
///   {"restart": true}
///   {"now": "2026-03-01T12:00:05Z"}   nothing but the time of the gateway; "now" may also stand
///                                     beside the keys of the others
/// Blank lines are passed over.
class RecordedFile {
 public:
  virtual ~RecordedFile() = default;

  /// # Errors
  /// `unavailable`: the file can't be read. `invalid`: the CSV header lacks a column that was asked
  /// for. `unsupported`: the name ends in none of .csv, .jsonl, .ndjson, .json and no format is
  /// given.
  static Result<std::unique_ptr<RecordedFile>> open(const std::string& path,
                                                    RecordedOptions options);

  /// Nothing at the end of the file.
  /// # Errors
  /// `invalid`: a line is not as described; the message begins with file:line:column. The next call
  /// goes on behind it. `unavailable`: reading failed.
  virtual Result<std::optional<RecordedEvent>> next() = 0;

  virtual Bytes bytes_read() const = 0;  ///< for progress
  virtual Bytes size() const = 0;        ///< of the file when it was opened
};

}  // namespace weir
