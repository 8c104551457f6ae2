#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/params.hpp"
#include "operators/output.hpp"
#include "operators/reading.hpp"
#include "operators/series.hpp"

namespace weir {

/// What a source says about the time of its readings (DESIGN.md section 4).
struct SourceOptions {
  std::string name;
  std::vector<std::string> tag_names;  ///< what tells its devices apart
  Duration lateness{};                 ///< how long a closed window may still be revised
  Duration out_of_order{};             ///< how far the watermark stays behind the newest reading
  Duration max_skew{};                 ///< how far in the future a reading may be
  Duration idle{};                     ///< silent that long, a device no longer holds others back
  std::string late_topic;
};

/// What became of the readings of a batch: each is counted in exactly one.
struct ReadingCounts {
  std::uint64_t aggregated = 0, late = 0, quarantined = 0, unused = 0;
  std::uint64_t total() const { return aggregated + late + quarantined + unused; }
};

/// The chain of operators between the journal and the outbox. Pure: the same calls with the same
/// arguments emit the same outputs and leave the same state, on any machine. It reads no clock; the
/// time it knows is the Moment it is handed.
///
/// Engine thread only. Protocol: `load? (process | tick)* save`.
class Pipeline {
 public:
  virtual ~Pipeline() = default;

  /// Folds readings, in this order, into the state; windows close on the way and are emitted.
  /// Requires: every series is in the table given at construction; values are finite;
  /// `now.elapsed` is not before that of any earlier call.
  virtual void process(std::span<const Reading> readings, const Moment& now, Outputs& out) = 0;

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

  /// The lowest and the highest watermark over the devices that are not idle, and how many are;
  /// for the status page.
  struct Watermarks {
    std::uint64_t devices = 0, idle = 0;
    Timestamp lowest{}, highest{};
  };
  virtual Watermarks watermarks() const = 0;
  virtual std::size_t memory_bytes() const = 0;  ///< an estimate of what the state holds

  /// The whole state, with names and versions, so that a later version can read it.
  virtual void save(ByteWriter& out) const = 0;
  /// Restores what `save` wrote. State of an operator that is not there any more, or is defined
  /// otherwise now, is left out and named in the result: the caller logs and counts it.
  /// # Errors
  /// `corrupt`: the bytes are not what `save` writes; the pipeline is then unusable.
  virtual Result<std::vector<std::string>> load(ByteReader& in) = 0;
};

/// Everything `[[rollup]]` and `[[detector]]` say, read and checked. Opaque: made by
/// `read_pipeline_options`, used by `make_pipeline`.
struct PipelineOptions;
struct PipelineOptionsDeleter {
  void operator()(PipelineOptions* options) const;
};
using PipelineOptionsPtr = std::unique_ptr<PipelineOptions, PipelineOptionsDeleter>;

/// Reads the `[[rollup]]` and `[[detector]]` tables of the root; problems are recorded there:
/// an unknown source, tag, aggregate or method, a duplicate name.
PipelineOptionsPtr read_pipeline_options(Params& root, std::span<const SourceOptions> sources);

/// Requires: `options` were read without a problem. `table` must outlive the pipeline; it is only
/// read. It may be restored from a checkpoint, and grow by replayed records, after this call and
/// before the first `process`: a source is found in it by name and tag names when its first device
/// appears, never interned here.
std::unique_ptr<Pipeline> make_pipeline(const PipelineOptions& options,
                                        std::span<const SourceOptions> sources,
                                        const SeriesTable& table);

}  // namespace weir
