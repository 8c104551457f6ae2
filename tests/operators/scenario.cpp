#include "tests/operators/scenario.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "operators/aggregate.hpp"
#include "tests/operators/rig.hpp"

namespace weir::test {

namespace {

using Words = std::vector<std::string>;

Words split(const std::string& text, char at) {
  Words parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

Duration duration_of(const std::string& text) {
  const bool negative = text.starts_with('-');
  const auto parsed = parse_duration(negative ? text.substr(1) : text);
  if (!parsed) throw std::runtime_error("\"" + text + "\" is no duration");
  return negative ? -*parsed : *parsed;
}

Timestamp time_of(const std::string& text) {
  return Timestamp(duration_of(text));
}

Quality quality_of(const std::string& word) {
  static const std::map<std::string, Quality> words = {{"good", Quality::good},
                                                       {"arrival_time", Quality::arrival_time},
                                                       {"clock_unsynced", Quality::clock_unsynced},
                                                       {"historical", Quality::historical},
                                                       {"inexact", Quality::inexact}};
  Quality quality = Quality::good;
  for (const std::string& part : split(word, '+')) {
    const auto found = words.find(part);
    if (found == words.end()) throw std::runtime_error("\"" + part + "\" is no quality");
    quality |= found->second;
  }
  return quality;
}

std::string time_text(Timestamp time) {
  const std::int64_t us = count_us(time);
  std::ostringstream out;
  out << static_cast<double>(us) / 1e6 << "s";
  return out.str();
}

std::string kind_text(OutputKind kind) {
  switch (kind) {
    case OutputKind::rollup:
      return "rollup";
    case OutputKind::alert:
      return "alert";
    case OutputKind::late:
      return "late";
    case OutputKind::quarantined:
      return "quarantined";
    case OutputKind::gap:
      return "gap";
  }
  return "?";
}

std::string group_text(const Output& output) {
  std::string text;
  for (const Tag& tag : output.group) text += (text.empty() ? "" : "/") + tag.value;
  return text.empty() ? "-" : text;
}

std::string value_text(const FieldValue& value) {
  std::ostringstream out;
  out.precision(17);
  std::visit([&out](const auto& held) { out << held; }, value);
  return out.str();
}

std::string text_of(const Output& output) {
  std::ostringstream out;
  out << kind_text(output.kind) << ' ' << output.name << ' ' << group_text(output) << ' '
      << output.metric << " [" << time_text(output.window.start) << ','
      << time_text(output.window.end) << ") revision=" << output.revision
      << " quality=" << static_cast<unsigned>(output.quality) << " n=" << output.count
      << " due=" << output.expected << " late=" << output.late
      << " from=" << time_text(output.first) << " to=" << time_text(output.last);
  if (output.preview) out << " preview";
  if (output.retracted) out << " retracted";
  if (output.number > 0) out << " number=" << output.number;
  for (const Tag& tag : output.attributes) out << " attribute." << tag.name << '=' << tag.value;
  for (const Field& field : output.fields)
    out << ' ' << field.name << '=' << value_text(field.value);
  return out.str();
}

bool same_number(double is, double expected) {
  return is == expected || std::fabs(is - expected) <= 1e-12 * std::fabs(expected);
}

bool has_value(const FieldValue& value, const std::string& expected) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text == expected;
  const double number = std::stod(expected);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return static_cast<double>(*integer) == number;
  }
  return same_number(std::get<double>(value), number);
}

// "mean=3", "late=1", "!stddev" …
bool holds(const Output& output, const std::string& word) {
  const auto field_named = [&output](const std::string& name) -> const Field* {
    for (const Field& field : output.fields) {
      if (field.name == name) return &field;
    }
    return nullptr;
  };
  if (word == "preview" || word == "retracted") return true;
  if (word.starts_with('!')) return field_named(word.substr(1)) == nullptr;
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) throw std::runtime_error("\"" + word + "\" is no expectation");
  const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
  if (name == "revision") return output.revision == std::stoul(value);
  if (name == "n") return output.count == std::stoull(value);
  if (name == "due") return output.expected == std::stoull(value);
  if (name == "late") return output.late == std::stoull(value);
  if (name == "from") return output.first == time_of(value);
  if (name == "to") return output.last == time_of(value);
  if (name == "quality") return output.quality == quality_of(value);
  if (name == "topic") return output.topic == value;
  if (name == "number") return output.number == std::stoull(value);
  if (name.starts_with("attribute.")) {
    const Tag wanted{name.substr(name.find('.') + 1), value};
    return std::find(output.attributes.begin(), output.attributes.end(), wanted) !=
           output.attributes.end();
  }
  const Field* field = field_named(name);
  return field != nullptr && has_value(field->value, value);
}

