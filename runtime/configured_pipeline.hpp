#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "operators/pipeline.hpp"

namespace weir {

/// What a configuration says about its pipeline: its tables `source`, `rollup`, `detector` and
/// `limits`, as ConfigFile::toml writes them, with the rows of its dimension tables.
std::string pipeline_text(const ConfigFile& configuration);

/// A pipeline that knows the configuration it was made from and can become that of another one: its
/// saved state names it, so that state is loaded and the journal behind it replayed as it was
/// written, and a change is an input like any other (JournalRecord::configuration).
///
/// A configuration is the text that `pipeline_text` writes.
class ConfiguredPipeline final : public Pipeline {
 public:
  /// `text` is the configuration that `options` and `sources` were read from; `options` and `table`
  /// outlive the pipeline.
  ConfiguredPipeline(std::string text, const PipelineOptions& options,
                     std::span<const SourceOptions> sources, const SeriesTable& table);
  ~ConfiguredPipeline() override;

  /// Leaves the pipeline with the configuration that the state is of, if it can be read.
  Result<std::vector<std::string>> load(ByteReader& in) override;
  void save(ByteWriter& out) const override;
  std::string configuration() const override;
  /// An operator keeps its state if its own definition is the same, and it reads the same source,
  /// whose devices are told apart by the same tags.
  Result<std::vector<std::string>> reconfigure(const std::string& text, Outputs& out) override;

  void process(std::span<const Reading> readings, const Moment& now, Outputs& out) override {
    inner_->process(readings, now, out);
  }
  void promise(SourceId source, std::optional<DeviceId> device, Timestamp time, const Moment& now,
               Outputs& out) override {
    inner_->promise(source, device, time, now, out);
  }
  void tick(const Moment& now, Outputs& out) override { inner_->tick(now, out); }
  void begin_anew(Timestamp told) override { inner_->begin_anew(told); }
  Timestamp told() const override { return inner_->told(); }
  std::optional<Duration> next_tick() const override { return inner_->next_tick(); }
  const ReadingCounts& counts() const override { return inner_->counts(); }
  ForgottenCounts take_forgotten() override { return inner_->take_forgotten(); }
  Watermarks watermarks() const override { return inner_->watermarks(); }
  std::size_t memory_bytes() const override { return inner_->memory_bytes(); }
  std::vector<OperatorMemory> operator_memory() const override { return inner_->operator_memory(); }
  void close(std::span<const std::string> operators, Outputs& out) override {
    inner_->close(operators, out);
  }

 private:
  struct Setup;
  Result<std::shared_ptr<const Setup>> setup_of(const std::string& text) const;
  std::unique_ptr<Pipeline> make(const Setup& setup) const;

  const SeriesTable& table_;
  std::shared_ptr<const Setup> own_, now_;  ///< shared: they are the same one most of the time
  std::unique_ptr<Pipeline> inner_;
};

}  // namespace weir
