#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/bytes.hpp"
#include "operators/output.hpp"

namespace weir {

/// What is kept of the readings of one window: a small struct of `size` bytes that readings are
/// folded into. Several aggregates may read the same one (sum and mean), which is then kept once.
struct Accumulator {
  std::size_t size;       ///< a multiple of 8
  std::uint32_t version;  ///< of the stored form and its meaning; state of another one is left out
  void (*init)(void* state);
  void (*add)(void* state, const Reading& reading);
  /// Folds in what `other` holds, as if its readings had come after those of `state`.
  void (*merge)(void* state, const void* other);
  void (*save)(const void* state, ByteWriter& out);
  void (*load)(void* state, ByteReader& in);
};

/// The accumulator of a struct with `version`, `add`, `merge`, `save` and `load`.
template <class State>
constexpr Accumulator accumulator_of = {
    sizeof(State),
    State::version,
    [](void* state) { new (state) State(); },
    [](void* state, const Reading& reading) { static_cast<State*>(state)->add(reading); },
    [](void* state, const void* other) {
      static_cast<State*>(state)->merge(*static_cast<const State*>(other));
    },
    [](const void* state, ByteWriter& out) { static_cast<const State*>(state)->save(out); },
    [](void* state, ByteReader& in) { static_cast<State*>(state)->load(in); },
};

using FieldValue = decltype(Field::value);

bool is_finite(const FieldValue& value);  ///< what is no floating-point number is

/// The value of an aggregate in one result, and what else stands there; for `combine`.
struct ResultPart {
  const FieldValue* value;  ///< null: left out
  const Output& result;

  double count() const noexcept { return static_cast<double>(result.count); }
  double number() const noexcept;  ///< the value; not a number where it is none
  /// The number another aggregate has in the same result, if it is there.
  std::optional<double> number(std::string_view name) const noexcept;
};

/// One word of `aggregates = […]`. To add one: write its file and its line in registry.cpp.
struct AggregateEntry {
  std::string_view name;
  std::string_view about;          ///< one line, for the manual
  const Accumulator* accumulator;  ///< null: the number of readings is all it needs
  /// The value of a window of `count` >= 1 readings; nothing where it is not defined. A value that
  /// is not finite is left out of the output by the caller.
  std::optional<FieldValue> (*result)(const void* state, std::uint64_t count);
  /// What two results for windows that share no reading say together, from what was emitted alone;
  /// nothing if that is not enough. Null: it never is.
  std::optional<FieldValue> (*combine)(const ResultPart& a, const ResultPart& b);
};

/// The aggregates of one rollup and where their accumulators stand in one block of memory.
class AggregateSet {
 public:
  explicit AggregateSet(const std::vector<const AggregateEntry*>& entries);

  std::size_t state_bytes() const { return state_bytes_; }

  // Each `state` points to state_bytes() bytes, aligned to 8.
  void init(std::byte* state) const;
  void add(std::byte* state, const Reading& reading) const {
    for (const Part& part : parts_) part.accumulator->add(state + part.offset, reading);
  }
  void merge(std::byte* state, const std::byte* other) const;
  void save(const std::byte* state, ByteWriter& out) const;
  void load(std::byte* state, ByteReader& in) const;

  /// One field an aggregate, in the order of the configuration. What has no finite value (the
  /// deviation of one reading, a sum beyond the range of double) is left out.
  void append_fields(const std::byte* state, std::uint64_t count, std::vector<Field>& fields) const;

  /// Names and versions: state saved under another definition can't be read.
  void define(ByteWriter& out) const;

 private:
  struct Part {
    const Accumulator* accumulator;
    std::size_t offset;
  };
  struct Entry {
    const AggregateEntry* aggregate;
    std::size_t offset;
  };
  std::vector<Part> parts_;
  std::vector<Entry> entries_;
  std::size_t state_bytes_ = 0;
};

}  // namespace weir
