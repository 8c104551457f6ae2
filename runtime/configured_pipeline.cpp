#include "runtime/configured_pipeline.hpp"

#include <algorithm>
#include <utility>

#include "firmware-bridge/source_config.hpp"
#include "operators/options.hpp"

namespace weir {

namespace {

/// In front of the state: no version of a pipeline's own state begins like that.
constexpr std::uint8_t with_configuration = 255;

}  // namespace

std::string pipeline_text(const ConfigFile& configuration) {
  return configuration.toml({"source", "rollup", "detector", "limits"});
}

struct ConfiguredPipeline::Setup {
  std::string text;
  std::vector<SourceOptions> sources;
  const PipelineOptions* options = nullptr;
  PipelineOptionsPtr owned;  ///< what `options` points to, unless that is of the constructor

  /// What tells whose readings an operator of `from` gets.
  std::vector<std::string> reads(const std::string& from) const {
    std::vector<std::string> names = {from};
    for (const SourceOptions& source : sources) {
      if (source.name == from)
        names.insert(names.end(), source.tag_names.begin(), source.tag_names.end());
    }
    return names;
  }
};

namespace {

/// The operators of one kind that are in both and read something else now.
template <class Setup, class Options>
void add_moved(const std::string& kind, const Setup& before, const Options& old_ones,
               const Setup& after, const Options& new_ones, std::vector<std::string>& moved) {
  for (const auto& old_one : old_ones) {
    for (const auto& new_one : new_ones) {
      if (old_one.name == new_one.name && before.reads(old_one.from) != after.reads(new_one.from))
        moved.push_back(kind + old_one.name);
    }
  }
}

}  // namespace

ConfiguredPipeline::ConfiguredPipeline(std::string text, const PipelineOptions& options,
                                       std::span<const SourceOptions> sources,
                                       const SeriesTable& table)
    : table_(table) {
  auto own = std::make_shared<Setup>();
  own->text = std::move(text);
  own->sources.assign(sources.begin(), sources.end());
  own->options = &options;
  own_ = now_ = own;
  inner_ = make(*own_);
}

ConfiguredPipeline::~ConfiguredPipeline() = default;

std::unique_ptr<Pipeline> ConfiguredPipeline::make(const Setup& setup) const {
  return make_pipeline(*setup.options, setup.sources, table_);
}

Result<std::shared_ptr<const ConfiguredPipeline::Setup>> ConfiguredPipeline::setup_of(
    const std::string& text) const {
  if (text == own_->text) return own_;
  if (text == now_->text) return now_;
  const auto no_variables = [](const std::string&) { return std::optional<std::string>(); };
  ConfigFile file = ConfigFile::parse(text, "configuration", no_variables);
  auto setup = std::make_shared<Setup>();
  setup->text = text;
  for (SourceConfig& source : SourceConfig::read_all(file.root()))
    setup->sources.push_back(std::move(source.options));
  Params root = file.root();
  setup->owned = read_pipeline_options(root, setup->sources);
  setup->options = setup->owned.get();
  if (!file.problems().empty()) return fail(ErrorKind::invalid, file.problems().text());
  return setup;
}

std::string ConfiguredPipeline::configuration() const {
  return now_->text;
}

void ConfiguredPipeline::save(ByteWriter& out) const {
  out.u8(with_configuration);
  out.text(now_->text);
  inner_->save(out);
}

Result<std::vector<std::string>> ConfiguredPipeline::load(ByteReader& in) {
  const std::string_view bytes = in.rest();
  if (!bytes.empty() && static_cast<std::uint8_t>(bytes.front()) == with_configuration) {
    in.u8();
    const std::string text(in.text());
    if (!in.ok()) return fail(ErrorKind::corrupt, "the configuration of the state is cut off");
    // One that this version can't read is as good as none: what does not fit is left out.
    if (const auto setup = setup_of(text)) {
      now_ = *setup;
      inner_ = make(*now_);
    }
  }
  return inner_->load(in);
}

Result<std::vector<std::string>> ConfiguredPipeline::reconfigure(const std::string& text,
                                                                 Outputs& out) {
  if (text == now_->text) return std::vector<std::string>();
  const auto setup = setup_of(text);
  if (!setup) return fail(setup.error());
  std::vector<std::string> ended;
  add_moved("rollup ", *now_, now_->options->rollups, **setup, (*setup)->options->rollups, ended);
  add_moved("detector ", *now_, now_->options->detectors, **setup, (*setup)->options->detectors,
            ended);
  inner_->regroup((*setup)->sources, out);
  inner_->close(ended, out);
  std::string state;
  ByteWriter writer(state);
  inner_->save(writer);
  auto next = make(**setup);
  ByteReader reader(state);
  const auto left_out = next->load(reader);
  if (!left_out) return fail(left_out.error());
  inner_->close(*left_out, out);
  ended.insert(ended.end(), left_out->begin(), left_out->end());
  now_ = *setup;
  inner_ = std::move(next);
  return ended;
}

}  // namespace weir
