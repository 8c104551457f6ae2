#include "firmware-bridge/json_decoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory_resource>
#include <optional>
#include <utility>

#include "firmware-bridge/json_lookup.hpp"

namespace weir {
namespace {

using Element = JsonDocument::Element;
using Type = JsonDocument::Type;
using Row = JsonLookup::Row;

constexpr std::string_view bare_name = "value";  // of a number for which none is configured

bool is_container(Element element) {
  return element.type() == Type::ARRAY || element.type() == Type::OBJECT;
}

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(JsonOptions options)
      : options_(std::move(options)), reserved_(options_.reserved_names()) {
    std::vector<JsonPath> paths;
    for (const JsonOptions::Named& tag : options_.tags) {
      tag_names_.push_back(tag.name);
      paths.push_back(tag.path);
    }
    for (const JsonOptions::Named& metric : options_.metrics) paths.push_back(metric.path);
    if (options_.pairs) {
      paths.push_back(options_.pairs->name);
      paths.push_back(options_.pairs->value);
    }
    if (options_.sequence) {
      sequence_at_ = paths.size();
      paths.push_back(options_.sequence->path);
    }
    if (options_.time) paths.push_back(*options_.time);
    lookup_ = JsonLookup(std::move(paths), options_.each.size() + 1);
  }

  const std::vector<std::string>& tag_names() const override { return tag_names_; }

  std::vector<std::string> metric_names() const override {
    std::vector<std::string> names;
    for (const auto& metric : options_.metrics) names.push_back(metric.name);
    return names;
  }

  std::string_view sequence_name() const override {
    return options_.sequence ? std::string_view(options_.sequence->name) : std::string_view();
  }

  Result<void> decode(std::string_view payload, Decoded& out) override {
    out.clear();
    texts_.release();
    path_.clear();
    over_limit_ = false;
    out_ = &out;

    const Result<Element> root = document_.parse(payload);
    if (!root) return fail(root.error());
    out.well_formed = true;
    if (!is_container(*root)) {
      if (Result<void> bare = check_bare(*root); !bare) return bare;
    }
    visit(*root, 0);
    if (over_limit_) {
      out.clear();
      return fail(ErrorKind::invalid, "it holds more than 100000 values");
    }
    if (out.values.empty()) return fail(ErrorKind::invalid, nothing_found());
    return {};
  }

 private:
  // A row holds what the tags, then the metrics or the pair, then the sequence number, then the
  // time lead to.
  std::size_t first_metric() const { return options_.tags.size(); }

  Result<void> check_bare(Element element) const {
    if (!element.is_number())
      return fail(ErrorKind::invalid, "it is a bare text, boolean or null, not a number");
    if (!options_.each.empty() || options_.pairs || options_.metrics.size() > 1)
      return fail(ErrorKind::invalid, "it is a bare number where records were configured");
    return {};
  }

  std::string nothing_found() const {
    const Decoded& out = *out_;
    if (out.bad_time > 0) return "the time is there but can't be read as configured";
    if (out.bad_tag > 0) return "a tag is an array, an object or too long";
    if (out.bad_name > 0) return "the name of a metric is missing, empty or too long";
    if (out.not_numeric + out.not_finite > 0) return "no value in it is a finite number";
    return "it holds no value that was asked for";
  }

  /// Walks `each` from its step `depth` on; the levels on the way are what a record can look up in.
  void visit(Element element, std::size_t depth) {
    const Row& row = lookup_.enter(element, depth);
    if (depth == options_.each.size()) return add_record(element, row);

    const JsonStep& step = options_.each[depth];
    if (!step.each) {
      if (const std::optional<Element> next = json_child(element, step)) visit(*next, depth + 1);
      return;
    }
    simdjson::dom::array array;
    simdjson::dom::object object;
    if (element.get(array) == simdjson::SUCCESS) {
      for (const Element next : array) {
        if (over_limit_) return;
        visit(next, depth + 1);
      }
    } else if (element.get(object) == simdjson::SUCCESS) {
      for (const auto field : object) {
        if (over_limit_) return;
        visit(field.value, depth + 1);
      }
    }
  }

