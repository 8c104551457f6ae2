#include <algorithm>

#include "operators/detector.hpp"
#include "operators/recency.hpp"

namespace weir {

namespace {

/// No reading of a series for `for` of elapsed time. Only of series that were heard at least once.
/// The alert's event time is when the next reading was due: the newest event time plus `for`. The
/// next reading clears it, however old.
class Silence final : public Operator {
 public:
  Silence(const DetectorOptions& options, Duration duration, const SourceOptions& source,
          const SeriesTable& table)
      : duration_(duration), alerts_(options, source, table), table_(table), heard_(1) {}

  std::optional<std::uint32_t> join(SeriesId series) override {
    if (!alerts_.takes(series)) return std::nullopt;
    const auto joined = slots_.join(series);
    if (joined.added) watched_.emplace_back();
    return joined.slot;
  }

  Verdict accept(std::uint32_t slot, const Reading& reading, const Moment& now,
                 Outputs& out) override {
    Watched& watched = watched_[slot];
    if (watched.raised) clear(slot, reading, now, out);
    watched.newest = std::max(watched.newest, reading.time);
    watched.value = reading.value;
    watched.quality = reading.quality;
    watched.seen = now.elapsed;
    heard_.touch(0, slot, now.elapsed);
    return Verdict::watched;
  }

  void tick(const Moment& now, Outputs& out) override {
    for (auto oldest = heard_.oldest(0); oldest && now.elapsed - oldest->seen >= duration_;
         oldest = heard_.oldest(0)) {
      heard_.remove(oldest->id);
      raise(oldest->id, now, out);
    }
  }

  std::optional<Duration> next_tick() const override {
    const auto oldest = heard_.oldest(0);
    if (!oldest) return std::nullopt;
    return oldest->seen + duration_;
  }

  /// A series counts as silent only once it was heard again. An alert that the centre is yet to be
  /// told of goes on.
  void begin_anew(Timestamp told) override {
    for (Watched& watched : watched_) watched.raised = watched.raised && watched.raised_at >= told;
    heard_ = Recency(1);
  }

  void finish(Outputs& out) override {
    for (std::size_t slot = 0; slot < watched_.size(); ++slot) {
      const Watched& watched = watched_[slot];
      if (watched.raised)
        alerts_.end(alert_of(watched, watched.raised_at, 0), slots_.ids()[slot], out);
    }
  }

  std::string name() const override { return "detector " + alerts_.name(); }

  void define(ByteWriter& out) const override {
    out.varint(1);  // version of what save writes
    alerts_.define(out);
  }

  void save(ByteWriter& out) const override {
    out.varint(watched_.size());
    for (std::size_t slot = 0; slot < watched_.size(); ++slot) {
      out.varint(index(slots_.ids()[slot]));
      watched_[slot].save(out);
    }
    const auto entries = heard_.entries(0);
    out.varint(entries.size());
    for (const Recency::Entry& entry : entries) out.varint(entry.id);
  }

  bool load(ByteReader& in) override {
    for (std::uint64_t left = in.count(); left > 0; --left) {
      const std::uint64_t id = in.varint();
      if (!in.ok() || id >= table_.mark().series) return false;
      if (!slots_.join(SeriesId{static_cast<std::uint32_t>(id)}).added) return false;
      if (!watched_.emplace_back().load(in)) return false;
    }
    Duration before = Duration::min();
    for (std::uint64_t left = in.count(); left > 0; --left) {
      const std::uint64_t stored = in.varint();
      if (!in.ok() || stored >= watched_.size()) return false;
      const auto slot = static_cast<std::uint32_t>(stored);
      const Duration seen = watched_[slot].seen;
      if (watched_[slot].raised || seen < before || heard_.contains(slot)) return false;
      heard_.touch(0, slot, seen);
      before = seen;
    }
    return in.ok();
  }

