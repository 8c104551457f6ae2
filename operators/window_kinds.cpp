#include <string>
#include <vector>

#include "operators/operator.hpp"
#include "operators/options.hpp"
#include "operators/window_kind.hpp"

namespace weir {

// Each stands in window_NAME.cpp.
extern const WindowEntry tumbling_windows, calendar_windows, hopping_windows, session_windows,
    count_windows, trailing_windows;

namespace {

constexpr const WindowEntry* window_table[] = {
    &tumbling_windows,  //
    &calendar_windows,  //
    &hopping_windows,   //
    &session_windows,   //
    &count_windows,     //
    &trailing_windows,
};

}  // namespace

std::span<const WindowEntry* const> window_kinds() {
  return window_table;
}

Duration read_offset(Params& table) {
  const std::string text = table.text("offset", "0s");
  const bool negative = text.starts_with('-');
  const auto parsed = parse_duration(negative ? text.substr(1) : text);
  if (parsed && *parsed <= window_length.high) return negative ? -*parsed : *parsed;
  table.problem("offset", parsed ? "is longer than 366 days" : parsed.error().message);
  return Duration(0);
}

WindowOptions read_window(Params& rollup) {
  WindowOptions window;
  Params table = rollup.table("window");
  if (!rollup.has("window")) {
    rollup.problem("window", "is required, for example { tumbling = \"1m\" }");
    return window;
  }
  for (const WindowEntry* entry : window_table) {
    if (!table.has(entry->name)) continue;
    if (window.kind == nullptr) {
      window.kind = entry;
      continue;
    }
    table.problem(entry->name,
                  "stands beside " + std::string(window.kind->name) + "; a window is of one kind");
    WindowOptions other;
    entry->read(table, other);
  }
  // Without any, the plainest kind says what is missing.
  if (window.kind == nullptr) window.kind = window_table[0];
  if (!window.kind->read(table, window)) window.kind = nullptr;
  return window;
}

std::unique_ptr<Operator> make_rollup(const RollupOptions& options, const SourceOptions& source,
                                      const SeriesTable& table, const DeviceClocks& clocks) {
  return options.window.kind->make(options, source, table, clocks);
}

}  // namespace weir
