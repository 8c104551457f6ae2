#include "runtime/recorded_feed.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/json_writer.hpp"

namespace weir {
namespace {

enum Place : std::size_t { at_line, at_device, at_metric, at_value, at_first_time };
constexpr std::array<std::string_view, 9> recorded_names = {
    "line",
    "device",
    "metric",
    "value",
    TemplateValues::time_names[0],
    TemplateValues::time_names[1],
    TemplateValues::time_names[2],
    TemplateValues::time_names[3],
    TemplateValues::time_names[4],
};

/// A wildcard or a NUL in a topic makes the broker close the connection; a slash adds a level.
std::string as_topic_level(std::string_view text) {
  std::string level(text);
  std::ranges::replace_if(
      level, [](char c) { return c == '+' || c == '#' || c == '/' || c == '\0'; }, '_');
  return level;
}

/// The inside of a JSON string.
std::string as_json(std::string_view text) {
  const std::string quoted = JsonWriter().value(text).take();
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

RecordedFeed::RecordedFeed(std::vector<std::string> files, RecordedOptions options,
                           const std::string& topic, const std::string& payload)
    : files_(std::move(files)),
      options_(std::move(options)),
      topic_(topic, recorded_names),
      payload_(payload, recorded_names) {}

bool RecordedFeed::next(FleetMessage& out) {
  while (file_ || open_next()) {
    const auto event = file_->next();
    if (!event) {
      if (first_complaint_.empty()) first_complaint_ = event.error().message;
      if (event.error().kind != ErrorKind::invalid) return false;
      ++bad_lines_;
    } else if (!*event) {
      file_.reset();
    } else if (const auto* reading = std::get_if<RecordedReading>(&(*event)->what)) {
      render(*reading, out);
      return true;
    }
  }
  return false;
}

bool RecordedFeed::open_next() {
  if (next_file_ == files_.size()) return false;
  auto opened = RecordedFile::open(files_[next_file_], options_);
  if (!opened) {
    first_complaint_ = opened.error().message;
    next_file_ = files_.size();
    return false;
  }
  ++next_file_;
  file_ = *std::move(opened);
  file_started_ = false;
  file_due_ = due_;
  return true;
}

void RecordedFeed::render(const RecordedReading& reading, FleetMessage& out) {
  if (!std::exchange(file_started_, true)) file_start_ = reading.time;
  due_ = std::max(due_, file_due_ + (reading.time - file_start_));
  out.due = due_;

  TemplateValues values;
  values.text(at_line, "recorded");
  values.number(at_value, reading.value);
  values.time(at_first_time, reading.time);
  const std::string device_level = as_topic_level(reading.device);
  const std::string metric_level = as_topic_level(reading.metric);
  values.text(at_device, device_level);
  values.text(at_metric, metric_level);
  topic_.render(values, out.topic);
  const std::string device_text = as_json(reading.device), metric_text = as_json(reading.metric);
  values.text(at_device, device_text);
  values.text(at_metric, metric_text);
  payload_.render(values, out.payload);
}

std::string RecordedFeed::complaint() const {
  if (bad_lines_ <= 1) return first_complaint_;
  return first_complaint_ + " (and " + std::to_string(bad_lines_ - 1) + " more lines left out)";
}

}  // namespace weir
