#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"

/// From values of a file to values of the program. The error of each `to_*` says what was found and
/// what was expected; a text that holds a variable is shown as it stands in the file.
namespace weir::detail {

Result<std::string> to_text(const Value& value);
Result<bool> to_boolean(const Value& value);
Result<std::int64_t> to_integer(const Value& value, Range<std::int64_t> range);
/// Never NaN or infinite.
Result<double> to_number(const Value& value, Range<double> range);
Result<Duration> to_duration(const Value& value, Range<Duration> range);
Result<Bytes> to_bytes(const Value& value, Range<Bytes> range);
/// The index of the word.
Result<std::size_t> to_choice(const Value& value, const std::vector<std::string_view>& words);

/// "\"30s\"", "the number 5", "a table": what was found, shortened.
std::string describe(const Value& value);
/// "a number", "a text": the same without the value.
std::string_view describe_kind(const Value& value);
/// "found …, expected …"
std::string mismatch(const Value& value, std::string_view expected);

std::string toml_string(std::string_view text);
std::string toml_number(double number);
std::string toml_list(const std::vector<std::string>& texts);
/// A number, boolean or date as TOML writes it.
std::string toml_scalar(const Value& value);

}  // namespace weir::detail
