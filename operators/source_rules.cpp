#include <algorithm>
#include <array>
#include <utility>

#include "operators/enrichment.hpp"
#include "operators/formula.hpp"
#include "operators/registry.hpp"
#include "operators/stage.hpp"

namespace weir {

namespace {

constexpr std::size_t metric_bytes_max = 256;
constexpr Duration longest_tolerance = std::chrono::hours(24 * 7);

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The first metric that the expression names and that is derived from `at` on.
std::string named_too_early(const Expression& expression,
                            const std::vector<std::pair<std::string, std::string>>& entries,
                            std::size_t at) {
  for (; at < entries.size(); ++at) {
    if (holds(expression.metrics(), entries[at].first)) return entries[at].first;
  }
  return {};
}

std::string problem_of(const Expression& expression, const std::string& name,
                       const std::string& early) {
  if (early == name) return "names itself; lag(…) of what it is made of looks back";
  if (!early.empty()) return "names " + early + ", which is derived behind it: put that one first";
  if (expression.uses_value()) return "has no value of its own; name a metric instead";
  if (expression.metrics().empty()) return "names no metric, so that nothing would ever make it";
  return {};
}

/// The numbers of the dimension table are names like metrics.
ExpressionScope scope_of(const SourceOptions& source, std::vector<std::string> metrics) {
  ExpressionScope scope{all_tags(source), std::move(metrics), {}};
  if (source.enrichment != nullptr) scope.numbers = source.enrichment->numbers();
  return scope;
}

/// Each may name the metrics of the payload and those derived before it.
void read_derive(Params& params, const std::vector<std::string>& metrics, ExpressionScope scope,
                 SourceRules& rules) {
  const auto entries = params.entries("derive");
  Params derive = params.table("derive");
  if (entries.size() > derives_max) {
    params.problem("derive", "has more than " + std::to_string(derives_max) + " metrics");
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [name, text] = entries[i];
    if (name.empty() || name.size() > metric_bytes_max) {
      derive.problem(name, "the name of a metric has 1 to 256 bytes");
    } else if (holds(metrics, name)) {
      derive.problem(name, "is a metric of the payload already; choose another name");
    } else if (holds(scope.numbers, name)) {
      derive.problem(name, "is a column of enrich already; choose another name");
    }
    auto expression = Expression::parse(text, scope, Expression::Wanted::number);
    if (!scope.metrics.empty()) scope.metrics.push_back(name);
    if (!expression) {
      derive.problem(name, expression.error().message);
      continue;
    }
    const std::string problem =
        problem_of(*expression, name, named_too_early(*expression, entries, i));
    if (!problem.empty()) derive.problem(name, problem);
    rules.derive.push_back({name, *std::move(expression)});
  }
}

}  // namespace

std::optional<Expression> read_where(Params& params, const ExpressionScope& scope) {
  const std::string text = params.text("where", "");
  if (text.empty()) return std::nullopt;
  auto condition = Expression::parse(text, scope, Expression::Wanted::condition);
  if (condition) return *std::move(condition);
  params.problem("where", condition.error().message);
  return std::nullopt;
}

std::uint64_t SourceRules::bytes_a_series() const {
  std::uint64_t bytes = 0;
  for (const ChosenStage& stage : stages) bytes += stage.choice.bytes_a_series;
  for (const Derive& one : derive) bytes += Formula::bytes_a_series(one.expression);
  return bytes;
}

ExpressionScope scope_behind(const SourceOptions& source) {
  return source.rules != nullptr ? source.rules->scope : scope_of(source, {});
}

void read_source_rules(Params& params, const std::vector<std::string>& metrics,
                       SourceOptions& source) {
  auto rules = std::make_shared<SourceRules>();
  source.enrichment = Enrichment::read(params, source.tag_names, metrics);
  rules->scope = scope_of(source, metrics);
  rules->tolerance =
      params.duration("derive_tolerance", Duration(0), {Duration(0), longest_tolerance});
  for (std::size_t entry = 0; entry < stages().size(); ++entry) {
    StageChoice choice = stages()[entry]->read(params, rules->scope);
    if (choice.make) rules->stages.push_back({entry, std::move(choice)});
  }
  read_derive(params, metrics, rules->scope, *rules);
  for (const SourceRules::Derive& derive : rules->derive) {
    source.derived.push_back(derive.name);
    if (!metrics.empty()) rules->scope.metrics.push_back(derive.name);
  }
  source.rules = std::move(rules);
}

}  // namespace weir
