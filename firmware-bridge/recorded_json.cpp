#include <array>
#include <utility>

#include "firmware-bridge/json_dom.hpp"
#include "firmware-bridge/recorded_lines.hpp"

namespace weir {
namespace {

using Element = JsonDocument::Element;
using Type = JsonDocument::Type;

constexpr std::array<std::string_view, 7> keys = {"time",      "device",  "metric", "value",
                                                  "watermark", "restart", "now"};
enum Key : std::size_t {
  time_key,
  device_key,
  metric_key,
  value_key,
  watermark_key,
  restart_key,
  now_key
};

class JsonLinesFile final : public RecordedFile {
 public:
  JsonLinesFile(LineReader lines, RecordedOptions options)
      : lines_(std::move(lines)), options_(std::move(options)) {}

  Result<std::optional<RecordedEvent>> next() override;
  Bytes bytes_read() const override { return lines_.bytes_read(); }
  Bytes size() const override { return lines_.size(); }

 private:
  Result<RecordedEvent> read_line();
  Result<void> read_keys(Element root);
  Result<decltype(RecordedEvent::what)> read_what() const;
  Result<RecordedReading> read_reading() const;
  Result<RecordedWatermark> read_watermark() const;
  Result<Timestamp> read_time(Key key) const;
  Result<std::string_view> read_text(Key key) const;
  Result<void> only(std::initializer_list<Key> allowed, std::string_view why) const;
  tl::unexpected<Error> error_at(std::string_view key, std::string_view why) const;

  LineReader lines_;
  const RecordedOptions options_;
  std::string line_;
  JsonDocument document_;
  std::array<std::optional<Element>, keys.size()> found_;
};

tl::unexpected<Error> JsonLinesFile::error_at(std::string_view key, std::string_view why) const {
  const std::size_t at = line_.find("\"" + std::string(key) + "\"");
  return lines_.error(lines_.line(), at == std::string::npos ? 1 : at + 1, why);
}

Result<std::optional<RecordedEvent>> JsonLinesFile::next() {
  while (true) {
    line_.clear();
    const Result<bool> more = lines_.next(line_);
    if (!more) return fail(more.error());
    if (!*more) return std::nullopt;
    if (line_.find_first_not_of(" \t\r") == std::string::npos) continue;
    Result<RecordedEvent> event = read_line();
    if (!event) return fail(std::move(event.error()));
    return *event;
  }
}

Result<RecordedEvent> JsonLinesFile::read_line() {
  const Result<Element> root = document_.parse(line_);
  if (!root) return lines_.error(lines_.line(), 1, root.error().message);
  if (Result<void> read = read_keys(*root); !read) return fail(std::move(read.error()));

  RecordedEvent event;
  event.line = lines_.line();
  if (found_[now_key]) {
    const Result<Timestamp> now = read_time(now_key);
    if (!now) return fail(now.error());
    event.now = *now;
  }
  auto what = read_what();
  if (!what) return fail(std::move(what.error()));
  event.what = *what;
  return event;
}

Result<decltype(RecordedEvent::what)> JsonLinesFile::read_what() const {
  const auto as_event = [](auto what) { return decltype(RecordedEvent::what)(what); };
  if (found_[watermark_key]) return read_watermark().map(as_event);
  if (!found_[restart_key] && found_[now_key] && only({now_key}, "")) return RecordedPause{};
  if (!found_[restart_key]) return read_reading().map(as_event);
  if (Result<void> alone = only({restart_key, now_key}, "a restart stands alone"); !alone)
    return fail(std::move(alone.error()));
  bool restart = false;
  if (found_[restart_key]->get(restart) != simdjson::SUCCESS || !restart)
    return error_at("restart", "restart is true or not there");
  return RecordedRestart{};
}

Result<void> JsonLinesFile::read_keys(Element root) {
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return lines_.error(lines_.line(), 1, "this is no object");
  found_ = {};
  for (const auto field : object) {
    std::size_t key = 0;
    while (key < keys.size() && keys[key] != field.key) ++key;
    if (key == keys.size())
      return error_at(
          field.key,
          "unknown key; known are time, device, metric, value, watermark, restart and now");
    if (found_[key]) return error_at(field.key, "this key is given twice");
    found_[key] = field.value;
  }
  return {};
}

Result<RecordedReading> JsonLinesFile::read_reading() const {
  for (const Key key : {time_key, device_key, metric_key, value_key}) {
    if (!found_[key])
      return lines_.error(lines_.line(), 1, "the key " + std::string(keys[key]) + " is missing");
  }
  const Result<Timestamp> time = read_time(time_key);
  if (!time) return fail(time.error());
  const Result<std::string_view> device = read_text(device_key);
  if (!device) return fail(device.error());
  const Result<std::string_view> metric = read_text(metric_key);
  if (!metric) return fail(metric.error());

  RecordedReading reading{*time, *device, *metric, 0, Quality::good};
  const Element value = *found_[value_key];
  if (value.get(reading.value) != simdjson::SUCCESS)
    return error_at("value", "the value is no number");
  const bool exact = value.type() == Type::INT64    ? fits_double(value.get_int64().value_unsafe())
                     : value.type() == Type::UINT64 ? fits_double(value.get_uint64().value_unsafe())
                                                    : true;
  if (!exact) reading.quality = Quality::inexact;
  return reading;
}

Result<RecordedWatermark> JsonLinesFile::read_watermark() const {
  if (Result<void> alone =
          only({watermark_key, device_key, now_key}, "a watermark has only a device");
      !alone)
    return fail(std::move(alone.error()));
  const Result<Timestamp> time = read_time(watermark_key);
  if (!time) return fail(time.error());
  RecordedWatermark watermark{*time, std::nullopt};
  if (found_[device_key]) {
    const Result<std::string_view> device = read_text(device_key);
    if (!device) return fail(device.error());
    watermark.device = *device;
  }
  return watermark;
}

Result<Timestamp> JsonLinesFile::read_time(Key key) const {
  const Element element = *found_[key];
  std::optional<Timestamp> time;
  switch (element.type()) {
    case Type::INT64:
      time = time_from(element.get_int64().value_unsafe(), options_.time_format);
      break;
    case Type::DOUBLE:
      time = time_from(element.get_double().value_unsafe(), options_.time_format);
      break;
    case Type::STRING:
      time = time_from(element.get_string().value_unsafe(), TimeFormat::rfc3339, options_.zone);
      break;
    default:
      break;
  }
  if (!time) return error_at(keys[key], "this is no time");
  return *time;
}

Result<std::string_view> JsonLinesFile::read_text(Key key) const {
  std::string_view text;
  if (found_[key]->get(text) != simdjson::SUCCESS || text.empty())
    return error_at(keys[key], "this is no text of at least one character");
  return text;
}

Result<void> JsonLinesFile::only(std::initializer_list<Key> allowed, std::string_view why) const {
  for (std::size_t key = 0; key < keys.size(); ++key) {
    bool known = false;
    for (const Key other : allowed) known = known || other == key;
    if (found_[key] && !known) return error_at(keys[key], why);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RecordedFile>> open_json_lines(LineReader lines, RecordedOptions options) {
  return std::make_unique<JsonLinesFile>(std::move(lines), std::move(options));
}

}  // namespace weir
