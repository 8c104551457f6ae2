#pragma once

#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/params.hpp"
#include "operators/output.hpp"
#include "operators/reading.hpp"
#include "operators/series.hpp"

namespace weir {

struct SourceRules;
class Enrichment;

/// What a source says about the time of its readings (DESIGN.md section 4).
struct SourceOptions {
  std::string name;
  std::vector<std::string> tag_names;  ///< what tells its devices apart
  Duration lateness{};                 ///< how long a closed window may still be revised
  Duration out_of_order{};             ///< how far the watermark stays behind the newest reading
  Duration max_skew{};                 ///< how far in the future a reading may be
  Duration idle{};                     ///< silent that long, a device no longer holds others back
  Duration forget_after{};             ///< silent that long, it has no windows any more; 0: never
  std::string late_topic;
  std::string quarantine_topic;  ///< empty: what is in quarantine is sent nowhere
  /// A dimension table for the devices (operators/enrichment.hpp); null: none.
  std::shared_ptr<const Enrichment> enrichment;
  std::vector<std::string> derived;  ///< metrics that are computed here from the others
  /// Filters, cleaning and derived metrics (operators/stage.hpp); null: none. Shared, as options
  /// are copied and the rules never change.
  std::shared_ptr<const SourceRules> rules;
};

/// Interns the series of the metrics that the source derives for a device. To be called with its
/// first reading in each process, so that the journal introduces them as it does all others.
void intern_derived(const SourceOptions& source, DeviceId device, SeriesTable& table);

/// What became of a reading that was derived from others.
enum class DerivedFate : std::uint8_t { aggregated, late, filtered, no_value, series_limit };
constexpr std::array<std::string_view, 5> derived_fate_names = {"aggregated", "late", "filtered",
                                                                "no_value", "series_limit"};

/// Why the stages of a source, or the conditions of its operators, dropped a reading.
constexpr std::size_t filter_reasons_max = 16;
std::span<const std::string> filter_reasons();

/// What became of the readings of a batch: each is counted in exactly one. Readings that were
/// derived from them are counted apart: they are in no message and no journal.
struct ReadingCounts {
  std::uint64_t aggregated = 0, late = 0, quarantined = 0, unused = 0;
  std::uint64_t no_row = 0;   ///< kept though the dimension table has no row; also counted above
  std::uint64_t no_room = 0;  ///< limits.active_series is reached, and no device is idle
  std::array<std::uint64_t, filter_reasons_max> filtered{};  ///< as filter_reasons() names them
  std::array<std::uint64_t, derived_fate_names.size()> derived{};

  std::uint64_t& of(DerivedFate fate) { return derived[static_cast<std::size_t>(fate)]; }
  std::uint64_t filtered_total() const {
    return std::accumulate(filtered.begin(), filtered.end(), std::uint64_t{0});
  }
  std::uint64_t total() const {
    return aggregated + late + quarantined + unused + no_room + filtered_total();
  }
};

/// Devices whose windows were closed for good.
struct ForgottenCounts {
  std::uint64_t silent = 0;  ///< for their source's forget_after
  std::uint64_t bound = 0;   ///< idle for longest when limits.active_series was reached
};

/// The chain of operators between the journal and the outbox. Pure: the same calls with the same
/// arguments emit the same outputs and leave the same state, on any machine. It reads no clock; the
/// time it knows is the Moment it is handed.
///
/// Engine thread only. Protocol: `load? (process | promise | tick)* save`.
class Pipeline {
 public:
  virtual ~Pipeline() = default;

  /// Folds readings, in this order, into the state; windows close on the way and are emitted.
  /// Requires: every series is in the table given at construction; values are finite;
  /// `now.elapsed` is not before that of any earlier call.
  virtual void process(std::span<const Reading> readings, const Moment& now, Outputs& out) = 0;

  /// A promise: nothing older than `time` is expected of the device, or, without one, of any device
  /// of the source, known or still to come. Raises watermarks, never lowers one; windows close as
  /// if a reading had moved them. The device was heard with it, if one is named.
  /// Requires: as for process; the device is of the source. A source that is not configured (any
  /// more) is passed over.
  virtual void promise(SourceId source, std::optional<DeviceId> device, Timestamp time,
                       const Moment& now, Outputs& out) = 0;

