// Any text as an expression: it is refused with a message, or it is evaluated within its bounds and
// gives the same bits again.
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "operators/expression.hpp"

using namespace weir;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::uint64_t> results(const Expression& expression) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const std::array<std::string, 2> tags = {"l1", "press-7"};
  const std::array<std::string, 1> row_tags = {""};
  std::vector<double> lags(expression.lags(), none);
  std::vector<double> metrics(expression.metrics().size(), none);
  std::vector<std::uint64_t> bits;
  for (const double value : {0.0, -1.5, 1e308, 3.0, -0.0}) {
    for (std::size_t i = 0; i < metrics.size(); ++i) metrics[i] = i % 3 == 0 ? none : value;
    const std::array<double, 2> numbers = {value, none};
    const double result = expression.evaluate(
        {value, "good", "temperature", tags, metrics, lags, value != 3.0, row_tags, numbers});
    require(!std::isinf(result));
    // The sign of "no value" is nobody's business.
    bits.push_back(std::isnan(result) ? 0 : std::bit_cast<std::uint64_t>(result));
  }
  return bits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::array<ExpressionScope, 2> scopes = {
      {{{"line", "device"}, {}},
       {{"line", "device", "site"}, {"temperature", "pressure"}, {"low", "high"}}}};
  for (const ExpressionScope& scope : scopes) {
    for (const auto wanted : {Expression::Wanted::condition, Expression::Wanted::number}) {
      const auto expression = Expression::parse(text, scope, wanted);
      if (!expression) {
        require(expression.error().kind == ErrorKind::invalid);
        require(!expression.error().message.empty() && expression.error().message.size() <= 2500);
        continue;
      }
      require(expression->metrics().size() <= ExpressionLimits::metrics);
      require(expression->lags() <= ExpressionLimits::lags);
      require(results(*expression) == results(*Expression::parse(text, scope, wanted)));
    }
  }
  return 0;
}
