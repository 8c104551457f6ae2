#include "operators/expression_parser.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace weir {

namespace {

/// The text around `at`, and a caret under it.
std::string shown(std::string_view text, std::size_t at) {
  constexpr std::size_t before = 60, width = 90;
  // Only the line it stands in, and of a long one a part that begins and ends with a character.
  const auto inside = [&text](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
  };
  std::size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  std::size_t end = std::min(text.find('\n', at), text.size());
  if (at - begin > before) begin = at - before;
  end = std::min(end, begin + width);
  while (inside(begin)) ++begin;
  while (inside(end)) ++end;
  std::string line, under;
  for (std::size_t i = begin; i < std::max(end, at); ++i) {
    line += static_cast<unsigned char>(text[i]) < ' ' ? ' ' : text[i];
    if (i < at && !inside(i)) under += ' ';
  }
  return "\n    " + line + "\n    " + under + "^";
}

}  // namespace

std::string ExpressionParser::a(Type type) {
  constexpr std::array<std::string_view, 3> names = {"a number", "a text", "a boolean"};
  return std::string(names[static_cast<std::size_t>(type)]);
}

Result<Expression> Expression::parse(std::string_view text, const ExpressionScope& scope,
                                     Wanted wanted) {
  if (text.size() > ExpressionLimits::text_bytes) {
    return fail(ErrorKind::invalid, "an expression has at most " +
                                        std::to_string(ExpressionLimits::text_bytes) + " bytes");
  }
  return ExpressionParser(text, scope).parse(wanted);
}

Result<Expression> ExpressionParser::parse(Expression::Wanted wanted) {
  const Operand result = disjunction();
  if (token().kind != Kind::end) wrong(token().at, "expected an operator, or the end");
  if (wanted == Expression::Wanted::condition)
    want(result, Type::boolean, "the condition");
  else if (result.type == Type::text)
    wrong(result.at, "the result is a text, but has to be a number");
  if (!lexer_.failed()) return std::move(out_);
  const ExpressionError& error = lexer_.error();
  return fail(ErrorKind::invalid, error.message + shown(out_.text_, error.at));
}

bool ExpressionParser::accept(std::string_view symbol) {
  if (!token().is(symbol)) return false;
  lexer_.next();
  return true;
}

void ExpressionParser::expect(std::string_view symbol, std::string_view where) {
  if (accept(symbol)) return;
  wrong(token().at, "expected " + std::string(symbol) + " " + std::string(where));
}

void ExpressionParser::want(const Operand& operand, Type type, std::string_view for_what) {
  if (operand.type == type) return;
  wrong(operand.at, std::string(for_what) + (for_what.ends_with("s") ? " need " : " needs ") +
                        a(type) + ", this is " + a(operand.type));
}

void ExpressionParser::emit(Op op, std::size_t at, std::size_t n, int grows) {
  if (lexer_.failed()) return;
  stack_ = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(stack_) + grows);
  if (out_.program_.size() == ExpressionLimits::instructions || stack_ > ExpressionLimits::stack) {
    return wrong(token().at, "the expression is too long by here; split it with derive");
  }
  out_.program_.push_back({op, static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(n)});
}

ExpressionParser::Operand ExpressionParser::disjunction() {
  if (++depth_ > ExpressionLimits::depth)
    wrong(token().at, "brackets are at most " + std::to_string(ExpressionLimits::depth) + " deep");
  Operand left = conjunction();
  while (token().is_word("or")) {
    want(left, Type::boolean, "or");
    lexer_.next();
    want(conjunction(), Type::boolean, "or");
    emit(Op::either, 0, 0, -1);
  }
  --depth_;
  return left;
}

ExpressionParser::Operand ExpressionParser::conjunction() {
  Operand left = negation();
  while (token().is_word("and")) {
    want(left, Type::boolean, "and");
    lexer_.next();
    want(negation(), Type::boolean, "and");
    emit(Op::both, 0, 0, -1);
  }
  return left;
}

ExpressionParser::Operand ExpressionParser::negation() {
  bool odd = false;
  const std::size_t at = token().at;
  const bool any = token().is_word("not");
  for (; token().is_word("not"); lexer_.next()) odd = !odd;
  const Operand operand = comparison();
  if (!any) return operand;
  want(operand, Type::boolean, "not");
  if (odd) emit(Op::invert, 0, 0, 0);
  return {Type::boolean, at};
}

