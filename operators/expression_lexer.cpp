#include "operators/expression_lexer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace weir {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Bytes of UTF-8 beyond ASCII are letters.
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool continues_name(char c) {
  return begins_name(c) || is_digit(c) || c == '.';
}

constexpr std::array<std::string_view, 13> symbols = {"==", "!=", "<=", ">=", "<", ">", "+",
                                                      "-",  "*",  "/",  "%",  "(", ")"};

/// What other languages write, and this one does not.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> foreign = {{
    {"&&", "write and instead of &&"},
    {"||", "write or instead of ||"},
    {"!", "write not instead of !"},
    {"=", "write == to compare"},
    {"\"", "texts stand in single quotes: 'text'"},
    {"^", "there are no powers; multiply"},
}};

}  // namespace

void ExpressionLexer::fail(std::size_t at, std::string message) {
  if (!failed()) error_ = {at, std::move(message)};
  at_ = text_.size();
  token_ = {Token::Kind::end, at_, {}, 0};
}

void ExpressionLexer::take(Token::Kind kind, std::size_t size) {
  token_ = {kind, at_, text_.substr(at_, size), 0};
  at_ += size;
}

void ExpressionLexer::next() {
  while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  if (at_ == text_.size()) return take(Token::Kind::end, 0);
  const char c = text_[at_];
  const bool point = c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
  if (is_digit(c) || point) return take_number();
  if (c == '\'') return take_quoted(c, Token::Kind::text);
  if (c == '`') return take_quoted(c, Token::Kind::metric);
  if (!begins_name(c)) return take_symbol();
  std::size_t size = 1;
  while (at_ + size < text_.size() && continues_name(text_[at_ + size])) ++size;
  take(Token::Kind::name, size);
}

void ExpressionLexer::take_number() {
  double number = 0;
  const char* const begin = text_.data() + at_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
  if (error != std::errc() || !std::isfinite(number))
    return fail(at_, "this number is too large or too small");
  take(Token::Kind::number, static_cast<std::size_t>(end - begin));
  token_.number = number;
}

void ExpressionLexer::take_quoted(char quote, Token::Kind kind) {
  const std::size_t end = text_.find(quote, at_ + 1);
  if (end == text_.npos) return fail(at_, std::string("what ") + quote + " begins here has no end");
  const std::size_t at = at_;
  at_ = end + 1;
  token_ = {kind, at, text_.substr(at + 1, end - at - 1), 0};
}

void ExpressionLexer::take_symbol() {
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with(',')) return take(Token::Kind::symbol, 1);
  for (const std::string_view symbol : symbols) {
    if (rest.starts_with(symbol)) return take(Token::Kind::symbol, symbol.size());
  }
  for (const auto& [begin, remedy] : foreign) {
    if (rest.starts_with(begin)) return fail(at_, std::string(remedy));
  }
  fail(at_, "this character has no meaning here");
}

}  // namespace weir
