#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/device_clocks.hpp"
#include "operators/formula.hpp"
#include "operators/intake.hpp"
#include "operators/operator.hpp"
#include "operators/options.hpp"
#include "operators/pipeline.hpp"

namespace weir {

/// The pipeline: routes each reading through quarantine, the stages of its source, the operators of
/// its series and the watermark of its device. What a series or a device needs is looked up once
/// and then found by its number. pipeline.cpp routes, chain_bound.cpp keeps the state bounded,
/// chain_state.cpp saves and loads it.
class Chain final : public Pipeline {
 public:
  Chain(const PipelineOptions& options, std::span<const SourceOptions> sources,
        const SeriesTable& table);

  void process(std::span<const Reading> readings, const Moment& now, Outputs& out) override;
  void promise(SourceId source, std::optional<DeviceId> device, Timestamp time, const Moment& now,
               Outputs& out) override;
  void tick(const Moment& now, Outputs& out) override;
  void begin_anew(Timestamp told) override;
  Timestamp told() const override { return told_; }
  std::optional<Duration> next_tick() const override;
  const ReadingCounts& counts() const override { return counts_; }
  ForgottenCounts take_forgotten() override { return std::exchange(forgotten_, {}); }
  Watermarks watermarks() const override { return clocks_.summary(); }
  std::size_t memory_bytes() const override;
  std::vector<OperatorMemory> operator_memory() const override;
  void save(ByteWriter& out) const override;
  Result<std::vector<std::string>> load(ByteReader& in) override;
  void close(std::span<const std::string> operators, Outputs& out) override;
  void regroup(std::span<const SourceOptions> next, Outputs& out) override;

 private:
  static constexpr std::uint32_t unknown = UINT32_MAX;
  /// An operator and its condition.
  struct Link {
    Operator* to = nullptr;
    std::uint32_t where = unknown;  ///< its place in conditions_, if it has one
  };
  struct Source {
    SourceOptions options;
    Timestamp horizon = time_end;  ///< what is later than this goes to quarantine
    std::vector<Link> operators;
    std::unique_ptr<Intake> intake;  ///< null: readings pass by
  };
  struct Route {
    Operator* to = nullptr;
    std::uint32_t slot = 0;
    std::uint32_t where = unknown;
  };
  struct Series {
    DeviceId device{};
    std::uint32_t source = unknown;  ///< its place in sources_, or DeviceClocks::no_source
    std::uint32_t first_route = unknown, routes = 0;
    std::uint32_t next = unknown;  ///< another series of the device
    bool active = false;           ///< may have windows; counted in active_series_
  };

  void link(std::unique_ptr<Operator> to, Source& source, const std::optional<Expression>& where);
  void begin(const Moment& now, Outputs& out);
  Timestamp horizon(const Moment& now, Duration max_skew) const;
  void settle(Outputs& out);
  void expect(std::span<const Reading> coming) const;
  void take(const Reading& reading, const Moment& now, Outputs& out);
  void take_in(Intake& intake, const Reading& reading, const Moment& now, Outputs& out);
  std::optional<Verdict> fold(Series& series, const Reading& reading, const Moment& now,
                              Outputs& out);
  void count(std::optional<Verdict> verdict);
  void count_derived(std::optional<Verdict> verdict);
  Series& series_of(SeriesId id);
  void join(SeriesId id, Series& series);
  void set_aside(OutputKind kind, const Series& series, const Reading& reading, Outputs& out) const;
  void moved(DeviceId device, std::uint32_t source, Outputs& out);
  void forget(DeviceId device, Outputs& out);
  bool make_room(Series& series, Outputs& out);
  void save_active(ByteWriter& out) const;
  bool load_active(ByteReader& in);
  std::vector<Stateful*> parts() const;

  const SeriesTable& table_;
  std::vector<Source> sources_;
  DeviceClocks clocks_;
  std::vector<std::unique_ptr<Operator>> operators_;
  std::vector<std::unique_ptr<Formula>> conditions_;
  std::vector<Series> series_;  ///< by series; made when first seen
  std::vector<Route> routes_;
  std::vector<std::uint32_t> first_series_;  ///< by device
  std::uint32_t most_active_, active_series_ = 0;
  ForgottenCounts forgotten_;
  Timestamp highest_wall_ = time_begin;  ///< of a synchronised clock
  Timestamp told_ = time_begin;          ///< the centre knows of times before this already
  std::size_t where_reason_ = 0;         ///< its place in filter_reasons()
  ReadingCounts counts_;
};

}  // namespace weir
