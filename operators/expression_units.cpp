// The units of `convert` and of the stage `units`. Factors are exact by definition of the unit, as
// far as a double holds them; a pair of factor and divisor keeps 212 degF at 100 degC.

#include "operators/expression_ops.hpp"
#include "operators/unknown_word.hpp"

namespace weir {

namespace {

constexpr Unit table[] = {
    {"degC", "temperature", 1, 1, 0},
    {"degF", "temperature", 5, 9, 32},
    {"K", "temperature", 1, 1, 273.15},
    {"mm", "length", 1, 1000, 0},
    {"cm", "length", 1, 100, 0},
    {"m", "length", 1, 1, 0},
    {"km", "length", 1000, 1, 0},
    {"in", "length", 254, 10'000, 0},
    {"ft", "length", 3048, 10'000, 0},
    {"mi", "length", 1'609'344, 1000, 0},
    {"mg", "mass", 1, 1'000'000, 0},
    {"g", "mass", 1, 1000, 0},
    {"kg", "mass", 1, 1, 0},
    {"t", "mass", 1000, 1, 0},
    {"oz", "mass", 28'349'523'125, 1e12, 0},
    {"lb", "mass", 45'359'237, 1e8, 0},
    {"Pa", "pressure", 1, 1, 0},
    {"hPa", "pressure", 100, 1, 0},
    {"mbar", "pressure", 100, 1, 0},
    {"kPa", "pressure", 1000, 1, 0},
    {"bar", "pressure", 100'000, 1, 0},
    {"MPa", "pressure", 1'000'000, 1, 0},
    {"psi", "pressure", 6894.757293168361, 1, 0},
    {"atm", "pressure", 101'325, 1, 0},
    {"mmHg", "pressure", 133.322387415, 1, 0},
    {"J", "energy", 1, 1, 0},
    {"kJ", "energy", 1000, 1, 0},
    {"MJ", "energy", 1'000'000, 1, 0},
    {"Wh", "energy", 3600, 1, 0},
    {"kWh", "energy", 3'600'000, 1, 0},
    {"MWh", "energy", 3.6e9, 1, 0},
    {"mW", "power", 1, 1000, 0},
    {"W", "power", 1, 1, 0},
    {"kW", "power", 1000, 1, 0},
    {"MW", "power", 1'000'000, 1, 0},
    {"mV", "voltage", 1, 1000, 0},
    {"V", "voltage", 1, 1, 0},
    {"kV", "voltage", 1000, 1, 0},
    {"mA", "current", 1, 1000, 0},
    {"A", "current", 1, 1, 0},
    {"ml", "volume", 1, 1'000'000, 0},
    {"l", "volume", 1, 1000, 0},
    {"m3", "volume", 1, 1, 0},
    {"gal", "volume", 3'785'411'784, 1e12, 0},
    {"l/min", "flow", 1, 60'000, 0},
    {"l/s", "flow", 1, 1000, 0},
    {"m3/h", "flow", 1, 3600, 0},
    {"m/s", "speed", 1, 1, 0},
    {"km/h", "speed", 10, 36, 0},
    {"mph", "speed", 44'704, 100'000, 0},
    {"kn", "speed", 1852, 3600, 0},
    {"us", "time", 1, 1'000'000, 0},
    {"ms", "time", 1, 1000, 0},
    {"s", "time", 1, 1, 0},
    {"min", "time", 60, 1, 0},
    {"h", "time", 3600, 1, 0},
    {"d", "time", 86'400, 1, 0},
    {"Hz", "frequency", 1, 1, 0},
    {"kHz", "frequency", 1000, 1, 0},
    {"rpm", "frequency", 1, 60, 0},
    {"ppm", "ratio", 1, 1'000'000, 0},
    {"percent", "ratio", 1, 100, 0},
    {"ratio", "ratio", 1, 1, 0},
    {"B", "data", 1, 1, 0},
    {"kB", "data", 1000, 1, 0},
    {"KiB", "data", 1024, 1, 0},
    {"MB", "data", 1'000'000, 1, 0},
    {"MiB", "data", 1'048'576, 1, 0},
};

}  // namespace

std::span<const Unit> units() {
  return table;
}

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : table) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

UnitChange unit_change(const Unit& from, const Unit& to) {
  if (&from == &to) return {};  // K to K would not give every number back
  return {from.zero, from.factor * to.divisor, from.divisor * to.factor, to.zero};
}

std::string unknown_unit(std::string_view name) {
  std::vector<std::string> known;
  for (const Unit& one : units()) known.emplace_back(one.name);
  return unknown_word("unit", std::string(name), known);
}

std::string no_way(const Unit& from, const Unit& to) {
  return "from " + std::string(from.name) + " (" + std::string(from.dimension) +
         ") there is no way to " + std::string(to.name) + " (" + std::string(to.dimension) + ")";
}

}  // namespace weir
