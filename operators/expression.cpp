// The machine: one pass over the program. A number that is no value is NaN, a text that is none has
// no data, and both travel through every instruction.

#include "operators/expression.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "operators/expression_ops.hpp"

namespace weir {

namespace {

double finite(double x) {
  return std::isfinite(x) ? x : no_number;
}

double truth(bool holds) {
  return holds ? 1 : 0;
}

// Kleene's logic, NaN being "unknown".
double both(double a, double b) {
  if (a == 0 || b == 0) return 0;
  return a + b > 1 ? 1 : no_number;
}

double either(double a, double b) {
  if (a == 1 || b == 1) return 1;
  return a + b < 1 ? 0 : no_number;
}

double clamp(double x, double low, double high) {
  if (std::isnan(x) || !(low <= high)) return no_number;
  return std::min(std::max(x, low), high);
}

}  // namespace

struct Expression::Machine {
  struct Cell {
    double number;
    std::string_view text;
  };

  const Expression& expression;
  const ExpressionInput& input;
  Cell* top;  ///< behind the newest cell

  void push(double number) { (top++)->number = number; }
  void push(std::string_view text) { (top++)->text = text; }

  /// Replaces the newest two by `f` of them, each of them a number.
  template <class F>
  void two(F f) {
    --top;
    top[-1].number = f(top[-1].number, top[0].number);
  }
  template <class F>
  void one(F f) {
    top[-1].number = f(top[-1].number);
  }
  /// A comparison of numbers: no value if one of them is none.
  template <class F>
  void compare(F f) {
    two([f](double a, double b) {
      return std::isnan(a) || std::isnan(b) ? no_number : truth(f(a, b));
    });
  }
  template <class F>
  void compare_texts(F f) {
    --top;
    const std::string_view a = top[-1].text, b = top[0].text;
    top[-1].number = a.data() == nullptr || b.data() == nullptr ? no_number : truth(f(a, b));
  }

  void run() {
    for (const Instruction& instruction : expression.program_) step(instruction);
  }

