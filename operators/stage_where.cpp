#include <cmath>

#include "operators/formula.hpp"
#include "operators/stage.hpp"

namespace weir {

namespace {

/// A reading passes if the condition holds for it.
class Where final : public Stage {
 public:
  Where(Expression condition, const StageParts& parts)
      : formula_("source " + parts.source.name + " where", std::move(condition),
                 parts.source.rules->tolerance, parts.values, parts.table) {}

  Verdict judge(Reading& reading, const Moment&) override {
    const double result = formula_.evaluate(reading, reading.series).result;
    if (std::isnan(result)) return Verdict::no_value;
    return result == 1 ? Verdict::pass : Verdict::drop;
  }

  std::string name() const override { return formula_.name(); }
  void define(ByteWriter& out) const override { formula_.define(out); }
  void save(ByteWriter& out) const override { formula_.save(out); }
  bool load(ByteReader& in) override { return formula_.load(in); }
  std::size_t memory_bytes() const override { return formula_.memory_bytes(); }

 private:
  Formula formula_;
};

StageChoice read_where_stage(Params& source, const ExpressionScope& scope) {
  std::optional<Expression> condition = read_where(source, scope);
  if (!condition) return {};
  const std::uint64_t bytes = Formula::bytes_a_series(*condition);
  const auto make = [condition = *std::move(condition)](const StageParts& parts) {
    return std::make_unique<Where>(condition, parts);
  };
  return {make, bytes};
}

}  // namespace

extern const StageEntry where_stage = {"where", "where", "takes what a condition holds for",
                                       read_where_stage};

}  // namespace weir