  /// Lets time pass without a reading: idle devices, silence.
  virtual void tick(const Moment& now, Outputs& out) = 0;

  /// History was lost: of times before `told` the centre has results already, perhaps of readings
  /// that are not here. What is open from before is forgotten, and readings of before are late.
  virtual void begin_anew(Timestamp told) = 0;
  virtual Timestamp told() const = 0;  ///< of the last `begin_anew`, before all time if none was

  /// The earliest `elapsed` at which a tick would do anything; nothing if none ever would.
  virtual std::optional<Duration> next_tick() const = 0;

  /// Of the last `process`.
  virtual const ReadingCounts& counts() const = 0;
  /// Since it was last asked.
  virtual ForgottenCounts take_forgotten() = 0;

  /// The lowest and the highest watermark over the devices that are not idle, and how many are;
  /// for the status page.
  struct Watermarks {
    std::uint64_t devices = 0, idle = 0;
    Timestamp lowest{}, highest{};
  };
  virtual Watermarks watermarks() const = 0;
  virtual std::size_t memory_bytes() const = 0;  ///< an estimate of what the state holds
  struct OperatorMemory {
    std::string name;  ///< "rollup press_1m"
    std::size_t bytes = 0;
  };
  virtual std::vector<OperatorMemory> operator_memory() const = 0;  ///< the parts of it

  /// The whole state, with names and versions, so that a later version can read it.
  virtual void save(ByteWriter& out) const = 0;
  /// Restores what `save` wrote. State of an operator that is not there any more, or is defined
  /// otherwise now, is left out and named in the result: the caller logs and counts it.
  /// # Errors
  /// `corrupt`: the bytes are not what `save` writes; the pipeline is then unusable.
  virtual Result<std::vector<std::string>> load(ByteReader& in) = 0;

  /// The operators of these names end here: what of them the centre does not know yet is emitted as
  /// it stands, and their state is no longer saved. Nothing may follow but `save`, and this.
  virtual void close(std::span<const std::string> operators, Outputs& out) = 0;

  /// The dimension tables become those of `next`, of the sources that have the same name and tags:
  /// what is grouped by them and has no device any more is emitted as it stands. Nothing may follow
  /// but `close` and `save`.
  virtual void regroup(std::span<const SourceOptions> /*next*/, Outputs&) {}

  /// What the pipeline does now, as text; empty if it can't tell. See ConfiguredPipeline.
  virtual std::string configuration() const { return {}; }
  /// Does from now on what `text`, another `configuration`, says: operators that are defined as
  /// before keep their state, the others end. Returns their names.
  /// # Errors
  /// `invalid`: the text can't be used; nothing is changed.
  virtual Result<std::vector<std::string>> reconfigure(const std::string& /*text*/,
                                                       Outputs& /*out*/) {
    return fail(ErrorKind::invalid, "this pipeline has no configuration");
  }
};

/// Everything `[[rollup]]` and `[[detector]]` say, read and checked. Opaque: made by
/// `read_pipeline_options`, used by `make_pipeline`.
struct PipelineOptions;
struct PipelineOptionsDeleter {
  void operator()(PipelineOptions* options) const;
};
using PipelineOptionsPtr = std::unique_ptr<PipelineOptions, PipelineOptionsDeleter>;

/// Reads the `[[rollup]]` and `[[detector]]` tables and `limits.active_series`; problems are
/// recorded there: an unknown source, tag, aggregate or method, a duplicate name.
PipelineOptionsPtr read_pipeline_options(Params& root, std::span<const SourceOptions> sources);

/// Requires: `options` were read without a problem. `table` must outlive the pipeline; it is only
/// read. It may be restored from a checkpoint, and grow by replayed records, after this call and
/// before the first `process`: a source is found in it by name and tag names when its first device
/// appears, never interned here.
std::unique_ptr<Pipeline> make_pipeline(const PipelineOptions& options,
                                        std::span<const SourceOptions> sources,
                                        const SeriesTable& table);

}  // namespace weir
