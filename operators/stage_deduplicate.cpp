#include <algorithm>
#include <cmath>
#include <utility>

#include "operators/keyed.hpp"
#include "operators/sequence_window.hpp"
#include "operators/stage.hpp"

namespace weir {

namespace {

/// Drops a reading whose event time its series had already, whatever its value: of a device and a
/// metric, a time has one value. Each series remembers its newest times, those within `window` of
/// the newest and at most `entries`; what is older than they are passes, as nobody can tell.
class Deduplicate final : public Stage {
 public:
  Deduplicate(Duration window, std::size_t entries, const StageParts& parts)
      : name_("source " + parts.source.name + " deduplicate"),
        window_(window),
        entries_(entries),
        table_(parts.table) {}

  Verdict judge(Reading& reading, const Moment&) override {
    std::vector<Timestamp>& times = seen_[reading.series].times;
    const auto at = std::lower_bound(times.begin(), times.end(), reading.time);
    if (at != times.end() && *at == reading.time) return Verdict::drop;
    const bool oldest = at == times.begin() && !times.empty();
    if (oldest && (times.size() == entries_ || !near(reading.time, times.back())))
      return Verdict::pass;
    times.insert(at, reading.time);
    auto keep = times.begin();
    if (times.size() > entries_) ++keep;
    while (!near(*keep, times.back())) ++keep;
    times.erase(times.begin(), keep);
    return Verdict::pass;
  }

  std::string name() const override { return name_; }
  void define(ByteWriter& out) const override {
    out.varint(1);
    out.zigzag(window_.count());
    out.varint(entries_);
  }
  void save(ByteWriter& out) const override { seen_.save(out); }
  bool load(ByteReader& in) override {
    if (!seen_.load(in, table_.mark().series)) return false;
    return std::all_of(seen_.states().begin(), seen_.states().end(),
                       [this](const Seen& seen) { return seen.times.size() <= entries_; });
  }
  std::size_t memory_bytes() const override {
    std::size_t bytes = seen_.memory_bytes();
    for (const Seen& seen : seen_.states()) bytes += seen.times.capacity() * sizeof(Timestamp);
    return bytes;
  }

 private:
  struct Seen {
    std::vector<Timestamp> times;  ///< in order, each once

    // The first, then the distances, which are small.
    void save(ByteWriter& out) const {
      out.varint(times.size());
      std::uint64_t before = 0;
      for (const Timestamp time : times) {
        const auto us = static_cast<std::uint64_t>(count_us(time));
        out.varint(us - before);
        before = us;
      }
    }
    bool load(ByteReader& in) {
      std::uint64_t us = 0;
      for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left) {
        us += in.varint();
        const Timestamp time = timestamp_us(static_cast<std::int64_t>(us));
        if (!times.empty() && time <= times.back()) return false;
        times.push_back(time);
      }
      return in.ok();
    }
  };

  bool near(Timestamp time, Timestamp newest) const {
    return saturating_difference(newest, time) <= window_;
  }

  std::string name_;
  Duration window_;
  std::size_t entries_;
  const SeriesTable& table_;
  Keyed<SeriesId, Seen> seen_;
};

/// Drops the readings of a message whose number the device sent already. A reading of the metric
/// `by` stands before those of its message and tells the number, which is remembered once one of
/// them gets here: what a limit dropped whole may come again.
class DeduplicateMessages final : public Stage {
 public:
  DeduplicateMessages(std::string by, Duration window, std::size_t entries, const StageParts& parts)
      : name_("source " + parts.source.name + " deduplicate"),
        by_(std::move(by)),
        window_(window),
        entries_(entries),
        table_(parts.table) {}

  std::string_view mark_metric() const override { return by_; }
  void mark(const Reading& reading) override {
    Sender& sender = senders_[table_.series(reading.series).device];
    const double number = reading.value;
    const bool counts = number >= 0 && number < static_cast<double>(SequenceWindow::number_end) &&
                        number == std::floor(number) && !has(reading.quality, Quality::inexact);
    sender.message = counts ? Message::begun : Message::unnumbered;
    sender.number = counts ? static_cast<std::uint64_t>(number) : 0;
  }

  Verdict judge(Reading& reading, const Moment&) override {
    Sender& sender = senders_[table_.series(reading.series).device];
    if (sender.message == Message::begun) {
      const bool repeat = sender.seen.repeated(sender.number, reading.time, entries_, window_);
      sender.message = repeat ? Message::repeat : Message::taken;
    }
    return sender.message == Message::repeat ? Verdict::drop : Verdict::pass;
  }

  std::string name() const override { return name_; }
  void define(ByteWriter& out) const override {
    out.varint(2);  // 1 is the form of Deduplicate
    out.text(by_);
    out.zigzag(window_.count());
    out.varint(entries_);
  }
  void save(ByteWriter& out) const override { senders_.save(out); }
  bool load(ByteReader& in) override {
    if (!senders_.load(in, table_.mark().devices)) return false;
    const auto fits = [this](const Sender& sender) {
      return sender.seen.fits(entries_) && sender.number < SequenceWindow::number_end;
    };
    return std::all_of(senders_.states().begin(), senders_.states().end(), fits);
  }
  std::size_t memory_bytes() const override {
    std::size_t bytes = senders_.memory_bytes();
    for (const Sender& sender : senders_.states()) bytes += sender.seen.memory_bytes();
    return bytes;
  }

 private:
  enum class Message : std::uint8_t { unnumbered, begun, taken, repeat };  // stored
  struct Sender {
    SequenceWindow seen;
    std::uint64_t number = 0;  ///< of the message at hand
    Message message = Message::unnumbered;

    void save(ByteWriter& out) const {
      seen.save(out);
      out.varint(number);
      out.u8(static_cast<std::uint8_t>(message));
    }
    bool load(ByteReader& in) {
      if (!seen.load(in)) return false;
      number = in.varint();
      message = static_cast<Message>(in.u8());
      return in.ok() && message <= Message::repeat;
    }
  };

  std::string name_;
  std::string by_;
  Duration window_;
  std::size_t entries_;
  const SeriesTable& table_;
  Keyed<DeviceId, Sender> senders_;
};

StageChoice read_deduplicate(Params& source, const ExpressionScope&) {
  if (!source.has("deduplicate")) return {};
  Params options = source.table("deduplicate");
  const Duration window = options.duration("window", std::chrono::minutes(10),
                                           {std::chrono::milliseconds(1), std::chrono::hours(168)});
  const auto entries = static_cast<std::size_t>(options.integer("entries", 64, {1, 4096}));
  const std::string by = options.text("by", "");
  if (!by.empty()) {
    const auto make = [=](const StageParts& parts) {
      return std::make_unique<DeduplicateMessages>(by, window, entries, parts);
    };
    return {make, 90 + entries / 8};
  }
  const auto make = [=](const StageParts& parts) {
    return std::make_unique<Deduplicate>(window, entries, parts);
  };
  return {make, 40 + sizeof(Timestamp) * entries};
}

}  // namespace

extern const StageEntry deduplicate_stage = {
    "deduplicate", "duplicate",
    "takes each time of a series, or each number of a device's "
    "messages, once",
    read_deduplicate};

}  // namespace weir