  void add_record(Element element, const Row& row) {
    Decoded& out = *out_;
    Decoded::Record record;
    record.first_value = static_cast<std::uint32_t>(out.values.size());
    record.first_tag = static_cast<std::uint32_t>(out.tags.size());
    if (!read_time(row, record)) {
      ++out.bad_time;
      return;
    }
    for (std::size_t i = 0; i < options_.tags.size(); ++i) {
      const std::optional<std::string_view> tag = text_of(row[i]);
      if (!tag) {
        ++out.bad_tag;
        out.tags.resize(record.first_tag);
        return;
      }
      out.tags.push_back(*tag);
    }
    if (options_.sequence) record.sequence = sequence_of(row[sequence_at_]);
    add_values(element, row, record.first_value);

    record.value_count = static_cast<std::uint32_t>(out.values.size()) - record.first_value;
    if (record.value_count > 0) {
      out.records.push_back(record);
    } else {
      out.tags.resize(record.first_tag);
    }
  }

  void add_values(Element element, const Row& row, std::size_t first_value) {
    const std::vector<JsonOptions::Named>& metrics = options_.metrics;
    if (options_.pairs) {
      add_pair(row[first_metric()], row[first_metric() + 1]);
    } else if (!is_container(element) && metrics.size() <= 1) {
      const std::string_view name = metrics.empty() ? bare_name : metrics[0].name;
      add_value(name, element, !metrics.empty());
    } else if (metrics.empty()) {
      flatten(element);
      drop_repeated(first_value);
    } else {
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (const std::optional<Element> found = row[first_metric() + i])
          add_value(metrics[i].name, *found, true);
      }
    }
  }

  void add_pair(const std::optional<Element>& name, const std::optional<Element>& value) {
    if (!value || value->is_null()) return;
    const std::optional<std::string_view> metric = text_of(name);
    if (!metric || metric->empty()) {
      ++out_->bad_name;
    } else {
      add_value(*metric, *value, true);
    }
  }

  bool read_time(const Row& row, Decoded::Record& record) const {
    if (!options_.time || !row.back() || row.back()->is_null()) return true;
    const Element element = *row.back();
    std::optional<Timestamp> time;
    switch (element.type()) {
      case Type::INT64:
        time = time_from(element.get_int64().value_unsafe(), options_.time_format);
        break;
      case Type::DOUBLE:
        time = time_from(element.get_double().value_unsafe(), options_.time_format);
        break;
      case Type::STRING:
        time = time_from(element.get_string().value_unsafe(), options_.time_format, options_.zone);
        break;
      default:
        break;
    }
    if (!time) return false;
    record.time = *time;
    record.has_time = true;
    return true;
  }

  /// What the field holds as a number, -1 if that is none; whether it can count is not asked here.
  static double sequence_of(const std::optional<Element>& element) {
    if (!element) return -1;
    switch (element->type()) {
      case Type::INT64:
        return static_cast<double>(element->get_int64().value_unsafe());
      case Type::UINT64:
        return static_cast<double>(element->get_uint64().value_unsafe());
      case Type::DOUBLE:
        return element->get_double().value_unsafe();
      case Type::STRING: {
        const TextNumber read = read_number(element->get_string().value_unsafe());
        return read.outcome == TextNumber::Outcome::number ? read.value : -1;
      }
      default:
        return -1;
    }
  }

  /// A tag or a name; nothing if it can't be one. Numbers are written as JSON would.
  std::optional<std::string_view> text_of(const std::optional<Element>& element) {
    if (!element) return "";
    switch (element->type()) {
      case Type::STRING: {
        const std::string_view text = element->get_string().value_unsafe();
        return text.size() <= name_bytes_max ? std::optional(text) : std::nullopt;
      }
      case Type::NULL_VALUE:
        return "";
      case Type::BOOL:
        return element->get_bool().value_unsafe() ? "true" : "false";
      case Type::INT64:
        return digits(element->get_int64().value_unsafe());
      case Type::UINT64:
        return digits(element->get_uint64().value_unsafe());
      case Type::DOUBLE:
        return digits(element->get_double().value_unsafe());
      default:
        return std::nullopt;
    }
  }