  std::size_t memory_bytes() const override {
    return watched_.capacity() * sizeof(Watched) + slots_.memory_bytes() + heard_.memory_bytes();
  }

 private:
  struct Watched {
    Timestamp newest = time_begin;
    double value = 0;
    Quality quality = Quality::good;
    bool raised = false;
    Duration seen{}, raised_elapsed{};  ///< when it was last heard; when it was found silent
    Timestamp raised_at = time_begin;   ///< of the last alert, over or not

    void save(ByteWriter& out) const {
      out.zigzag(count_us(newest));
      out.f64(value);
      out.u8(static_cast<std::uint8_t>(quality));
      out.u8(raised ? 1 : 0);
      out.zigzag(seen.count());
      out.zigzag(raised_elapsed.count());
      out.zigzag(count_us(raised_at));
    }
    bool load(ByteReader& in) {
      newest = timestamp_us(in.zigzag());
      value = in.f64();
      quality = static_cast<Quality>(in.u8());
      const std::uint8_t flag = in.u8();
      raised = flag == 1;
      seen = Duration(in.zigzag());
      raised_elapsed = Duration(in.zigzag());
      raised_at = timestamp_us(in.zigzag());
      // Beyond that it can only be damage, and deadlines could not be added up.
      const auto sane = [](Duration time) {
        return time <= Duration::max() / 4 && time >= -(Duration::max() / 4);
      };
      return in.ok() && flag <= 1 && sane(seen) && sane(raised_elapsed);
    }
  };

  void raise(std::uint32_t slot, const Moment& now, Outputs& out) {
    Watched& watched = watched_[slot];
    watched.raised = true;
    watched.raised_elapsed = now.elapsed;
    // Later than the one before, even if only old readings came in between: it is another alert.
    watched.raised_at = std::max(saturating_add(watched.newest, duration_),
                                 saturating_add(watched.raised_at, Duration(1)));
    alerts_.write(AlertWriter::State::raised, alert_of(watched, watched.newest, 0),
                  slots_.ids()[slot], watched.value, judge(watched, now), Duration(0), out);
  }

  void clear(std::uint32_t slot, const Reading& reading, const Moment& now, Outputs& out) {
    Watched& watched = watched_[slot];
    watched.raised = false;
    const Judgement judgement = judge(watched, now);
    Alert alert = alert_of(watched, reading.time, 1);
    alert.peak = judgement.score;
    alert.quality |= reading.quality;
    alerts_.write(AlertWriter::State::cleared, alert, slots_.ids()[slot], reading.value, judgement,
                  now.elapsed - watched.raised_elapsed, out);
  }

  Judgement judge(const Watched& watched, const Moment& now) const {
    Judgement judgement;
    judgement.score = as_seconds(now.elapsed - watched.seen);
    judgement.bound = as_seconds(duration_);
    return judgement;
  }

  static Alert alert_of(const Watched& watched, Timestamp last, std::uint64_t readings) {
    Alert alert;
    alert.raised = true;
    alert.readings = readings;
    alert.quality = watched.quality;
    alert.raised_at = watched.raised_at;
    alert.first = watched.newest;
    alert.last = last;
    return alert;
  }

  Duration duration_;
  AlertWriter alerts_;
  const SeriesTable& table_;
  SeriesSlots slots_;
  std::vector<Watched> watched_;  ///< by slot
  Recency heard_;                 ///< slots that are not silent
};

MakeDetector read_silence(Params& params, const SourceOptions*) {
  const Duration duration =
      params.required_duration("for", {Duration(1000), std::chrono::hours(24 * 3660)});
  return [duration](const DetectorOptions& options, const SourceOptions& source,
                    const SeriesTable& table) {
    return std::make_unique<Silence>(options, duration, source, table);
  };
}

}  // namespace

extern const DetectorEntry silence_detector;
constinit const DetectorEntry silence_detector{"silence", "no reading of a series for a time",
                                               false, &read_silence};

}  // namespace weir
