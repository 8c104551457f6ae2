#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/bytes.hpp"
#include "operators/output.hpp"

namespace weir {

/// What an aggregate was asked for beside its name.
struct Argument {
  /// What its accumulator depends on, for example a relative error; equal ones share it.
  double kept = 0;
  /// What only the result depends on, for example which quantile.
  double asked = 0;
};

/// What is kept of the readings of one window: a small struct of `size` bytes that readings are
/// folded into. Several aggregates may read the same one (sum and mean), which is then kept once.
struct Accumulator {
  std::size_t size;       ///< a multiple of 8
  std::uint32_t version;  ///< of the stored form and its meaning; state of another one is left out
  void (*init)(void* state, const Argument& argument);
  void (*add)(void* state, const Reading& reading);
  /// Folds in what `other` holds, as if its readings had come after those of `state`.
  void (*merge)(void* state, const void* other);
  void (*save)(const void* state, ByteWriter& out);
  void (*load)(void* state, ByteReader& in);
  /// Appends the state in the form that RECORDS.md describes, from which those of windows that
  /// share no reading can be merged in any order. Null: that takes the readings in their order.
  void (*ship)(const void* state, std::vector<Field>& out);

  // Of one that holds memory beside its size: null and zero for the others.
  void (*release)(void* state);                  ///< gives that memory back; `init` comes next
  std::size_t (*held_bytes)(const void* state);  ///< how much it is
  std::size_t (*held_usual)(const Argument& argument);  ///< an estimate
  std::size_t (*held_worst)(const Argument& argument);  ///< the bound
};

/// A struct that holds memory beside itself says how much, and has it bounded.
template <class State>
concept HoldsMemory = requires(const State& state) {
  state.held_bytes();
};

template <class State>
concept CanShip = requires(const State& state, std::vector<Field>& out) {
  state.ship(out);
};

/// The accumulator of a struct with `version`, `add`, `merge`, `save` and `load`; a constructor
/// that takes an Argument is given it. One that holds memory has `held_bytes()`, and `held_usual`
/// and `held_worst` as static functions of the Argument; one that can has `ship`.
template <class State>
constexpr Accumulator accumulator_of = [] {
  Accumulator made = {
      sizeof(State),
      State::version,
      [](void* state, const Argument& argument) {
        if constexpr (std::is_constructible_v<State, const Argument&>)
          new (state) State(argument);
        else
          new (state) State();
      },
      [](void* state, const Reading& reading) { static_cast<State*>(state)->add(reading); },
      [](void* state, const void* other) {
        static_cast<State*>(state)->merge(*static_cast<const State*>(other));
      },
      [](const void* state, ByteWriter& out) { static_cast<const State*>(state)->save(out); },
      [](void* state, ByteReader& in) { static_cast<State*>(state)->load(in); },
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
  };
  if constexpr (CanShip<State>) {
    made.ship = [](const void* state, std::vector<Field>& out) {
      static_cast<const State*>(state)->ship(out);
    };
  }
  if constexpr (HoldsMemory<State>) {
    made.release = [](void* state) { static_cast<State*>(state)->~State(); };
    made.held_bytes = [](const void* state) {
      return static_cast<const State*>(state)->held_bytes();
    };
    made.held_usual = &State::held_usual;
    made.held_worst = &State::held_worst;
  } else {
    static_assert(std::is_trivially_destructible_v<State>);
  }
  return made;
}();

/// Two structs of accumulators as one, for an aggregate that needs both.
template <class A, class B>
struct Both {
  static constexpr std::uint32_t version = A::version * 16 + B::version - 16;
  A a;
  B b;

