#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"

namespace weir {

/// The names an expression may use beside `value`, `quality` and `metric`.
struct ExpressionScope {
  std::vector<std::string> tags;          ///< texts
  std::vector<std::string> metrics;       ///< numbers; empty: any other name is a metric
  std::vector<std::string> numbers = {};  ///< of the device's row in a dimension table
};

/// What a number is that has no value, in an expression and around it.
inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// What one evaluation works on.
struct ExpressionInput {
  double value = 0;
  std::string_view quality, metric;
  std::span<const std::string> tags;  ///< the first of the scope, in its order
  std::span<const double> metrics;    ///< in the order of Expression::metrics(), or no_number
  /// What lag and delta remember: as many as Expression::lags(), at first NaN. Replaced.
  std::span<double> lags;
  bool follows = true;  ///< false: out of order, so that nothing is before it and nothing is kept
  std::span<const std::string> row_tags = {};  ///< the tags of the scope behind `tags`
  std::span<const double> numbers = {};        ///< in the order of the scope, or no_number
};

/// One small language for filters, conditions and derived metrics:
///
///     or and not   == != < <= > >=   in (…)   not in (…)   + - * / %   - (sign)   ( )
///     12.5  'text'  true  false  NAME  `any name`  FUNCTION(…)
///
/// from the loosest to the tightest. A NAME is `value`, `quality`, `metric`, a tag, a number of
/// the dimension table or a metric, in this order; in backticks always a metric.
/// expression_calls.cpp lists the functions. Everything is a number, a text or a boolean, and
/// checked when it is parsed.
///
/// *No value*: what has no finite result (a metric that is not there, 1 / 0, sqrt(-1), overflow) is
/// no value, and so is everything computed from it, but for `default(x, y)` and for what one side
/// decides alone: `false and …`, `true or …`. Both branches of `if` are evaluated.
///
/// *Bounds*: the text, the depth, the instructions, the names and what is remembered have bounds
/// (`ExpressionLimits`). Evaluation is one pass over a flat program with a stack of fixed size: no
/// allocation, no jump, the same bits on every machine (IEEE 754 operations that are exactly
/// rounded, nothing else of libm).
///
/// Our own, because no library of Debian 12 is bounded, typed with texts and free of allocation:
/// muparser knows no texts, muparserx and libmatheval allocate as they evaluate, Lua is a whole
/// language.
class Expression {
 public:
  enum class Wanted { condition, number };  ///< a number may be a boolean: 1 or 0

  /// # Errors
  /// `invalid`: what is wrong, the remedy, and in two lines more the text and a caret under the
  /// place.
  static Result<Expression> parse(std::string_view text, const ExpressionScope& scope,
                                  Wanted wanted);

  /// The result; NaN: no value. A condition is 1 or 0. Never infinite.
  double evaluate(const ExpressionInput& input) const;

  const std::string& text() const { return text_; }
  const std::vector<std::string>& metrics() const { return metrics_; }  ///< it names, once each
  std::size_t lags() const { return lags_; }
  bool uses_value() const { return uses_value_; }

 private:
  friend class ExpressionParser;
  enum class Op : std::uint8_t;
  struct Instruction {
    Op op;
    std::uint16_t at = 0;  ///< a constant, tag, metric, memory or conversion
    std::uint16_t n = 0;   ///< how many of them, or how many arguments
  };
  /// To the base of the dimension and from there: (x - from) * factor / divisor + to.
  struct Conversion {
    double from, factor, divisor, to;
  };
  struct Machine;

  std::string text_;
  std::vector<Instruction> program_;
  std::vector<double> numbers_;
  std::vector<std::string> texts_, metrics_;
  std::vector<Conversion> conversions_;
  std::size_t lags_ = 0;
  bool uses_value_ = false;
};

struct ExpressionLimits {
  static constexpr std::size_t text_bytes = 1000;
  static constexpr std::size_t instructions = 250;
  static constexpr std::size_t depth = 32;  ///< of brackets, signs and `not`
  static constexpr std::size_t stack = 32;
  static constexpr std::size_t metrics = 16;
  static constexpr std::size_t lags = 16;
};

}  // namespace weir
