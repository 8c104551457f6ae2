#pragma once

#include <string>

#include "config/bytes.hpp"

namespace weir {

/// A part of the pipeline whose state outlives the process, in a section of its own.
class Stateful {
 public:
  virtual ~Stateful() = default;

  /// "rollup press_1m": names its section of the saved state.
  virtual std::string name() const = 0;
  /// Everything that must be equal for saved state to make sense.
  virtual void define(ByteWriter& out) const = 0;
  /// What writes nothing has no section.
  virtual void save(ByteWriter& out) const = 0;
  /// False: these are not bytes of `save`. Requires: nothing was accepted yet.
  virtual bool load(ByteReader& in) = 0;

  virtual std::size_t memory_bytes() const = 0;
};

}  // namespace weir
