// What bounds the state, and what lets time pass without a reading of its own.

#include <algorithm>
#include <utility>

#include "operators/chain.hpp"

namespace weir {

void Chain::promise(SourceId source, std::optional<DeviceId> device, Timestamp time,
                    const Moment& now, Outputs& out) {
  begin(now, out);
  time = std::min(time, time_end - Duration(1));  // the very last one stands for "never"
  const std::uint32_t place = clocks_.source_of(source);
  if (place != DeviceClocks::no_source && device) {
    const bool returned = clocks_.heard(*device, place, now.elapsed);
    if (clocks_.promise(*device, time) || returned) moved(*device, place, out);
  } else if (place != DeviceClocks::no_source) {
    for (const DeviceId each : clocks_.promise_all(place, time)) moved(each, place, out);
  }
  settle(out);
}

/// Whether the series may have windows: where there are too many, the device that was silent for
/// longest makes room.
bool Chain::make_room(Series& series, Outputs& out) {
  while (most_active_ > 0 && active_series_ >= most_active_) {
    const auto oldest = clocks_.forget_oldest();
    if (!oldest) return false;
    forget(*oldest, out);
    ++forgotten_.bound;
  }
  series.active = true;
  ++active_series_;
  return true;
}

void Chain::forget(DeviceId device, Outputs& out) {
  const std::uint32_t source = clocks_.source_of(device);
  for (const Link& link : sources_[source].operators) link.to->forget(device, out);
  if (index(device) >= first_series_.size()) return;
  for (std::uint32_t id = first_series_[index(device)]; id != unknown; id = series_[id].next) {
    if (std::exchange(series_[id].active, false)) --active_series_;
  }
}

void Chain::save_active(ByteWriter& out) const {
  out.varint(most_active_ > 0 ? active_series_ : 0);
  std::uint32_t next = 0;
  for (std::uint32_t id = 0; most_active_ > 0 && id < series_.size(); ++id) {
    if (!series_[id].active) continue;
    out.varint(id - next);
    next = id + 1;
  }
}

bool Chain::load_active(ByteReader& in) {
  const std::size_t known = table_.mark().series;
  std::uint64_t id = 0;
  for (std::uint64_t left = in.count(); left > 0 && in.ok(); --left, ++id) {
    id += in.varint();
    if (id >= known) return false;
    Series& series = series_of(SeriesId{static_cast<std::uint32_t>(id)});
    if (series.source == DeviceClocks::no_source) continue;
    series.active = true;
    ++active_series_;
  }
  return in.ok();
}

void Chain::close(std::span<const std::string> operators, Outputs& out) {
  std::erase_if(operators_, [&](const std::unique_ptr<Operator>& to) {
    if (std::find(operators.begin(), operators.end(), to->name()) == operators.end()) return false;
    to->finish(out);
    return true;
  });
}

void Chain::regroup(std::span<const SourceOptions> next, Outputs& out) {
  for (const Source& source : sources_) {
    const auto found = std::ranges::find(next, source.options.name, &SourceOptions::name);
    if (found == next.end() || found->tag_names != source.options.tag_names) continue;
    for (const Link& link : source.operators) link.to->regroup(*found, out);
  }
}

std::vector<Pipeline::OperatorMemory> Chain::operator_memory() const {
  std::vector<OperatorMemory> memory;
  for (const auto& of : operators_) memory.push_back({of->name(), of->memory_bytes()});
  return memory;
}

}  // namespace weir