 private:
  void step(const Instruction& instruction);
  bool push_operand(const Instruction& instruction);
  bool calculate(const Instruction& instruction);
  bool judge(const Instruction& instruction);
  void fold(const Instruction& instruction);
  template <class List, class X>
  static bool listed(const Instruction& instruction, const List& list, const X& x);
  void remember(const Instruction& instruction);
  void choose(bool text);
  double convert(const Conversion& by) const;
};

void Expression::Machine::step(const Instruction& instruction) {
  if (push_operand(instruction) || calculate(instruction) || judge(instruction)) return;
  switch (instruction.op) {
    case Op::lag:
    case Op::delta:
      return remember(instruction);
    case Op::choose:
    case Op::choose_text:
      return choose(instruction.op == Op::choose_text);
    default:
      return fold(instruction);
  }
}

bool Expression::Machine::push_operand(const Instruction& instruction) {
  const std::size_t at = instruction.at;
  switch (instruction.op) {
    case Op::number:
      push(expression.numbers_[at]);
      return true;
    case Op::text:
      push(std::string_view(expression.texts_[at]));
      return true;
    case Op::yes:
    case Op::no:
      push(truth(instruction.op == Op::yes));
      return true;
    case Op::value:
      push(finite(input.value));
      return true;
    case Op::quality:
      push(input.quality);
      return true;
    case Op::metric_name:
      push(input.metric);
      return true;
    case Op::tag:
      push(std::string_view(at < input.tags.size() ? input.tags[at]
                                                   : input.row_tags[at - input.tags.size()]));
      return true;
    case Op::column:
      push(finite(input.numbers[at]));
      return true;
    case Op::metric:
      push(finite(input.metrics[at]));
      return true;
    default:
      return false;
  }
}

bool Expression::Machine::calculate(const Instruction& instruction) {
  switch (instruction.op) {
    case Op::add:
      two([](double a, double b) { return finite(a + b); });
      return true;
    case Op::subtract:
      two([](double a, double b) { return finite(a - b); });
      return true;
    case Op::multiply:
      two([](double a, double b) { return finite(a * b); });
      return true;
    case Op::divide:
      two([](double a, double b) { return finite(a / b); });
      return true;
    case Op::remainder:
      two([](double a, double b) { return finite(std::fmod(a, b)); });
      return true;
    case Op::negate:
      one([](double a) { return -a; });
      return true;
    case Op::abs:
      one([](double a) { return std::fabs(a); });
      return true;
    case Op::round:
      one([](double a) { return std::round(a); });
      return true;
    case Op::floor:
      one([](double a) { return std::floor(a); });
      return true;
    case Op::ceil:
      one([](double a) { return std::ceil(a); });
      return true;
    case Op::sqrt:
      one([](double a) { return finite(std::sqrt(a)); });
      return true;
    case Op::fallback:
      two([](double a, double b) { return std::isnan(a) ? b : a; });
      return true;
    case Op::convert:
      top[-1].number = convert(expression.conversions_[instruction.at]);
      return true;
    default:
      return false;
  }
}

bool Expression::Machine::judge(const Instruction& instruction) {
  switch (instruction.op) {
    case Op::equal_texts:
      compare_texts([](std::string_view a, std::string_view b) { return a == b; });
      return true;
    case Op::starts_with:
      compare_texts([](std::string_view a, std::string_view b) { return a.starts_with(b); });
      return true;
    case Op::ends_with:
      compare_texts([](std::string_view a, std::string_view b) { return a.ends_with(b); });
      return true;
    case Op::contains:
      compare_texts([](std::string_view a, std::string_view b) { return a.find(b) != a.npos; });
      return true;
    case Op::equal:
      compare([](double a, double b) { return a == b; });
      return true;
    case Op::less:
      compare([](double a, double b) { return a < b; });
      return true;
    case Op::less_or_equal:
      compare([](double a, double b) { return a <= b; });
      return true;
    case Op::in_numbers:
      one([&](double a) {
        return std::isnan(a) ? no_number : truth(listed(instruction, expression.numbers_, a));
      });
      return true;
    case Op::in_texts: {
      const std::string_view text = top[-1].text;
      top[-1].number =
          text.data() == nullptr ? no_number : truth(listed(instruction, expression.texts_, text));
      return true;
    }
    case Op::both:
      two(both);
      return true;
    case Op::either:
      two(either);
      return true;
    case Op::invert:
      one([](double a) { return 1 - a; });
      return true;
    default:
      return false;
  }
}

// min, max and clamp: the arguments become their result.
void Expression::Machine::fold(const Instruction& instruction) {
  Cell* const first = top - instruction.n;
  double& result = first->number;
  top = first + 1;
  if (instruction.op == Op::clamp) {
    result = clamp(first[0].number, first[1].number, first[2].number);
    return;
  }
  for (const Cell* cell = first + 1; cell < first + instruction.n; ++cell) {
    const double x = cell->number;
    if (std::isnan(result) || std::isnan(x)) {
      result = no_number;
    } else if (instruction.op == Op::min ? x < result : x > result) {
      result = x;
    }
  }
}

// Whether the list holds it.
template <class List, class X>
bool Expression::Machine::listed(const Instruction& instruction, const List& list, const X& x) {
  const auto begin = list.begin() + static_cast<std::ptrdiff_t>(instruction.at);
  const auto end = begin + instruction.n;
  return std::find(begin, end, x) != end;
}

void Expression::Machine::remember(const Instruction& instruction) {
  double& x = top[-1].number;
  double& before = input.lags[instruction.at];
  const double lag = input.follows && !std::isnan(x) ? before : no_number;
  if (input.follows && !std::isnan(x)) before = x;
  x = instruction.op == Op::lag ? lag : finite(x - lag);
}

void Expression::Machine::choose(bool text) {
  top -= 2;
  const double condition = top[-1].number;
  const Cell& chosen = condition == 0 ? top[1] : top[0];
  if (text)
    top[-1].text = std::isnan(condition) ? std::string_view() : chosen.text;
  else
    top[-1].number = std::isnan(condition) ? no_number : chosen.number;
}

double Expression::Machine::convert(const Conversion& by) const {
  return finite((top[-1].number - by.from) * by.factor / by.divisor + by.to);
}

double Expression::evaluate(const ExpressionInput& input) const {
  std::array<Machine::Cell, ExpressionLimits::stack> stack;
  Machine machine{*this, input, stack.data()};
  machine.run();
  return stack[0].number;
}

}  // namespace weir