  void add(const Reading& reading) {
    a.add(reading);
    b.add(reading);
  }
  void merge(const Both& other) {
    a.merge(other.a);
    b.merge(other.b);
  }
  void save(ByteWriter& out) const {
    a.save(out);
    b.save(out);
  }
  void load(ByteReader& in) {
    a.load(in);
    b.load(in);
  }
  void ship(std::vector<Field>& out) const requires CanShip<A> && CanShip<B> {
    a.ship(out);
    b.ship(out);
  }
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

struct Aggregate;

/// What a rollup's options say to its aggregates.
struct AggregateOptions {
  double relative_error = 0.01;  ///< of quantiles
  double per_seconds = 1;        ///< the unit of time of rates, trends and integrals
  std::vector<std::pair<std::string, double>> states;  ///< of percent_in: name and value
};

/// One word of `aggregates = […]`. To add one: write its file and its line in registry.cpp.
struct AggregateEntry {
  std::string_view name;
  std::string_view about;          ///< one line, for the manual
  const Accumulator* accumulator;  ///< null: the number of readings is all it needs
  /// The value of a window of at least one reading, whose bounds, count and times are those of
  /// `of`; nothing where it is not defined. A value that is not finite is left out of the output by
  /// the caller.
  std::optional<FieldValue> (*result)(const void* state, const Output& of, double asked);
  /// What two results for windows that share no reading say together, from what was emitted alone;
  /// nothing if that is not enough. Null: it never is.
  std::optional<FieldValue> (*combine)(const ResultPart& a, const ResultPart& b);
  /// Whether a word, or the name of a field, is one of this entry besides its name ("p99.9" of
  /// median). Null: none is.
  bool (*owns)(std::string_view word) = nullptr;
  /// The aggregates that a word stands for. Null: this entry by its name, without an argument.
  std::vector<Aggregate> (*choose)(std::string_view word,
                                   const AggregateOptions& options) = nullptr;
};

/// An aggregate as one rollup has it.
struct Aggregate {
  const AggregateEntry* entry;
  std::string name;  ///< of its field
  Argument argument;

  Aggregate(const AggregateEntry* plain) : entry(plain), name(plain->name) {}
  Aggregate(const AggregateEntry* with, std::string_view field, Argument given)
      : entry(with), name(field), argument(given) {}
};

/// The aggregates of one rollup and where their accumulators stand in one block of memory.
class AggregateSet {
 public:
  explicit AggregateSet(std::vector<Aggregate> aggregates);

  std::size_t state_bytes() const { return state_bytes_; }

  // Each `state` points to state_bytes() bytes, aligned to 8, between `init` and `release`.
  void init(std::byte* state) const;
  void release(std::byte* state) const;
  void add(std::byte* state, const Reading& reading) const {
    for (const Part& part : parts_) part.accumulator->add(state + part.offset, reading);
  }
  void merge(std::byte* state, const std::byte* other) const;
  void save(const std::byte* state, ByteWriter& out) const;
  void load(std::byte* state, ByteReader& in) const;

  /// One field an aggregate, in the order of the configuration, from the state and what `result`
  /// says of its window. What has no finite value (the deviation of one reading, a sum beyond the
  /// range of double) is left out.
  void append_fields(const std::byte* state, Output& result) const;

  /// The fields of each accumulator that can ship its state, each once.
  void append_state(const std::byte* state, Output& result) const;
  bool can_ship() const;  ///< whether any can

  /// Names, versions and what accumulators depend on: state saved under another definition can't be
  /// read.
  void define(ByteWriter& out) const;

  /// Whether states hold memory beside their bytes, and how much one does, usually and at most.
  bool holds_memory() const;
  std::size_t held_bytes(const std::byte* state) const;
  std::size_t held_usual() const;
  std::size_t held_worst() const;

 private:
  struct Part {
    const Accumulator* accumulator;
    std::size_t offset;
    Argument argument;
  };
  std::size_t offset_of(const Aggregate& aggregate);

  std::vector<Part> parts_;
  std::vector<Aggregate> aggregates_;
  std::vector<std::size_t> offsets_;  ///< of the state of each aggregate
  std::size_t state_bytes_ = 0;
};

}  // namespace weir