bool is_window(const Window& window, const std::string& word) {
  if (!word.starts_with('[')) return window == Window{time_of(word), time_of(word)};
  const std::size_t comma = word.find(',');
  if (comma == std::string::npos || !word.ends_with(')')) {
    throw std::runtime_error("\"" + word + "\" is no window");
  }
  const std::string end = word.substr(comma + 1, word.size() - comma - 2);
  return window == Window{time_of(word.substr(1, comma - 1)), time_of(end)};
}

// expect KIND NAME GROUP METRIC WINDOW [WORD…]
bool matches(const Output& output, const Words& words) {
  if (words.size() < 6) throw std::runtime_error("expect needs kind, name, group, metric, window");
  bool same = kind_text(output.kind) == words[1] && output.name == words[2] &&
              group_text(output) == words[3] && output.metric == words[4] &&
              is_window(output.window, words[5]);
  const auto says = [&words](const char* mark) {
    return std::find(words.begin(), words.end(), mark) != words.end();
  };
  same = same && says("preview") == output.preview && says("retracted") == output.retracted;
  for (std::size_t i = 6; i < words.size() && same; ++i) same = holds(output, words[i]);
  return same;
}

class Runner {
 public:
  Runner(const Scenario& scenario, const ScenarioMode& mode)
      : scenario_(scenario), mode_(mode), rig_(scenario.toml) {}

  std::string run() {
    for (const Scenario::Line& line : scenario_.lines) {
      try {
        if (line.words[0] != "read") flush();
        step(line.words);
      } catch (const std::exception& error) {
        return "line " + std::to_string(line.number) + ": " + error.what();
      }
    }
    try {
      flush();
      nothing_left();
    } catch (const std::exception& error) {
      return std::string("at the end: ") + error.what();
    }
    return {};
  }

 private:
  void step(const Words& words) {
    const std::string& verb = words[0];
    if (verb == "expect") return expect(words);
    if (verb == "counts") return counts(words);
    if (verb == "next_tick") return next_tick(words.at(1));
    nothing_left();
    if (verb == "read") return read(words);
    if (verb == "at") {
      now_.elapsed = duration_of(words.at(1));
      now_.wall = Timestamp(now_.elapsed);
      now_.synchronised = true;
    } else if (verb == "wall") {
      now_.wall = time_of(words.at(1));
      now_.synchronised = words.size() < 3 || words[2] != "unsynchronised";
    } else if (verb == "tick") {
      rig_.pipeline().tick(now_, out_);
      count_forgotten();
      between_steps();
    } else if (verb == "watermark") {
      watermark(words);
      between_steps();
    } else if (verb == "anew") {
      rig_.pipeline().begin_anew(time_of(words.at(1)));
      between_steps();
    } else if (verb == "table") {
      std::string csv;
      for (std::size_t i = 1; i < words.size(); ++i) csv += words[i] + "\n";
      rig_.change_table(csv, out_);
    } else if (verb == "set") {
      rig_.change_source(words.at(1), words.at(2), out_);
    } else if (verb == "close") {
      const std::vector<std::string> names = {words.at(1) + " " + words.at(2)};
      rig_.pipeline().close(names, out_);
    } else if (verb == "restart") {
      rig_.restart();
    } else if (verb != "batch") {
      throw std::runtime_error("unknown word \"" + verb + "\"");
    }
  }

  // read [SOURCE:]TAG/TAG METRIC TIME VALUE [QUALITY]
  void read(const Words& words) {
    if (words.size() < 5) throw std::runtime_error("read needs device, metric, time, value");
    std::string device = words[1], source = rig_.sources().front().name;
    if (const std::size_t colon = device.find(':'); colon != std::string::npos) {
      source = device.substr(0, colon);
      device = device.substr(colon + 1);
    }
    Reading reading;
    reading.series = rig_.series(source, device == "-" ? Words{} : split(device, '/'), words[2]);
    reading.time = time_of(words[3]);
    reading.value = std::stod(words[4]);
    if (words.size() > 5) reading.quality = quality_of(words[5]);
    batch_.push_back(reading);
  }

