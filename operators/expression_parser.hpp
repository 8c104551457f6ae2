#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "operators/expression.hpp"
#include "operators/expression_lexer.hpp"
#include "operators/expression_ops.hpp"

namespace weir {

/// Text to program, in one pass: each function parses one rule of the grammar, checks the types of
/// what it found and appends the instructions that compute it. Used once.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, const ExpressionScope& scope)
      : scope_(scope), lexer_(text) {
    out_.text_ = text;
  }

  Result<Expression> parse(Expression::Wanted wanted);

 private:
  enum class Type : std::uint8_t { number, text, boolean };
  using Op = Expression::Op;
  using Kind = ExpressionLexer::Token::Kind;
  struct Operand {
    Type type = Type::number;
    std::size_t at = 0;
  };
  struct Function;
  static std::span<const Function> functions();

  static std::string a(Type type);  ///< "a number"

  const ExpressionLexer::Token& token() const { return lexer_.token(); }
  void wrong(std::size_t at, std::string message) { lexer_.fail(at, std::move(message)); }
  bool accept(std::string_view symbol);
  void expect(std::string_view symbol, std::string_view where);
  void want(const Operand& operand, Type type, std::string_view for_what);
  void emit(Op op, std::size_t at, std::size_t n, int grows);

  Operand disjunction();
  Operand conjunction();
  Operand negation();
  Operand comparison();
  Operand sum();
  Operand product();
  Operand sign();
  Operand primary();
  Operand name();
  Operand metric(std::string_view name, std::size_t at);
  Operand call(std::string_view name, std::size_t at);
  Operand choice(std::size_t at);
  Operand conversion(std::size_t at);
  const Unit* unit(std::size_t& at);
  void one_of(const Operand& operand, bool negated);
  template <class Rule, class... Operators>
  Operand chain(Rule rule, const Operators&... operators);
  std::size_t number_constant(double number);
  std::size_t text_constant(std::string_view text);

  const ExpressionScope& scope_;
  ExpressionLexer lexer_;
  Expression out_;
  std::size_t depth_ = 0, stack_ = 0;
};

}  // namespace weir
