#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir {

/// Writes one JSON document. The same calls give the same bytes on any machine: numbers are the
/// shortest text that reads back as the same value, members stand in the order of the calls, there
/// is no white space. Text that is not valid UTF-8 has each bad part replaced by U+FFFD.
///
/// `JsonWriter json; json.begin_object().member("a", 1).key("b").null().end_object().take()`
///
/// Requires: calls that make one well-formed document; anything else gives malformed text, nothing
/// worse.
class JsonWriter {
 public:
  JsonWriter();
  ~JsonWriter();
  JsonWriter(JsonWriter&&) noexcept;
  JsonWriter& operator=(JsonWriter&&) noexcept;

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(double number);  ///< null unless finite: JSON knows neither NaN nor infinity
  template <std::same_as<bool> T>
  JsonWriter& value(T truth) {
    return boolean(truth);
  }
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& value(T number) {
    if constexpr (std::signed_integral<T>)
      return integer(std::int64_t{number});
    else
      return natural(std::uint64_t{number});
  }
  JsonWriter& null();

  /// A key and its value in one call.
  template <class T>
  JsonWriter& member(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }

  /// The document so far; the writer is empty again.
  std::string take();

 private:
  JsonWriter& boolean(bool truth);
  JsonWriter& integer(std::int64_t number);
  JsonWriter& natural(std::uint64_t number);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
