#include "firmware-bridge/json_dom.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "firmware-bridge/utf8.hpp"

namespace weir {
namespace {

/// Newer versions of simdjson tell integers beyond 64 bits from malformed numbers.
template <typename ErrorCode>
constexpr bool is_big_integer(ErrorCode error) {
  if constexpr (requires { ErrorCode::BIGINT_ERROR; }) return error == ErrorCode::BIGINT_ERROR;
  return false;
}

std::string_view reason(simdjson::error_code error) {
  if (is_big_integer(error)) error = simdjson::NUMBER_ERROR;
  switch (error) {
    case simdjson::EMPTY:
      return "there is nothing but blanks";
    case simdjson::UTF8_ERROR:
      return "it holds bytes that are not UTF-8";
    case simdjson::DEPTH_ERROR:
      return "it is nested deeper than 128 levels";
    case simdjson::NUMBER_ERROR:
      return "a number is malformed or beyond what 64 bits hold";
    case simdjson::STRING_ERROR:
      return "a string holds an invalid escape";
    case simdjson::UNESCAPED_CHARS:
      return "a string holds a bare control character";
    case simdjson::UNCLOSED_STRING:
      return "a string is not closed";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
      return "there is a word other than true, false and null";
    default:
      return "a comma, colon, bracket or value is missing, or one is too many";
  }
}

}  // namespace

bool JsonDocument::reserve(std::size_t bytes) {
  if (memory_ && memory_->capacity > kept_bytes_max && bytes <= kept_bytes_max) memory_.reset();
  if (!memory_) memory_ = std::make_unique<Memory>();
  if (bytes <= memory_->capacity) return true;
  const std::size_t capacity =
      bytes > kept_bytes_max ? bytes : std::bit_ceil(std::max<std::size_t>(bytes, 512));
  if (memory_->document.allocate(capacity) != simdjson::SUCCESS ||
      memory_->parser.allocate(capacity, depth_max) != simdjson::SUCCESS) {
    memory_.reset();
    return false;
  }
  memory_->capacity = capacity;
  return true;
}

Result<JsonDocument::Element> JsonDocument::parse(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF"))
    return fail(ErrorKind::invalid, "not JSON: it begins with a byte order mark");
  if (!reserve(text.size()))
    return fail(ErrorKind::invalid, "there is no memory to parse a text of this size");
  Element root;
  simdjson::error_code error =
      memory_->parser.parse_into_document(memory_->document, text.data(), text.size()).get(root);
  // Of two things that are wrong, which is found first depends on the processor.
  if (error != simdjson::SUCCESS && !is_utf8(text)) error = simdjson::UTF8_ERROR;
  if (error != simdjson::SUCCESS)
    return fail(ErrorKind::invalid, "not JSON: " + std::string(reason(error)));
  return root;
}

bool is_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace weir
