#include <algorithm>
#include <array>

#include "runtime/ledger_view.hpp"
#include "runtime/log.hpp"
#include "runtime/status.hpp"

namespace weir {
namespace {

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

/// The two largest units that are not zero: "2d 3h", "4m 12s", "250ms".
std::string human(Duration duration) {
  struct Unit {
    const char* name;
    std::int64_t microseconds;
  };
  constexpr Unit units[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000},
                            {"s", 1'000'000},      {"ms", 1000},         {"us", 1}};
  std::int64_t left = std::max<std::int64_t>(duration.count(), 0);
  std::string text;
  int shown = 0;
  for (const Unit& unit : units) {
    const std::int64_t n = left / unit.microseconds;
    // Thousandths of a second only stand alone: "12s 250ms" says more than anybody wants to know.
    if (n == 0 || (shown > 0 && unit.microseconds < 1'000'000)) continue;
    text += (shown > 0 ? " " : "") + std::to_string(n) + unit.name;
    left %= unit.microseconds;
    if (++shown == 2) break;
  }
  return text.empty() ? "0s" : text;
}

/// Rows of cells under a heading, in columns as wide as their widest cell.
class Table {
 public:
  explicit Table(std::vector<bool> right_aligned) : right_(std::move(right_aligned)) {}

  void row(std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths_[i] = std::max(widths_[i], cells[i].size());
    }
    rows_.push_back(std::move(cells));
  }

