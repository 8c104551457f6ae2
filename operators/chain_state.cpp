#include <algorithm>
#include <utility>

#include "operators/chain.hpp"

namespace weir {

namespace {

// The state: a version, the wall clock, what the centre knows of (since version 2), what was
// promised of whole sources (since version 3), the device clocks, then one section for each part
// that has state, with its name, its definition and its own bytes (a part that is new needs no new
// version: what is not there begins empty), then what idle devices and active series there are
// (since version 3).
constexpr std::uint8_t state_version = 3;
constexpr std::uint8_t oldest_state_version = 1;

std::string definition_of(const Stateful& of) {
  std::string definition;
  ByteWriter writer(definition);
  of.define(writer);
  return definition;
}

}  // namespace

std::vector<Stateful*> Chain::parts() const {
  std::vector<Stateful*> parts;
  for (const auto& one : operators_) parts.push_back(one.get());
  for (const auto& one : conditions_) parts.push_back(one.get());
  for (const Source& source : sources_) {
    if (source.intake == nullptr) continue;
    const auto of_source = source.intake->parts();
    parts.insert(parts.end(), of_source.begin(), of_source.end());
  }
  return parts;
}

void Chain::save(ByteWriter& out) const {
  out.u8(state_version);
  out.zigzag(count_us(highest_wall_));
  out.zigzag(count_us(told_));
  clocks_.save_promises(out);
  clocks_.save(out);
  std::vector<std::pair<const Stateful*, std::string>> sections;
  for (const Stateful* part : parts()) {
    std::string state;
    ByteWriter writer(state);
    part->save(writer);
    if (!state.empty()) sections.emplace_back(part, std::move(state));
  }
  out.varint(sections.size());
  for (const auto& [part, state] : sections) {
    out.text(part->name());
    out.text(definition_of(*part));
    out.text(state);
  }
  clocks_.save_idle(out);
  save_active(out);
}

Result<std::vector<std::string>> Chain::load(ByteReader& in) {
  const std::uint8_t version = in.u8();
  if (version < oldest_state_version || version > state_version) {
    return fail(ErrorKind::corrupt, "the state of the pipeline has version " +
                                        std::to_string(version) + ", this is version " +
                                        std::to_string(state_version));
  }
  highest_wall_ = timestamp_us(in.zigzag());
  told_ = version < 2 ? time_begin : timestamp_us(in.zigzag());
  if ((version >= 3 && !clocks_.load_promises(in)) || !clocks_.load(in))
    return fail(ErrorKind::corrupt, "the device clocks can't be read");
  std::vector<std::string> left_out;
  std::vector<const Stateful*> loaded;
  const std::vector<Stateful*> parts = this->parts();
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const std::string name(in.text());
    const std::string_view definition = in.text(), state = in.text();
    if (!in.ok()) break;
    const auto found = std::find_if(parts.begin(), parts.end(), [&](const Stateful* part) {
      return part->name() == name && definition_of(*part) == definition;
    });
    if (found == parts.end()) {
      left_out.push_back(name);
      continue;
    }
    Stateful* const to = *found;
    const bool twice = std::find(loaded.begin(), loaded.end(), to) != loaded.end();
    loaded.push_back(to);
    ByteReader reader(state);
    if (twice || !to->load(reader) || !reader.at_end()) {
      return fail(ErrorKind::corrupt, "the state of " + name + " can't be read");
    }
  }
  if (in.ok() && version < 3) clocks_.guess_idle();
  const bool whole = version < 3 ? in.ok() : clocks_.load_idle(in) && load_active(in);
  if (!whole) return fail(ErrorKind::corrupt, "the state of the pipeline ends early");
  return left_out;
}

}  // namespace weir
