#include "runtime/settings.hpp"

#include <filesystem>
#include <iostream>
#include <set>

#include "operators/options.hpp"
#include "runtime/configured_pipeline.hpp"
#include "runtime/dimension_files.hpp"
#include "runtime/http_server.hpp"

namespace weir {

namespace {

/// The id stands in record keys, in Kafka's transactional id and in MQTT's client id.
std::string read_gateway_id(Params& root) {
  Params gateway = root.table("gateway");
  std::string id = gateway.required_text("id");
  const bool fits = id.size() <= 64 && id.find_first_not_of(
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789._-") == std::string::npos;
  if (!fits)
    gateway.problem("id", "expected at most 64 letters, digits, dots, dashes or underscores");
  return id;
}

std::vector<std::string> written_topics(const Settings& settings) {
  std::set<std::string> topics = {settings.store.gap_topic};
  for (const RollupOptions& rollup : settings.pipeline->rollups) topics.insert(rollup.topic);
  for (const DetectorOptions& detector : settings.pipeline->detectors)
    topics.insert(detector.topic);
  for (const SourceOptions& source : settings.source_options) {
    topics.insert(source.late_topic);
    if (!source.quarantine_topic.empty()) topics.insert(source.quarantine_topic);
  }
  return {topics.begin(), topics.end()};
}

}  // namespace

Settings read_settings(ConfigFile& config, const std::string& folder) {
  Params root = config.root();
  Settings settings;
  settings.gateway = read_gateway_id(root);
  settings.log = LogOptions::read(root);

  Params limits = root.table("limits");
  constexpr Range<std::int64_t> table_range{1, 1'000'000};
  settings.limits.devices =
      static_cast<std::uint32_t>(limits.integer("devices", 10'000, table_range));
  settings.limits.series =
      static_cast<std::uint32_t>(limits.integer("series", 10'000, table_range));
  settings.inbox = limits.bytes("inbox", Bytes{8u << 20}, {Bytes{64u << 10}, Bytes{1u << 30}});

  settings.http_listen = read_http_listen(root);
  settings.store = StoreOptions::read(root);
  settings.mqtt = MqttOptions::read(root);
  settings.kafka = KafkaOptions::read(root);
  embed_dimension_files(root, folder);
  settings.sources = SourceConfig::read_all(root);
  for (const SourceConfig& source : settings.sources)
    settings.source_options.push_back(source.options);
  settings.pipeline = read_pipeline_options(root, settings.source_options);
  settings.kafka.topics = written_topics(settings);
  settings.pipeline_text = pipeline_text(config);
  root.finish();
  return settings;
}

std::optional<Settings> load_settings(const std::string& path) {
  ConfigFile config = ConfigFile::load(path);
  Settings settings = read_settings(config, std::filesystem::path(path).parent_path().string());
  if (!config.problems().empty()) {
    std::cerr << config.problems().text();
    const std::size_t n = config.problems().list().size();
    std::cerr << path << ": " << n << (n == 1 ? " problem" : " problems")
              << "; nothing was started\n";
    return std::nullopt;
  }
  settings.config_path = path;
  return settings;
}

}  // namespace weir
