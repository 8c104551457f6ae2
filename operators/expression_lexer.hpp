#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

/// Where and why a text is no expression.
struct ExpressionError {
  std::size_t at = 0;  ///< byte of the text
  std::string message;
};

/// Cuts the text of an expression into tokens. After an error there is only `end`.
class ExpressionLexer {
 public:
  struct Token {
    enum class Kind : std::uint8_t { end, number, text, name, metric, symbol };
    Kind kind = Kind::end;
    std::size_t at = 0;
    std::string_view text;  ///< without quotes; of a symbol or a name, itself
    double number = 0;

    bool is(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
    /// `and`, `or`, `not`, `in`: names with a meaning of their own.
    bool is_word(std::string_view word) const { return kind == Kind::name && text == word; }
  };

  /// `text` outlives this and the tokens.
  explicit ExpressionLexer(std::string_view text) : text_(text) { next(); }

  const Token& token() const { return token_; }
  void next();

  /// Records the error, unless there is one already, and ends the text.
  void fail(std::size_t at, std::string message);
  bool failed() const { return !error_.message.empty(); }
  const ExpressionError& error() const { return error_; }

 private:
  void take_number();
  void take_quoted(char quote, Token::Kind kind);
  void take_symbol();
  void take(Token::Kind kind, std::size_t size);

  std::string_view text_;
  std::size_t at_ = 0;
  Token token_;
  ExpressionError error_;
};

}  // namespace weir
