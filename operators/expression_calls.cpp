// What names and functions mean; a function is one line of the table.

#include <algorithm>

#include "operators/expression_parser.hpp"
#include "operators/unknown_word.hpp"

namespace weir {

struct ExpressionParser::Function {
  std::string_view name;
  std::uint16_t least, most;  ///< arguments
  Op op;
  Type arguments, result;
};

/// All but `if` and `convert`, whose arguments are not of one type.
std::span<const ExpressionParser::Function> ExpressionParser::functions() {
  static constexpr Function table[] = {
      {"abs", 1, 1, Op::abs, Type::number, Type::number},
      {"min", 2, 8, Op::min, Type::number, Type::number},
      {"max", 2, 8, Op::max, Type::number, Type::number},
      {"round", 1, 1, Op::round, Type::number, Type::number},
      {"floor", 1, 1, Op::floor, Type::number, Type::number},
      {"ceil", 1, 1, Op::ceil, Type::number, Type::number},
      {"sqrt", 1, 1, Op::sqrt, Type::number, Type::number},
      {"clamp", 3, 3, Op::clamp, Type::number, Type::number},
      {"default", 2, 2, Op::fallback, Type::number, Type::number},
      {"lag", 1, 1, Op::lag, Type::number, Type::number},
      {"delta", 1, 1, Op::delta, Type::number, Type::number},
      {"starts_with", 2, 2, Op::starts_with, Type::text, Type::boolean},
      {"ends_with", 2, 2, Op::ends_with, Type::text, Type::boolean},
      {"contains", 2, 2, Op::contains, Type::text, Type::boolean},
  };
  return table;
}

ExpressionParser::Operand ExpressionParser::name() {
  const std::string_view name = token().text;
  const std::size_t at = token().at;
  if (name == "and" || name == "or" || name == "not" || name == "in") {
    wrong(at, "expected a number, a text, a name or (");
    return {};
  }
  lexer_.next();
  if (token().is("(")) return call(name, at);
  const auto push = [&](Op op, Type type, std::size_t which = 0) {
    emit(op, which, 0, 1);
    return Operand{type, at};
  };
  if (name == "true") return push(Op::yes, Type::boolean);
  if (name == "false") return push(Op::no, Type::boolean);
  if (name == "value") {
    out_.uses_value_ = true;
    return push(Op::value, Type::number);
  }
  if (name == "quality") return push(Op::quality, Type::text);
  if (name == "metric") return push(Op::metric_name, Type::text);
  const auto tag = std::find(scope_.tags.begin(), scope_.tags.end(), name);
  if (tag != scope_.tags.end())
    return push(Op::tag, Type::text, static_cast<std::size_t>(tag - scope_.tags.begin()));
  const auto& columns = scope_.numbers;
  const auto column = std::find(columns.begin(), columns.end(), name);
  if (column == columns.end()) return metric(name, at);
  return push(Op::column, Type::number, static_cast<std::size_t>(column - columns.begin()));
}

ExpressionParser::Operand ExpressionParser::metric(std::string_view name, std::size_t at) {
  const auto& known = scope_.metrics;
  if (!known.empty() && std::find(known.begin(), known.end(), name) == known.end()) {
    std::vector<std::string> names = {"value", "quality", "metric"};
    names.insert(names.end(), scope_.tags.begin(), scope_.tags.end());
    names.insert(names.end(), scope_.numbers.begin(), scope_.numbers.end());
    names.insert(names.end(), known.begin(), known.end());
    wrong(at, unknown_word("name", std::string(name), names));
    return {};
  }
  std::vector<std::string>& used = out_.metrics_;
  const auto found = std::find(used.begin(), used.end(), name);
  const auto which = static_cast<std::size_t>(found - used.begin());
  if (found == used.end()) used.emplace_back(name);
  if (used.size() > ExpressionLimits::metrics) {
    wrong(at,
          "an expression names at most " + std::to_string(ExpressionLimits::metrics) + " metrics");
  }
  emit(Op::metric, which, 0, 1);
  return {Type::number, at};
}

ExpressionParser::Operand ExpressionParser::call(std::string_view name, std::size_t at) {
  expect("(", "");
  if (name == "if") return choice(at);
  if (name == "convert") return conversion(at);
  const auto found = std::find_if(functions().begin(), functions().end(),
                                  [name](const Function& one) { return one.name == name; });
  if (found == functions().end()) {
    std::vector<std::string> known = {"if", "convert"};
    for (const Function& one : functions()) known.emplace_back(one.name);
    wrong(at, unknown_word("function", std::string(name), known));
    return {};
  }
  std::uint16_t count = 0;
  do {
    want(disjunction(), found->arguments, name);
    ++count;
  } while (accept(","));
  expect(")", "behind the arguments");
  if (count < found->least || count > found->most) {
    const std::string most = std::to_string(found->most);
    wrong(at,
          std::string(name) + " takes " +
              (found->least == found->most ? most : std::to_string(found->least) + " to " + most) +
              " arguments, here are " + std::to_string(count));
  }
  const bool remembers = found->op == Op::lag || found->op == Op::delta;
  const std::size_t memory = remembers ? out_.lags_++ : 0;
  if (out_.lags_ > ExpressionLimits::lags) {
    wrong(at, "an expression has at most " + std::to_string(ExpressionLimits::lags) +
                  " of lag and delta");
  }
  emit(found->op, memory, count, 1 - static_cast<int>(count));
  return {found->result, at};
}

ExpressionParser::Operand ExpressionParser::choice(std::size_t at) {
  want(disjunction(), Type::boolean, "the condition of if");
  expect(",", "and what holds then");
  const Operand yes = disjunction();
  expect(",", "and what holds otherwise");
  const Operand no = disjunction();
  expect(")", "behind the three arguments of if");
  if (yes.type != no.type) {
    wrong(no.at,
          "both outcomes of if are of one kind, here are " + a(yes.type) + " and " + a(no.type));
  }
  emit(yes.type == Type::text ? Op::choose_text : Op::choose, 0, 0, -2);
  return {yes.type, at};
}

const Unit* ExpressionParser::unit(std::size_t& at) {
  expect(",", "and a unit in quotes");
  at = token().at;
  const Unit* const found = token().kind == Kind::text ? find_unit(token().text) : nullptr;
  if (found == nullptr) wrong(token().at, unknown_unit(token().text));
  lexer_.next();
  return found;
}

ExpressionParser::Operand ExpressionParser::conversion(std::size_t at) {
  want(disjunction(), Type::number, "convert");
  std::size_t first = 0, second = 0;
  const Unit* const from = unit(first);
  const Unit* const to = unit(second);
  expect(")", "behind the two units");
  if (from == nullptr || to == nullptr) return {};
  if (from->dimension != to->dimension) {
    wrong(second, no_way(*from, *to));
    return {};
  }
  emit(Op::convert, out_.conversions_.size(), 0, 0);
  const UnitChange change = unit_change(*from, *to);
  out_.conversions_.push_back({change.from, change.factor, change.divisor, change.to});
  return {Type::number, at};
}

}  // namespace weir
