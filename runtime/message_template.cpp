#include "runtime/message_template.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace weir {

template <class... Format>
void TemplateValues::put(std::size_t name, Format... format) {
  std::array<char, 32>& digits = digits_[name];
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), format...);
  const bool fits = end.ec == std::errc();
  values_[name] = {digits.data(), fits ? static_cast<std::size_t>(end.ptr - digits.data()) : 0};
}

void TemplateValues::integer(std::size_t name, std::int64_t value) {
  put(name, value);
}

void TemplateValues::number(std::size_t name, double value) {
  put(name, value);
}

void TemplateValues::number(std::size_t name, double value, int digits) {
  put(name, value, std::chars_format::fixed, digits);
}

void TemplateValues::time(std::size_t first, Timestamp value) {
  const std::int64_t us = count_us(value);
  integer(first, us / 1'000);
  integer(first + 1, us / 1'000'000);
  integer(first + 2, us);
  // Nanoseconds hold the years 1678 to 2262.
  const std::int64_t limit = std::numeric_limits<std::int64_t>::max() / 1'000;
  integer(first + 3, std::clamp(us, -limit, limit) * 1'000);
  time_text_ = format_time(value);
  text(first + 4, time_text_);
}

MessageTemplate::MessageTemplate(std::string_view text, std::span<const std::string_view> names) {
  std::string before;
  while (!text.empty()) {
    const std::size_t end = text.front() == '{' ? text.find('}') : std::string_view::npos;
    const auto name = end == std::string_view::npos
                          ? names.end()
                          : std::ranges::find(names, text.substr(1, end - 1));
    if (name == names.end()) {
      before += text.front();
      text.remove_prefix(1);
      continue;
    }
    parts_.push_back({std::move(before), static_cast<std::size_t>(name - names.begin())});
    before.clear();
    text.remove_prefix(end + 1);
  }
  if (!before.empty()) parts_.push_back({std::move(before), no_name});
}

void MessageTemplate::render(const TemplateValues& values, std::string& out) const {
  out.clear();
  for (const Part& part : parts_) {
    out += part.text;
    if (part.name != no_name) out += values[part.name];
  }
}

}  // namespace weir
