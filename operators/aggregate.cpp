#include "operators/aggregate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir {

bool is_finite(const FieldValue& value) {
  const double* number = std::get_if<double>(&value);
  return number == nullptr || std::isfinite(*number);
}

double ResultPart::number() const noexcept {
  const double* found = value != nullptr ? std::get_if<double>(value) : nullptr;
  return found != nullptr ? *found : std::numeric_limits<double>::quiet_NaN();
}

std::optional<double> ResultPart::number(std::string_view name) const noexcept {
  for (const Field& field : result.fields) {
    if (field.name != name) continue;
    const double* found = std::get_if<double>(&field.value);
    return found != nullptr ? std::optional(*found) : std::nullopt;
  }
  return std::nullopt;
}

AggregateSet::AggregateSet(const std::vector<const AggregateEntry*>& entries) {
  for (const AggregateEntry* entry : entries) {
    std::size_t offset = 0;
    if (entry->accumulator != nullptr) {
      const auto part = std::find_if(parts_.begin(), parts_.end(), [entry](const Part& known) {
        return known.accumulator == entry->accumulator;
      });
      offset = part != parts_.end() ? part->offset : state_bytes_;
      if (part == parts_.end()) {
        parts_.push_back({entry->accumulator, offset});
        state_bytes_ += entry->accumulator->size;
      }
    }
    entries_.push_back({entry, offset});
  }
}

void AggregateSet::init(std::byte* state) const {
  for (const Part& part : parts_) part.accumulator->init(state + part.offset);
}

void AggregateSet::merge(std::byte* state, const std::byte* other) const {
  for (const Part& part : parts_) {
    part.accumulator->merge(state + part.offset, other + part.offset);
  }
}

void AggregateSet::save(const std::byte* state, ByteWriter& out) const {
  for (const Part& part : parts_) part.accumulator->save(state + part.offset, out);
}

void AggregateSet::load(std::byte* state, ByteReader& in) const {
  for (const Part& part : parts_) part.accumulator->load(state + part.offset, in);
}

void AggregateSet::append_fields(const std::byte* state, std::uint64_t count,
                                 std::vector<Field>& fields) const {
  for (const Entry& entry : entries_) {
    auto value = entry.aggregate->result(state + entry.offset, count);
    if (value && is_finite(*value)) {
      fields.push_back({std::string(entry.aggregate->name), std::move(*value)});
    }
  }
}

void AggregateSet::define(ByteWriter& out) const {
  out.varint(entries_.size());
  for (const Entry& entry : entries_) {
    out.text(entry.aggregate->name);
    const Accumulator* accumulator = entry.aggregate->accumulator;
    out.varint(accumulator != nullptr ? accumulator->version : 0);
  }
}

}  // namespace weir
