#include "operators/stage.hpp"

namespace weir {

namespace {

/// Drops what comes from devices that the dimension table does not know.
class NeedsRow final : public StatelessStage {
 public:
  explicit NeedsRow(const StageParts& parts)
      : StatelessStage("source " + parts.source.name + " enrich"),
        rows_(parts.values.rows()),
        table_(parts.table) {}

  Verdict judge(Reading& reading, const Moment&) override {
    return rows_.has_row(table_.series(reading.series).device) ? Verdict::pass : Verdict::drop;
  }

 private:
  const DeviceRows& rows_;
  const SeriesTable& table_;
};

// Enrichment::read reads the table, which other options need before.
StageChoice read_enrich(Params& source, const ExpressionScope&) {
  if (source.table("enrich").text("missing", "keep") != "drop") return {};
  return {[](const StageParts& parts) { return std::make_unique<NeedsRow>(parts); }, 0};
}

}  // namespace

extern const StageEntry enrich_stage = {
    "enrich", "no_row", "adds a row of a table to each device, as tags and numbers", read_enrich};

}  // namespace weir
