#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/result.hpp"
#include "config/units.hpp"
#include "operators/reading.hpp"

namespace weir {

/// Names of metrics have 1 to that many bytes of UTF-8, tags at most that many. A decoder drops
/// what is longer and counts it.
constexpr std::size_t name_bytes_max = 256;

/// What a decoder found in one payload: records, each with its time, tags and values. Reused from
/// message to message, so that decoding allocates nothing once it is warm. Texts point into the
/// payload or into the decoder and live until the next call.
struct Decoded {
  struct Value {
    std::string_view metric;
    double value = 0;
    Quality quality = Quality::good;  ///< only `inexact`
  };
  struct Record {
    Timestamp time{};
    bool has_time = false;  ///< false: use the arrival time
    std::uint32_t first_value = 0, value_count = 0;
    std::uint32_t first_tag = 0;  ///< into `tags`; as many as the decoder's tag_names()
    double sequence = -1;         ///< what counts the device's messages; -1: there is no number
  };
  std::vector<Record> records;
  std::vector<Value> values;
  std::vector<std::string_view> tags;
  /// Fields that were asked for but could not be used, by reason; the rest of the message counts.
  std::uint32_t not_numeric = 0, not_finite = 0;
  /// Records dropped because their time or a tag is there and can't be used; values without a name.
  std::uint32_t bad_time = 0, bad_tag = 0, bad_name = 0;
  bool well_formed = false;  ///< the payload is of the format, whatever it holds

  void clear();
};

/// Turns payloads of one format into records. One instance a source; engine thread only.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Replaces `out` by what the payload holds. Never throws. A `null` or absent field is no value
  /// (not zero, not an error).
  /// # Errors
  /// `invalid`: the payload is not of this format, or holds no value that was asked for; the
  /// message says why, and where if the parser knows it, in at most 200 bytes, without raw payload
  /// bytes.
  virtual Result<void> decode(std::string_view payload, Decoded& out) = 0;

  /// Tags that come from the payload, behind those that come from the topic.
  virtual const std::vector<std::string>& tag_names() const = 0;

  /// The metrics it may yield; empty: any.
  virtual std::vector<std::string> metric_names() const { return {}; }

  /// The field that Record::sequence comes from, which is no metric; empty: none.
  virtual std::string_view sequence_name() const { return {}; }
};

}  // namespace weir
