#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/params.hpp"
#include "firmware-bridge/mqtt_source.hpp"
#include "firmware-bridge/router.hpp"
#include "operators/pipeline.hpp"
#include "runtime/kafka_options.hpp"
#include "runtime/log.hpp"
#include "store/store.hpp"

namespace weir {

/// A whole configuration, read and checked: what every floor said about its own tables.
struct Settings {
  std::string gateway;
  std::string config_path;
  LogOptions log;
  std::string http_listen;  ///< "off" for none
  SeriesTable::Limits limits;
  Bytes inbox{};
  StoreOptions store;
  MqttOptions mqtt;
  KafkaOptions kafka;
  std::vector<SourceConfig> sources;
  std::vector<SourceOptions> source_options;  ///< of `sources`, in their order
  PipelineOptionsPtr pipeline;
  std::string pipeline_text;  ///< the tables that `pipeline` and `sources` were read from
};

/// Reads every table and records every problem; the result is usable only if `config.problems()` is
/// empty afterwards. `folder`: where files without a folder of their own are.
Settings read_settings(ConfigFile& config, const std::string& folder = {});

/// The file at `path`; on a problem prints all of them to standard error and returns nothing.
std::optional<Settings> load_settings(const std::string& path);

}  // namespace weir