  // watermark [SOURCE:]TAG/TAG TIME, or for a whole source: watermark SOURCE:* TIME
  void watermark(const Words& words) {
    std::string device = words.at(1), source = rig_.sources().front().name;
    if (const std::size_t colon = device.find(':'); colon != std::string::npos) {
      source = device.substr(0, colon);
      device = device.substr(colon + 1);
    }
    const auto [id, of] = rig_.device(source, device == "*" ? Words{} : split(device, '/'));
    rig_.pipeline().promise(id, of, time_of(words.at(2)), now_, out_);
  }

  void flush() {
    const std::size_t size = mode_.batch == 0 ? batch_.size() : mode_.batch;
    for (std::size_t at = 0; at < batch_.size(); at += size) {
      const auto part = std::span(batch_).subspan(at, std::min(size, batch_.size() - at));
      rig_.pipeline().process(part, now_, out_);
      const ReadingCounts& counts = rig_.pipeline().counts();
      if (counts.total() != part.size()) throw std::runtime_error("a reading was not counted once");
      total_["aggregated"] += counts.aggregated;
      total_["late"] += counts.late;
      total_["quarantined"] += counts.quarantined;
      total_["unused"] += counts.unused;
      total_["no_room"] += counts.no_room;
      total_["without_row"] += counts.no_row;
      count_forgotten();
      for (std::size_t i = 0; i < filter_reasons().size(); ++i)
        total_[filter_reasons()[i]] += counts.filtered[i];
      for (std::size_t i = 0; i < derived_fate_names.size(); ++i)
        total_["derived." + std::string(derived_fate_names[i])] += counts.derived[i];
      between_steps();
    }
    batch_.clear();
  }

  void count_forgotten() {
    const ForgottenCounts forgotten = rig_.pipeline().take_forgotten();
    total_["forgotten_silent"] += forgotten.silent;
    total_["forgotten_bound"] += forgotten.bound;
  }

  void between_steps() {
    if (mode_.restart_each_step) rig_.restart();
  }

  void expect(const Words& words) {
    if (words.size() == 2 && words[1] == "nothing") return nothing_left();
    if (seen_ == out_.size()) throw std::runtime_error("nothing more was emitted");
    if (!matches(out_[seen_], words)) throw std::runtime_error("emitted: " + text_of(out_[seen_]));
    ++seen_;
  }

  void nothing_left() const {
    if (seen_ != out_.size()) throw std::runtime_error("not expected: " + text_of(out_[seen_]));
  }

  void counts(const Words& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
      const Words pair = split(words[i], '=');
      const std::uint64_t is = total_.at(pair.at(0));
      if (is != std::stoull(pair.at(1))) {
        throw std::runtime_error(pair[0] + " is " + std::to_string(is));
      }
    }
  }

  void next_tick(const std::string& word) {
    const auto next = rig_.pipeline().next_tick();
    const auto expected = word == "never" ? std::nullopt : std::optional(duration_of(word));
    if (next == expected) return;
    throw std::runtime_error(next ? "it is " + time_text(Timestamp(*next)) : "it is never");
  }

  const Scenario& scenario_;
  ScenarioMode mode_;
  Rig rig_;
  Moment now_;
  std::vector<Reading> batch_;
  Outputs out_;
  std::size_t seen_ = 0;  ///< outputs that were expected so far
  std::map<std::string, std::uint64_t> total_;
};

}  // namespace

Scenario read_scenario(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("can't read " + path);
  Scenario scenario;
  bool in_options = true;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (in_options) {
      in_options = line != "---";
      if (line == "# batching: fixed") scenario.fixed_batches = true;
      if (in_options) scenario.toml += line + "\n";
      continue;
    }
    std::istringstream text(line.substr(0, line.find('#')));
    Words words;
    for (std::string word; text >> word;) words.push_back(word);
    if (!words.empty()) scenario.lines.push_back({number, words});
  }
  if (scenario.lines.empty()) throw std::runtime_error(path + " has no steps behind ---");
  return scenario;
}

std::string run_scenario(const Scenario& scenario, const ScenarioMode& mode) {
  return Runner(scenario, mode).run();
}

}  // namespace weir::test