  std::string text() const {
    std::string out;
    for (const std::vector<std::string>& cells : rows_) {
      std::string line;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string pad(widths_[i] - cells[i].size(), ' ');
        line += "  ";
        line += i < right_.size() && right_[i] ? pad + cells[i] : cells[i] + pad;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

 private:
  std::vector<bool> right_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

std::string heading_text(const Snapshot& snapshot) {
  const char* state = snapshot.stopping    ? "stopping, after "
                      : snapshot.replaying ? "replaying its journal, for "
                                           : "running for ";
  std::string out = "weir " + snapshot.version + "  " + printable(snapshot.gateway) + "  " + state +
                    human(snapshot.now.elapsed - snapshot.started.elapsed) + ", clock " +
                    (snapshot.now.synchronised ? "" : "not ") + "synchronised\n";
  if (snapshot.set_aside) {
    out += "A damaged database was set aside as " + printable(*snapshot.set_aside) + "\n";
  }
  return out;
}

std::string link_text(const Snapshot& snapshot) {
  Table table({});
  const auto add = [&](const std::string& name, bool connected, const std::string& peer,
                       const std::string& state, const std::string& counts) {
    table.row({name, connected ? "connected" : "not connected", printable(peer)});
    if (!state.empty()) table.row({"", "", printable(state)});
    table.row({"", "", counts});
  };
  for (const Source::Status& source : snapshot.sources) {
    std::string counts = grouped(source.messages) + " messages, " + human(Bytes{source.bytes}) +
                         ", " + grouped(source.unacknowledged) + " unacknowledged";
    if (source.refused_filters > 0) {
      counts += ", " + grouped(source.refused_filters) + " subscriptions REFUSED";
    }
    if (source.paused) counts += ", paused: the inbox is full";
    add(source.name, source.connected, source.peer, source.state, counts);
  }
  const Sink::Status& sink = snapshot.sink;
  add(sink.name, sink.connected, sink.peer, sink.state,
      grouped(sink.records) + " records, " + human(Bytes{sink.bytes}) + ", " + sink.delivery);
  return "\nLink\n" + table.text();
}

/// "refused: undecodable 30, retained 4", or nothing.
std::string parts_text(const Ledger& ledger, const CounterFamily& family) {
  std::string out;
  for (const auto& [key, value] : ledger.counts()) {
    if (key.first != family.counter || family.label.empty()) continue;
    out += (out.empty() ? "" : ", ") + printable(key.second) + " " + grouped(value);
  }
  return out;
}

std::string ledger_text(const Snapshot& snapshot) {
  const std::string imbalance = snapshot.ledger.imbalance(snapshot.waiting);
  std::string out = "\nLedger: " + (imbalance.empty() ? "balanced" : "NOT BALANCED, " + imbalance);
  Table equations({false, true, false});
  for (const LedgerEquation& equation : ledger_equations(snapshot.ledger, snapshot.waiting)) {
    std::string right;
    for (const LedgerEquation::Term& term : equation.right) {
      right += (right.empty() ? "= " : " + ") + grouped(term.value) + " " + std::string(term.name);
    }
    equations.row({std::string(equation.subject),
                   grouped(equation.left.value) + " " + std::string(equation.left.name), right});
  }
  Table parts({});
  for (const CounterFamily& family : counter_families()) {
    std::string counts = parts_text(snapshot.ledger, family);
    const std::uint64_t total = snapshot.ledger.total(family.counter);
    const bool beside = family.counter >= Counter::fields_skipped;
    if (beside && counts.empty() && total > 0) counts = grouped(total);
    if (counts.empty()) continue;
    std::string name(counter_name(family.counter));
    std::replace(name.begin(), name.end(), '_', ' ');
    parts.row({name + ":", counts});
  }
  return out + "\n" + equations.text() + parts.text();
}

std::string lanes_text(const Snapshot& snapshot) {
  Table table({false, true, true});
  table.row({"", "waiting", "oldest"});
  for (std::size_t i = 0; i < lane_count; ++i) {
    const Lane lane{static_cast<std::uint8_t>(i)};
    const std::uint64_t waiting = snapshot.store.waiting[i];
    table.row({std::string(lane_name(lane)), grouped(waiting),
               waiting == 0 ? "-" : human(oldest_age(snapshot, lane))});
  }
  return "\nLanes\n" + table.text();
}

std::string watermarks_text(const Snapshot& snapshot) {
  const Pipeline::Watermarks& marks = snapshot.watermarks;
  const auto lag = watermark_lag(snapshot);
  Table table({});
  table.row({"devices", grouped(marks.devices) + ", " + grouped(marks.idle) + " of them idle"});
  if (lag) {
    table.row({"lowest", format_time(marks.lowest) + ", " + human(*lag) + " behind the clock"});
    table.row({"highest", format_time(marks.highest)});
  }
  return "\nWatermarks\n" + table.text();
}

std::string store_text(const Snapshot& snapshot) {
  const Store::Stats& store = snapshot.store;
  Table table({});
  if (!snapshot.store_error.empty()) {
    table.row({"FAILING", printable(snapshot.store_error)});
  }
  table.row({"size", human(store.database) + " and " + human(store.wal) + " of log, limit " +
                         human(snapshot.store_limit) +
                         (snapshot.store_over_limit ? ", REACHED: results are evicted"
                          : snapshot.store_merging  ? ", near: results are merged"
                                                    : "")});
  table.row({"journal", grouped(store.journal_records) + " records, " +
                            human(Bytes{store.journal_bytes}) + " behind the checkpoint"});
  table.row({"commits", grouped(store.commits) + ", " + grouped(store.checkpoints) +
                            " checkpoints since the start"});
  table.row({"dead letters", grouped(store.dead_letters)});
  return "\nStore\n" + table.text();
}

std::string limits_text(const Snapshot& snapshot) {
  Table table({false, true, true});
  table.row({"", "used", "limit"});
  table.row({"devices", grouped(snapshot.devices), grouped(snapshot.devices_limit)});
  table.row({"series", grouped(snapshot.series), grouped(snapshot.series_limit)});
  table.row({"inbox", human(Bytes{snapshot.inbox.bytes}), human(snapshot.inbox_limit)});
  return "\nLimits\n" + table.text();
}

std::string process_text(const Snapshot& snapshot, const ProcessUsage& process) {
  Table table({});
  table.row({"memory", (process.resident ? human(*process.resident) : "unknown") + ", " +
                           human(Bytes{snapshot.pipeline_bytes}) + " of it state"});
  table.row({"cpu", human(process.cpu)});
  table.row({"written", process.written ? human(*process.written) : "unknown"});
  Table state({false, true});
  for (const Pipeline::OperatorMemory& of : snapshot.operator_memory)
    state.row({of.name, human(Bytes{of.bytes})});
  return "\nProcess\n" + table.text() + "\nState\n" + state.text();
}

}  // namespace

std::string human(Bytes bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  std::uint64_t divisor = 1;
  while (unit + 1 < units.size() && count(bytes) / divisor >= 1024) {
    divisor *= 1024;
    ++unit;
  }
  const std::uint64_t whole = count(bytes) / divisor;
  std::string text = std::to_string(whole);
  if (unit > 0)
    text += "." + std::to_string((count(bytes) % divisor) / (divisor / 1024) * 10 / 1024);
  return text + " " + units[unit];
}

std::string status_text(const Snapshot& snapshot, const ProcessUsage& process) {
  return heading_text(snapshot) + link_text(snapshot) + ledger_text(snapshot) +
         lanes_text(snapshot) + watermarks_text(snapshot) + store_text(snapshot) +
         limits_text(snapshot) + process_text(snapshot, process);
}

}  // namespace weir
