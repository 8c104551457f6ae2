// How long topics keep what arrives late: records carry the time of their window.

#include "runtime/kafka_topics.hpp"

#include <fstream>
#include <map>

#include "runtime/settings.hpp"
#include "tests/kafka/scene.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;

namespace {

using TopicSettings = std::map<std::string, std::string>;
const TopicSettings an_hour = {{"retention.ms", "3600000"}};

std::vector<std::string> brief_among(const Scene& scene, const std::vector<std::string>& topics) {
  const std::atomic<bool> cancelled = false;
  const auto found =
      brief_topics(scene.options().client_settings(), topics, Patience(20s, cancelled));
  REQUIRE(trouble(found) == "");
  std::vector<std::string> names;
  for (const BriefTopic& topic : *found) names.push_back(topic.name);
  return names;
}

}  // namespace

TEST_CASE("a topic that deletes what is not a week old is told, by its own clock only") {
  const Scene scene;
  if (!scene) return;
  const std::string& name = scene.topic;
  const auto create = [&](const std::string& end, const TopicSettings& settings) {
    create_topic(scene.brokers, name + end, 1, settings);
  };
  create("-hour", an_hour);
  create("-just", {{"retention.ms", "604799999"}});
  create("-week", {{"retention.ms", "604800000"}});
  create("-ever", {{"retention.ms", "-1"}});
  create("-long", {{"retention.ms", "9223372036854775807"}});
  create("-compacted", {{"retention.ms", "3600000"}, {"cleanup.policy", "compact"}});
  create("-both", {{"retention.ms", "3600000"}, {"cleanup.policy", "compact,delete"}});
  create("-arrival", {{"retention.ms", "3600000"}, {"message.timestamp.type", "LogAppendTime"}});
  std::vector<std::string> topics;
  for (const char* end :
       {"-missing", "-week", "-hour", "-ever", "-long", "-compacted", "-both", "-arrival", "-just"})
    topics.push_back(name + end);
  CHECK(brief_among(scene, topics) == std::vector{name + "-hour", name + "-both", name + "-just"});
}

TEST_CASE("every topic that the configuration writes to is looked at") {
  const Scene scene;
  if (!scene) return;
  const TempDir directory;
  const std::string path = directory.path() + "/weir.toml";
  const auto topic = [&](const std::string& end) {
    create_topic(scene.brokers, scene.topic + end, 1, an_hour);
    return "\"" + scene.topic + end + "\"\n";
  };
  std::ofstream(path)
      << "[gateway]\nid = \"gw\"\ndata_dir = \"/nowhere\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n"
      << "[[source]]\nname = \"s\"\ntopics = [\"s/{device}\"]\nlate_topic = " << topic("-late")
      << "[[rollup]]\nname = \"r\"\nfrom = \"s\"\n"
      << "window = { tumbling = \"1m\" }\ntopic = " << topic("-rollups")
      << "[[detector]]\nname = \"d\"\nfrom = \"s\"\nmethod = \"stuck\"\n"
      << "for = \"1m\"\ntopic = " << topic("-alerts") << "[store]\ngap_topic = " << topic("-gaps")
      << "[kafka]\nbrokers = [\"" << scene.brokers << "\"]\n";
  const auto settings = load_settings(path);
  REQUIRE(settings);
  CHECK(brief_among(scene, settings->kafka.topics) ==
        std::vector{scene.topic + "-alerts", scene.topic + "-gaps", scene.topic + "-late",
                    scene.topic + "-rollups"});
}

TEST_CASE("weir says once which of its topics deletes too soon, and the command that mends it") {
  const bool transactions = GENERATE(true, false);
  const Scene scene;
  if (!scene) return;
  create_topic(scene.brokers, scene.topic, 1, an_hour);
  std::vector<std::string> warnings;
  KafkaOptions options = scene.options();
  options.topics = {scene.topic, scene.topic + "-missing"};
  options.renew_after = 0s;  // a new session with every publish
  if (!transactions) options.delivery = KafkaOptions::Delivery::at_least_once;
  KafkaSink sink(options, scene.gateway, scene.epoch, [&](LogLevel level, std::string_view text) {
    if (level == LogLevel::warning) warnings.emplace_back(text);
  });
  REQUIRE(sink.open(20s));
  REQUIRE(trouble(sink.publish(scene.records(1, 3), live(3), 20s)) == "");
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("topic " + scene.topic + " deletes what is older than 1h") !=
        std::string::npos);
  CHECK(warnings[0].find("kafka-configs.sh --alter --entity-type topics --entity-name " +
                         scene.topic + " --add-config retention.ms=604800000") !=
        std::string::npos);
}