  template <class T>
  std::string_view digits(T number) {
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
    return keep({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
  }

  /// A copy of a text that lives until the next call of `decode`.
  std::string_view keep(std::string_view text) {
    auto* copy = static_cast<char*>(texts_.allocate(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  /// `named`: the configuration names this very field, so a text in it should be a number.
  void add_value(std::string_view metric, Element element, bool named) {
    switch (element.type()) {
      case Type::INT64: {
        const std::int64_t number = element.get_int64().value_unsafe();
        return push(metric, static_cast<double>(number), fits_double(number));
      }
      case Type::UINT64: {
        const std::uint64_t number = element.get_uint64().value_unsafe();
        return push(metric, static_cast<double>(number), fits_double(number));
      }
      case Type::DOUBLE:
        return push(metric, element.get_double().value_unsafe(), true);
      case Type::BOOL:
        return push(metric, element.get_bool().value_unsafe() ? 1 : 0, true);
      case Type::STRING:
        return add_text(metric, element.get_string().value_unsafe(), named);
      case Type::NULL_VALUE:
        return;
      default:
        out_->not_numeric += named ? 1 : 0;
    }
  }

  void add_text(std::string_view metric, std::string_view text, bool named) {
    for (const auto& [word, number] : options_.words) {
      if (word == text) return push(metric, number, true);
    }
    if (!named) return;
    const TextNumber read = read_number(text);
    switch (read.outcome) {
      case TextNumber::Outcome::number:
        return push(metric, read.value, read.exact);
      case TextNumber::Outcome::not_numeric:
        ++out_->not_numeric;
        return;
      case TextNumber::Outcome::not_finite:
        ++out_->not_finite;
        return;
    }
  }

  void push(std::string_view metric, double value, bool exact) {
    if (out_->values.size() == json_values_max) {
      over_limit_ = true;
    } else if (!metric.empty() && metric == sequence_name()) {
      ++out_->bad_name;  // nobody could tell it from the sequence number
    } else {
      out_->values.push_back({metric, value, exact ? Quality::good : Quality::inexact});
    }
  }

  /// Every value below `element`, which stands at `path_` inside the record.
  void flatten(Element element) {
    if (over_limit_) return;
    if (path_.size() > name_bytes_max) {
      ++out_->bad_name;
      return;
    }
    const std::size_t size = path_.size();
    simdjson::dom::object object;
    simdjson::dom::array array;
    if (element.get(object) == simdjson::SUCCESS) {
      for (const auto field : object) {
        append_json_step(path_, field.key);
        flatten(field.value);
        path_.resize(size);
      }
    } else if (element.get(array) == simdjson::SUCCESS) {
      std::size_t index = 0;
      for (const Element next : array) {
        append_json_step(path_, std::to_string(index++));
        flatten(next);
        path_.resize(size);
      }
    } else if (std::find(reserved_.begin(), reserved_.end(), path_) == reserved_.end()) {
      const std::size_t before = out_->values.size();
      add_value(path_, element, false);
      if (out_->values.size() > before) out_->values.back().metric = keep(path_);
    }
  }

  /// Of values with one name only the first stays, as a look-up by that name would find it.
  void drop_repeated(std::size_t first) {
    std::vector<Decoded::Value>& values = out_->values;
    order_.clear();
    for (std::size_t i = first; i < values.size(); ++i) order_.push_back(i);
    const auto by_name = [&](std::size_t a, std::size_t b) {
      const std::string_view left = values[a].metric, right = values[b].metric;
      if (left.size() != right.size()) return left.size() < right.size();
      const int order = left.compare(right);
      return order != 0 ? order < 0 : a < b;
    };
    std::sort(order_.begin(), order_.end(), by_name);
    bool repeated = false;
    for (std::size_t i = order_.size(); i-- > 1;) {
      Decoded::Value& value = values[order_[i]];
      if (value.metric == values[order_[i - 1]].metric) {
        value.metric = {};
        repeated = true;
      }
    }
    if (!repeated) return;
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(first);
    const auto unnamed = [](const Decoded::Value& value) { return value.metric.empty(); };
    values.erase(std::remove_if(from, values.end(), unnamed), values.end());
  }

  const JsonOptions options_;
  const std::vector<std::string> reserved_;
  std::vector<std::string> tag_names_;
  std::size_t sequence_at_ = 0;  ///< in a row

  JsonDocument document_;
  JsonLookup lookup_;
  std::string path_;
  std::vector<std::size_t> order_;
  // The first names of a message need no allocation; release() gives back all others.
  std::array<std::byte, 8192> texts_buffer_;
  std::pmr::monotonic_buffer_resource texts_{texts_buffer_.data(), texts_buffer_.size()};
  Decoded* out_ = nullptr;
  bool over_limit_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(JsonOptions options) {
  return std::make_unique<JsonDecoder>(std::move(options));
}

}  // namespace weir
