#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "operators/reading.hpp"

namespace weir {

/// What a pipeline emits. Stored: never renumber.
enum class OutputKind : std::uint8_t {
  rollup = 1,
  alert = 2,
  late = 3,
  quarantined = 4,
  gap = 5,  ///< tells of results that will never come
};

/// Which queue of the outbox an output waits in; lanes are drained in this order. Stored: never
/// renumber. Quarantined readings go to no lane but to the dead letters.
enum class Lane : std::uint8_t { alerts = 0, live = 1, late = 2, backlog = 3 };
inline constexpr std::array lanes = {Lane::alerts, Lane::live, Lane::late, Lane::backlog};
constexpr std::size_t lane_count = lanes.size();

struct Tag {
  std::string name, value;
  friend bool operator==(const Tag&, const Tag&) = default;
};

/// A named value of an output, in the order of the configuration: an aggregate, a score, a bound.
struct Field {
  std::string name;
  std::variant<std::int64_t, double, std::string> value;
  friend bool operator==(const Field&, const Field&) = default;
};

/// One result, of any kind, complete in itself: it needs no table to be understood, so it outlives
/// a changed configuration in the outbox.
struct Output {
  OutputKind kind = OutputKind::rollup;
  std::string name;        ///< of the rollup, the detector or, for a late reading, the source
  std::string topic;       ///< of Kafka
  std::vector<Tag> group;  ///< the tags it is about, in the order of `by`
  /// What a dimension table says of its device; no part of what tells it from others.
  std::vector<Tag> attributes;
  std::string metric;
  Window window;                    ///< of a rollup; start == end == the event time for the others
  std::uint32_t revision = 0;       ///< 0, then one more each time the same result is emitted again
  Quality quality = Quality::good;  ///< all bits of all readings in it
  // Completeness: how many readings are in it, how many of those came behind the watermark, and
  // the first and last event time.
  std::uint64_t count = 0, late = 0;
  std::uint64_t expected = 0;  ///< how many should be in it; 0: nobody said how often they come
  Timestamp first{}, last{};
  std::uint32_t merged = 0;  ///< windows of the rollup this one stands for; 0: it is one of them
  /// It shares readings with other results of its rollup, or its bounds may change: it never
  /// becomes part of a coarser window.
  bool apart = false;
  bool preview = false;      ///< of a window that is not complete: it will be emitted again
  bool retracted = false;    ///< no such window any more: what was emitted for it stands elsewhere
  std::uint64_t number = 0;  ///< of a window that is known by its number: 1, 2, 3 …
  std::vector<Field> fields;
  std::vector<Field> state;  ///< what is merged with that of other gateways, if it was asked for
  friend bool operator==(const Output&, const Output&) = default;
};

using Outputs = std::vector<Output>;

}  // namespace weir
