#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/enrichment.hpp"
#include "operators/operator.hpp"
#include "operators/options.hpp"
#include "operators/saturate.hpp"
#include "operators/series.hpp"

namespace weir {

/// What a detector's method says about one reading.
struct Judgement {
  bool judged = true;  ///< false: it can't tell (warming up); the reading neither raises nor clears
  bool breach = false;
  double score = 0;  ///< how unusual, in the method's own unit
  double bound = 0;  ///< what the score, or for `range` the value, was held against
  std::optional<double> expected;
};

/// An alert of one series, from the first breach in a row until it is cleared or comes to nothing.
struct Alert {
  bool raised = false;
  std::uint32_t streak = 0;  ///< breaches in a row; once raised, readings within bounds in a row
  std::uint64_t readings = 0;
  double peak = 0;  ///< the highest score
  Quality quality = Quality::good;
  Timestamp raised_at{}, first{}, last{};

  void save(ByteWriter& out) const;
  bool load(ByteReader& in);
};

/// Turns judgements into outputs: one when an alert is raised, one when it is cleared. Both have
/// the same window (start == end == the event time at which it was raised), so that the second
/// replaces the first at the centre; revision 0 is raised, 1 is cleared.
///
/// Fields: state, method, value, score, bound, expected (where the method has one); a cleared one
/// also peak, duration_s (since it was raised) and readings. `Output::count` are the readings from
/// the first breach on. A number that is not finite is left out.
class AlertWriter {
 public:
  AlertWriter(const DetectorOptions& options, const SourceOptions& source,
              const SeriesTable& table);

  /// Follows the alert of a series by one reading. `alert` is null while nothing is going on.
  void follow(std::unique_ptr<Alert>& alert, const Reading& reading, const Judgement& judgement,
              Outputs& out) const;

  /// Appends the output of a raised alert, or of one that is over now.
  enum class State { raised, cleared };
  void write(State state, const Alert& alert, SeriesId series, double value,
             const Judgement& judgement, Duration duration, Outputs& out) const;

  /// An alert that is cleared because its detector ends: nothing was judged, so value, score and
  /// bound are left out.
  void end(const Alert& alert, SeriesId series, Outputs& out) const;

  bool takes(SeriesId series) const;
  const std::string& name() const { return name_; }
  void define(ByteWriter& out) const;

 private:
  std::string name_, topic_, method_;
  std::vector<std::string> metrics_;
  std::uint32_t raise_after_, clear_after_;
  DeviceRows rows_;
  const SeriesTable& table_;
};

}  // namespace weir
