#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/expression.hpp"

namespace weir {

// What the parser and the machine of expressions share; nothing for others.

enum class Expression::Op : std::uint8_t {
  number,  // constants and names: push one
  text,
  yes,
  no,
  value,
  quality,
  metric_name,
  tag,
  column,
  metric,
  add,  // two numbers
  subtract,
  multiply,
  divide,
  remainder,
  negate,
  equal_texts,
  equal,
  less,
  less_or_equal,
  in_numbers,
  in_texts,
  both,  // booleans
  either,
  invert,
  choose,
  choose_text,
  abs,
  min,
  max,
  round,
  floor,
  ceil,
  sqrt,
  clamp,
  fallback,
  lag,
  delta,
  starts_with,
  ends_with,
  contains,
  convert,
};

/// A unit of the table: base = (x - zero) * factor / divisor.
struct Unit {
  std::string_view name, dimension;
  double factor, divisor, zero;
};
std::span<const Unit> units();
const Unit* find_unit(std::string_view name);  ///< null if there is none

/// From one unit to another: to the base of the dimension and from there.
struct UnitChange {
  double from = 0, factor = 1, divisor = 1, to = 0;
  double of(double x) const { return (x - from) * factor / divisor + to; }
};
/// Requires: both are of one dimension.
UnitChange unit_change(const Unit& from, const Unit& to);
std::string unknown_unit(std::string_view name);       ///< the complaint
std::string no_way(const Unit& from, const Unit& to);  ///< the complaint that dimensions differ

}  // namespace weir
