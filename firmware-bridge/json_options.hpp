#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/params.hpp"
#include "firmware-bridge/json_path.hpp"
#include "firmware-bridge/values.hpp"

namespace weir {

/// What a `[[source]]` with `format = "json"` says about its payloads; config/weir.toml explains
/// each key.
struct JsonOptions {
  struct Named {
    std::string name;
    JsonPath path;
  };
  struct Pairs {
    JsonPath name, value;
  };

  std::vector<Named> metrics;     ///< empty: every number and boolean, named by its path
  JsonPath each;                  ///< empty: the whole payload is the one record
  std::optional<Pairs> pairs;     ///< then `metrics` is empty
  std::optional<Named> sequence;  ///< `deduplicate.by`: counts the device's messages
  std::optional<JsonPath> time;
  TimeFormat time_format = TimeFormat::milliseconds;
  Duration zone{0};  ///< of rfc3339 texts without an offset
  std::vector<Named> tags;
  std::vector<std::pair<std::string, double>> words;

  /// Problems are recorded in `source`; the result is then of no use.
  static JsonOptions read(Params& source);

  /// The paths by which somebody who takes every value of a record would meet the time, the
  /// sequence number and the tags: the path itself, and what is left of it inside a record that
  /// `each` leads to.
  std::vector<std::string> reserved_names() const;
};

}  // namespace weir
