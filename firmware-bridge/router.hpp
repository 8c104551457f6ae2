#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firmware-bridge/batch.hpp"
#include "firmware-bridge/source_config.hpp"
#include "operators/reading.hpp"
#include "operators/series.hpp"

namespace weir {

/// Why a message, or a reading of it, was not taken.
enum class Refusal : std::uint8_t {
  unrouted,      ///< no source has a topic that matches
  bad_topic,     ///< empty, a NUL or no UTF-8
  retained,      ///< a retained message, and the source ignores those
  empty,         ///< no payload
  undecodable,   ///< not of the source's format
  no_values,     ///< of the format, but nothing in it that was asked for
  bad_time,      ///< no record has a usable time
  bad_tag,       ///< what should tell the device apart can't: too long, not a text
  bad_name,      ///< no value has a usable name
  device_limit,  ///< a new device beyond limits.devices
  series_limit,  ///< a new series beyond limits.series
  redelivered,   ///< the broker repeats a message that is in the journal already
};
constexpr std::size_t refusal_count = 12;
std::string_view refusal_name(Refusal refusal);

/// What was left out of a message of which something else was taken.
enum class Skip : std::uint8_t { not_numeric, not_finite, bad_time, bad_tag, bad_name, part };
constexpr std::size_t skip_count = 6;
std::string_view skip_name(Skip skip);  ///< `part`: one of several sources refused its part

/// What became of messages and readings. `received = journaled + refused`, for both.
struct IngestCounts {
  std::uint64_t messages_received = 0, messages_journaled = 0;
  std::array<std::uint64_t, refusal_count> messages_refused{};
  std::uint64_t readings_decoded = 0, readings_journaled = 0;
  std::array<std::uint64_t, refusal_count> readings_refused{};
  std::array<std::uint64_t, skip_count> fields_skipped{};  ///< beside the balance

  /// Counts a message that does not even get as far as `Ingest`.
  void refuse(Refusal reason) {
    ++messages_received;
    ++messages_refused[static_cast<std::size_t>(reason)];
  }
};

/// Which sources take a topic, with what they capture from it. Bounded: topics that were remembered
/// are one look-up, up to `remembered_max` of them; all others are matched each time.
class Router {
 public:
  struct Route {
    std::uint32_t source = 0;                ///< index into the sources
    std::vector<std::string_view> captures;  ///< in the order of the source's tag names
    std::optional<DeviceId> device;          ///< for the caller to note, if the topic says it all
  };
  static constexpr std::size_t remembered_max = 16'384;
  static constexpr std::size_t remembered_topic_bytes_max = 256;

  /// `sources` must outlive the router.
  explicit Router(std::span<const SourceConfig> sources) : sources_(sources) {}

  struct Found {
    std::span<Route> routes;  ///< valid until the next call, and only as long as the topic
    bool remembered = false;
  };
  Found find(std::string_view topic);
  /// Keeps what was found for this topic and noted in it, if there is room.
  void remember(std::string_view topic);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  void match(std::string_view topic, std::vector<Route>& routes);

  std::span<const SourceConfig> sources_;
  std::unordered_map<std::string, std::vector<Route>, Hash, std::equal_to<>> remembered_;
  std::vector<Route> found_;
  std::vector<std::string_view> values_;
};

/// Turns messages into readings: route, decode, find out which series each value belongs to.
///
/// Engine thread only. In the common case (a known topic, the metrics of last time in their order)
/// it costs one hash look-up beside the decoding.
class Ingest {
 public:
  /// `table` must outlive this; what was restored into it before the first `take` is found again.
  Ingest(std::vector<SourceConfig> sources, SeriesTable& table);
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  /// What became of one message. Without readings it was refused; a sample is worth keeping unless
  /// it was retained or empty, which is normal.
  struct Taken {
    std::uint32_t readings = 0;
    Refusal refusal{};    ///< if readings == 0
    std::string source;   ///< of the refusal; empty: no source took the topic
    std::string message;  ///< of the refusal: a sentence without a full stop
    bool keep_sample() const {
      return readings == 0 && refusal != Refusal::retained && refusal != Refusal::empty;
    }
  };

  /// Appends the readings of `message` and adds what became of it to `counts`. Each source whose
  /// topics match takes its own readings. `clock_synchronised` marks arrival times.
  Taken take(const Batch::Message& message, bool clock_synchronised, std::vector<Reading>& readings,
             IngestCounts& counts);

  std::span<const SourceConfig> sources() const { return sources_; }

 private:
  struct Part {  ///< of one source
    std::uint32_t readings = 0;
    std::optional<Refusal> refusal;  ///< of all of it, or the last one of its readings
    std::string message;
  };
  /// The series of a device in the order in which its messages name them, so that the next message
  /// of the same shape finds each by one comparison of names.
  using KnownSeries = std::vector<SeriesId>;
  static constexpr std::size_t known_series_max = 32;

  Part take_part(Router::Route& route, const Batch::Message& message, bool clock_synchronised,
                 std::vector<Reading>& readings, IngestCounts& counts);
  std::optional<Refusal> take_record(Router::Route& route, const Decoded::Record& record,
                                     Reading reading, std::vector<Reading>& readings,
                                     IngestCounts& counts);
  std::optional<Reading> mark_of(std::uint32_t source, DeviceId device,
                                 const Decoded::Record& record, Reading reading,
                                 IngestCounts& counts);
  std::optional<DeviceId> device_of(Router::Route& route, const Decoded::Record& record);
  SourceId source_id(std::uint32_t source);
  std::optional<SeriesId> series_of(DeviceId device, std::string_view metric);
  Refusal why_nothing() const;
  std::string limit_message(Refusal refusal) const;

  std::vector<SourceConfig> sources_;
  SeriesTable& table_;
  Router router_;
  std::vector<std::optional<SourceId>> source_ids_;  ///< interned with its first device
  std::vector<KnownSeries> known_;                   ///< by device
  /// Which number of which message the readings of a device were marked with last.
  struct Marked {
    std::uint64_t message = 0;
    double sequence = 0;
  };
  std::vector<Marked> marked_;  ///< by device, of sources that go by sequence numbers
  std::uint64_t message_ = 0;   ///< counts them, from 1
  Decoded decoded_;

  // Of the message in hand: the device of the record before, and where in its known series to look.
  std::vector<std::string_view> tags_, last_tags_;
  std::optional<DeviceId> last_device_;
  std::size_t next_known_ = 0;
  std::array<std::uint64_t, skip_count> skipped_{};
};

}  // namespace weir
