#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/params.hpp"
#include "operators/expression.hpp"
#include "operators/metric_values.hpp"
#include "operators/pipeline.hpp"
#include "operators/stateful.hpp"

namespace weir {

/// One step of what a source does with its readings before any operator sees them. To add one:
/// write its file and its line in registry.cpp, where the order is that in which they are asked.
///
/// A reading that a stage drops is counted under the stage's reason, and is otherwise as good as
/// any: its device was heard, and the device's watermark moves. So what is dropped holds nothing
/// up.
class Stage : public Stateful {
 public:
  enum class Verdict : std::uint8_t {
    pass,
    drop,
    no_value,  ///< drop, because what decides has no value; counted apart
  };
  /// Judges one reading of the source, and may change its value to another finite one.
  virtual Verdict judge(Reading& reading, const Moment& now) = 0;

  /// The metric whose readings are no values but tell something of those behind them; empty: none.
  /// They touch nothing but this stage: no clock, no other stage, no operator.
  virtual std::string_view mark_metric() const { return {}; }
  /// Requires: a reading of that metric.
  virtual void mark(const Reading& /*reading*/) {}
};

/// A stage that remembers nothing: what it finds out about a series it finds out again.
class StatelessStage : public Stage {
 public:
  explicit StatelessStage(std::string name) : name_(std::move(name)) {}
  std::string name() const final { return name_; }
  void define(ByteWriter&) const final {}
  void save(ByteWriter&) const final {}
  bool load(ByteReader&) final { return false; }
  std::size_t memory_bytes() const override { return 0; }

 private:
  std::string name_;
};

/// What a stage works with; all outlive it.
struct StageParts {
  const SourceOptions& source;
  const SeriesTable& table;
  SourceValues& values;
};
using MakeStage = std::function<std::unique_ptr<Stage>(const StageParts&)>;

/// A stage with its options.
struct StageChoice {
  MakeStage make;                    ///< empty: it is not asked for
  std::uint64_t bytes_a_series = 0;  ///< what it remembers at most, about
};

struct StageEntry {
  std::string_view name;    ///< its option
  std::string_view reason;  ///< what readings it drops are counted as
  std::string_view about;   ///< one line, for the manual
  /// Reads its options from the `[[source]]` table; problems are recorded there. `scope`: the names
  /// that expressions may use.
  StageChoice (*read)(Params& source, const ExpressionScope& scope);
};

/// What `[[source]]` says about its readings, read and checked.
struct SourceRules {
  struct ChosenStage {
    std::size_t entry = 0;  ///< its place in stages()
    StageChoice choice;
  };
  struct Derive {
    std::string name;
    Expression expression;
  };
  std::vector<ChosenStage> stages;
  std::vector<Derive> derive;
  Duration tolerance{};   ///< `derive_tolerance`
  ExpressionScope scope;  ///< of conditions on what comes out

  std::uint64_t bytes_a_series() const;  ///< what all of it remembers at most, about
};

/// Reads `where`, `derive` and the options of all stages into `source`, whose name and tag names
/// are known. `metrics`: the names the decoder may yield; empty: any.
void read_source_rules(Params& params, const std::vector<std::string>& metrics,
                       SourceOptions& source);

/// `where` of a rollup or detector of that source; nothing if there is none.
std::optional<Expression> read_where(Params& params, const ExpressionScope& scope);
/// The names that a condition behind the source may use.
ExpressionScope scope_behind(const SourceOptions& source);

constexpr std::size_t derives_max = 16;

}  // namespace weir