ExpressionParser::Operand ExpressionParser::comparison() {
  const Operand left = sum();
  const bool negated = token().is_word("not");
  if (negated) {
    lexer_.next();
    if (!token().is_word("in")) wrong(token().at, "expected in behind not");
  }
  if (token().is_word("in")) {
    lexer_.next();
    one_of(left, negated);
    return {Type::boolean, left.at};
  }
  static constexpr std::array<std::string_view, 6> comparisons = {"==", "!=", "<", "<=", ">", ">="};
  const std::string_view word = token().kind == Kind::symbol ? token().text : std::string_view();
  if (std::find(comparisons.begin(), comparisons.end(), word) == comparisons.end()) return left;
  const std::size_t at = token().at;
  lexer_.next();
  const Operand right = sum();
  if (left.type != right.type) {
    wrong(at, std::string(word) + " compares two of a kind, here are " + a(left.type) + " and " +
                  a(right.type));
  }
  const bool equality = word == "==" || word == "!=";
  if (!equality) want(left, Type::number, word);
  const bool less = word == "<" || word == ">=";
  const Op order = less ? Op::less : Op::less_or_equal;
  emit(!equality ? order : left.type == Type::text ? Op::equal_texts : Op::equal, 0, 0, -1);
  // a > b is "not a <= b"; where one is no value, so is its opposite.
  if (word == "!=" || word == ">" || word == ">=") emit(Op::invert, 0, 0, 0);
  if (std::find(comparisons.begin(), comparisons.end(), token().text) != comparisons.end() &&
      token().kind == Kind::symbol)
    wrong(token().at, "comparisons do not chain; join two of them by and");
  return {Type::boolean, left.at};
}

// Behind `in`: constants of the type of the operand, side by side.
void ExpressionParser::one_of(const Operand& operand, bool negated) {
  want(operand, operand.type == Type::boolean ? Type::number : operand.type, "in");
  expect("(", "behind in");
  const bool texts = operand.type == Type::text;
  const std::size_t first = texts ? out_.texts_.size() : out_.numbers_.size();
  do {
    const bool negative = !texts && accept("-");
    if (token().kind != (texts ? Kind::text : Kind::number)) {
      return wrong(token().at,
                   "in takes a list of " + std::string(texts ? "texts: ('a', 'b')" : "numbers"));
    }
    if (texts)
      text_constant(token().text);
    else
      number_constant(negative ? -token().number : token().number);
    lexer_.next();
  } while (accept(","));
  expect(")", "behind the list");
  const std::size_t count = (texts ? out_.texts_.size() : out_.numbers_.size()) - first;
  emit(texts ? Op::in_texts : Op::in_numbers, first, count, 0);
  if (negated) emit(Op::invert, 0, 0, 0);
}

/// rule (operator rule)*, all of numbers.
template <class Rule, class... Operators>
ExpressionParser::Operand ExpressionParser::chain(Rule rule, const Operators&... operators) {
  const Operand left = (this->*rule)();
  bool more = true;
  while (more) {
    more = false;
    const auto one = [&](std::string_view symbol, Op op) {
      if (more || !token().is(symbol)) return;
      more = true;
      want(left, Type::number, symbol);
      lexer_.next();
      want((this->*rule)(), Type::number, symbol);
      emit(op, 0, 0, -1);
    };
    (one(operators.first, operators.second), ...);
  }
  return left;
}

ExpressionParser::Operand ExpressionParser::sum() {
  return chain(&ExpressionParser::product, std::pair{"+", Op::add}, std::pair{"-", Op::subtract});
}

ExpressionParser::Operand ExpressionParser::product() {
  return chain(&ExpressionParser::sign, std::pair{"*", Op::multiply}, std::pair{"/", Op::divide},
               std::pair{"%", Op::remainder});
}

ExpressionParser::Operand ExpressionParser::sign() {
  const std::size_t at = token().at;
  const bool any = token().is("-");
  bool odd = false;
  while (accept("-")) odd = !odd;
  const Operand operand = primary();
  if (!any) return operand;
  want(operand, Type::number, "-");
  if (odd) emit(Op::negate, 0, 0, 0);
  return {Type::number, at};
}

ExpressionParser::Operand ExpressionParser::primary() {
  const ExpressionLexer::Token token = lexer_.token();
  switch (token.kind) {
    case Kind::number:
      lexer_.next();
      emit(Op::number, number_constant(token.number), 0, 1);
      return {Type::number, token.at};
    case Kind::text:
      lexer_.next();
      emit(Op::text, text_constant(token.text), 0, 1);
      return {Type::text, token.at};
    case Kind::metric:
      lexer_.next();
      return metric(token.text, token.at);
    case Kind::name:
      return name();
    default:
      break;
  }
  if (!accept("(")) {
    wrong(token.at, token.kind == Kind::end ? "something is missing at the end"
                                            : "expected a number, a text, a name or (");
    return {};
  }
  const Operand operand = disjunction();
  expect(")", "to close the bracket");
  return {operand.type, token.at};
}

std::size_t ExpressionParser::number_constant(double number) {
  out_.numbers_.push_back(number);
  return out_.numbers_.size() - 1;
}

std::size_t ExpressionParser::text_constant(std::string_view text) {
  out_.texts_.emplace_back(text);
  return out_.texts_.size() - 1;
}

}  // namespace weir
