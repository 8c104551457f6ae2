#pragma once

#include <simdjson.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "config/result.hpp"

namespace weir {

/// simdjson's DOM parser, in weir's terms; the only place that includes simdjson. The whole text is
/// validated (UTF-8, numbers, nesting) before anything of it is seen, and nothing is allocated once
/// the parser has grown to the texts it gets.
///
/// One thread at a time. Elements live until the next `parse`.
class JsonDocument {
 public:
  using Element = simdjson::dom::element;
  using Type = simdjson::dom::element_type;

  /// Nesting beyond this is refused, so that recursion over a document is bounded.
  static constexpr std::size_t depth_max = 128;
  /// Memory for a text longer than this (about 15 times its size) is not kept for the next one.
  static constexpr std::size_t kept_bytes_max = 1U << 16;

  /// # Errors
  /// `invalid`: not a JSON text; the message says why, without bytes of it.
  Result<Element> parse(std::string_view text);

 private:
  struct Memory {
    simdjson::dom::parser parser;
    simdjson::dom::document document;
    std::size_t capacity = 0;
  };
  bool reserve(std::size_t bytes);

  std::unique_ptr<Memory> memory_;
};

}  // namespace weir
