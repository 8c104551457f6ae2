#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/units.hpp"

namespace weir {

/// What stands for the places of a MessageTemplate, by the index of their names.
class TemplateValues {
 public:
  static constexpr std::size_t names_max = 16;
  /// The names that `time` fills, in this order: milliseconds, the other units, RFC 3339.
  static constexpr std::array<std::string_view, 5> time_names = {"ts", "ts_s", "ts_us", "ts_ns",
                                                                 "time"};
  TemplateValues() = default;
  TemplateValues(const TemplateValues&) = delete;
  TemplateValues& operator=(const TemplateValues&) = delete;

  /// Requires: the text outlives these values.
  void text(std::size_t name, std::string_view value) { values_[name] = value; }
  void integer(std::size_t name, std::int64_t value);
  void number(std::size_t name, double value);              ///< the shortest exact text
  void number(std::size_t name, double value, int digits);  ///< so many behind the point
  /// Fills five names from `first` on.
  void time(std::size_t first, Timestamp value);

  std::string_view operator[](std::size_t name) const { return values_[name]; }

 private:
  template <class... Format>
  void put(std::size_t name, Format... format);

  std::array<std::string_view, names_max> values_;
  std::array<std::array<char, 32>, names_max> digits_;
  std::string time_text_;
};

/// A text with places for values: "plant/{line}/{device}/state". A brace that does not enclose one
/// of the names is text, so JSON needs no escapes.
class MessageTemplate {
 public:
  MessageTemplate(std::string_view text, std::span<const std::string_view> names);

  /// Replaces `out`.
  void render(const TemplateValues& values, std::string& out) const;

 private:
  struct Part {
    std::string text;  ///< before the place
    std::size_t name;  ///< no_name: none follows
  };
  static constexpr std::size_t no_name = static_cast<std::size_t>(-1);
  std::vector<Part> parts_;
};

}  // namespace weir
