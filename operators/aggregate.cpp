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

AggregateSet::AggregateSet(std::vector<Aggregate> aggregates) : aggregates_(std::move(aggregates)) {
  for (const Aggregate& aggregate : aggregates_) offsets_.push_back(offset_of(aggregate));
}

std::size_t AggregateSet::offset_of(const Aggregate& aggregate) {
  const Accumulator* accumulator = aggregate.entry->accumulator;
  if (accumulator == nullptr) return 0;
  for (const Part& part : parts_) {
    if (part.accumulator == accumulator && part.argument.kept == aggregate.argument.kept)
      return part.offset;
  }
  parts_.push_back({accumulator, state_bytes_, aggregate.argument});
  state_bytes_ += accumulator->size;
  return parts_.back().offset;
}

void AggregateSet::init(std::byte* state) const {
  for (const Part& part : parts_) part.accumulator->init(state + part.offset, part.argument);
}

void AggregateSet::release(std::byte* state) const {
  for (const Part& part : parts_) {
    if (part.accumulator->release != nullptr) part.accumulator->release(state + part.offset);
  }
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

void AggregateSet::append_fields(const std::byte* state, Output& result) const {
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    const Aggregate& aggregate = aggregates_[i];
    auto value = aggregate.entry->result(state + offsets_[i], result, aggregate.argument.asked);
    if (value && is_finite(*value)) result.fields.push_back({aggregate.name, std::move(*value)});
  }
}

void AggregateSet::append_state(const std::byte* state, Output& result) const {
  std::vector<Field> shipped;
  for (const Part& part : parts_) {
    if (part.accumulator->ship != nullptr) part.accumulator->ship(state + part.offset, shipped);
  }
  // Two accumulators may hold the same: the lowest value is that of `min` and a part of `range`.
  for (Field& field : shipped) {
    const bool known = std::any_of(result.state.begin(), result.state.end(),
                                   [&](const Field& one) { return one.name == field.name; });
    if (!known) result.state.push_back(std::move(field));
  }
}

bool AggregateSet::can_ship() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.accumulator->ship != nullptr; });
}

void AggregateSet::define(ByteWriter& out) const {
  out.varint(aggregates_.size());
  for (const Aggregate& aggregate : aggregates_) {
    out.text(aggregate.name);
    const Accumulator* accumulator = aggregate.entry->accumulator;
    out.varint(accumulator != nullptr ? accumulator->version : 0);
    if (aggregate.argument.kept != 0) out.f64(aggregate.argument.kept);
  }
}

bool AggregateSet::holds_memory() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.accumulator->release != nullptr; });
}

std::size_t AggregateSet::held_bytes(const std::byte* state) const {
  std::size_t bytes = 0;
  for (const Part& part : parts_) {
    if (part.accumulator->held_bytes != nullptr)
      bytes += part.accumulator->held_bytes(state + part.offset);
  }
  return bytes;
}

std::size_t AggregateSet::held_usual() const {
  std::size_t bytes = 0;
  for (const Part& part : parts_) {
    if (part.accumulator->held_usual != nullptr)
      bytes += part.accumulator->held_usual(part.argument);
  }
  return bytes;
}

std::size_t AggregateSet::held_worst() const {
  std::size_t bytes = 0;
  for (const Part& part : parts_) {
    if (part.accumulator->held_worst != nullptr)
      bytes += part.accumulator->held_worst(part.argument);
  }
  return bytes;
}

}  // namespace weir
