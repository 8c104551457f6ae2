#include "runtime/gateway.hpp"

#include <filesystem>
#include <utility>

#include "firmware-bridge/mqtt_source.hpp"
#include "firmware-bridge/router.hpp"
#include "runtime/configured_pipeline.hpp"
#include "runtime/dimension_files.hpp"
#include "runtime/endpoints.hpp"
#include "runtime/engine.hpp"
#include "runtime/http_server.hpp"
#include "runtime/kafka_sink.hpp"
#include "runtime/log.hpp"
#include "runtime/systemd.hpp"
#include "runtime/uplink.hpp"
#include "runtime/version.hpp"

namespace weir {

namespace {

constexpr std::chrono::milliseconds source_stop_timeout(1500);
constexpr Duration uplink_stop_timeout = std::chrono::milliseconds(2500);
constexpr Duration engine_idle_wait = std::chrono::seconds(1);
constexpr Duration publish_timeout = std::chrono::seconds(15);

UplinkOptions uplink_options(const Settings& settings, const Store& store) {
  UplinkOptions options;
  options.gateway = settings.gateway;
  options.epoch = store.uuid();
  options.issued = store.seq_runs();
  options.batch = settings.kafka.batch;
  options.linger = settings.kafka.linger;
  options.publish_timeout = publish_timeout;
  options.retry_min = std::chrono::milliseconds(250);
  options.retry_max = std::chrono::seconds(30);
  return options;
}

Duration sync_interval(const StoreOptions& store) {
  return store.durability == Durability::process ? store.sync_interval : Duration(0);
}

/// Declared in the order in which the parts depend on each other, so that they end the other way.
class RealGateway final : public Gateway {
 public:
  RealGateway(Settings settings, std::unique_ptr<Store> store, std::unique_ptr<OutboxReader> reader)
      : settings_(std::move(settings)),
        store_(std::move(store)),
        reader_(std::move(reader)),
        table_(settings_.limits),
        pipeline_(settings_.pipeline_text, *settings_.pipeline, settings_.source_options, table_),
        ingest_(std::move(settings_.sources), table_),
        inbox_(settings_.inbox),
        source_(
            settings_.mqtt, subscriptions(ingest_.sources()), inbox_,
            [this] { return clock_.now().wall; }, log_as("mqtt")),
        sink_(settings_.kafka, settings_.gateway, store_->uuid(), log_as("kafka")),
        uplink_(uplink_options(settings_, *store_), *reader_, sink_, [this] { inbox_.wake(); }),
        notifier_(ServiceNotifier::from_environment()),
        engine_(EngineOptions{settings_.gateway, std::string(version_text()), settings_.config_path,
                              settings_.store.commit_interval, sync_interval(settings_.store),
                              settings_.inbox, settings_.store.max_size,
                              settings_.store.dead_letter_payload, settings_.pipeline_text,
                              settings_.store.gap_topic},
                EngineParts{clock_, inbox_, ingest_, table_, pipeline_, *store_, source_, uplink_,
                            sink_, board_}),
        dimension_files_(settings_.pipeline_text,
                         std::filesystem::path(settings_.config_path).parent_path().string()) {}

  Result<void> listen() {
    auto server = HttpServer::start(settings_.http_listen, endpoints(board_));
    if (!server) return fail(server.error());
    server_ = std::move(*server);
    return {};
  }

  Result<void> recover() { return engine_.recover(); }

  Result<End> run(const std::atomic<bool>& stop, const std::atomic<bool>& reload) override {
    std::optional<Watchdog> watchdog;
    if (const auto interval = watchdog_interval()) watchdog.emplace(notifier_, board_, *interval);
    uplink_.start();
    source_.start();
    notifier_.ready();
    if (!clock_.can_tell()) {
      log_warning(
          "nobody may be asked whether the clock is right, and times of arrival count as doubtful; "
          "see ProtectClock in the unit weir.service");
    }
    log_info("weir " + std::string(version_text()) + " is running as " + settings_.gateway);

    Result<void> done;
    while (done && !stop && !reload && !engine_.restart_wanted()) {
      look_at_dimension_files();
      done = engine_.step(engine_idle_wait);
    }
    // Not where all is made anew: the service manager would wait for the end of the process.
    if (stop || !done) notifier_.stopping();
    if (done) done = engine_.stop();
    // The acknowledgements of the last commit still go out, and a publish under way may end.
    source_.stop(source_stop_timeout);
    uplink_.stop(uplink_stop_timeout);
    log_info(done ? "stopped" : "stopped: " + done.error().message);
    if (!done) return fail(done.error());
    return stop ? End::stopped : End::restart;
  }

  void wake() override { inbox_.wake(); }

 private:
  void look_at_dimension_files() {
    auto news = dimension_files_.poll(clock_.now().elapsed);
    if (!news) return;
    if (news->configuration.empty()) {
      log_warning("a table of enrich changed and can't be used, so the one before stays: " +
                  news->problem);
      return engine_.refuse_table();
    }
    log_info("a table of enrich changed");
    engine_.configure(std::move(news->configuration));
  }

  Settings settings_;
  SystemClock clock_;
  SnapshotBoard board_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<OutboxReader> reader_;
  SeriesTable table_;
  ConfiguredPipeline pipeline_;
  Ingest ingest_;
  Inbox inbox_;
  MqttSource source_;
  KafkaSink sink_;
  Uplink uplink_;
  ServiceNotifier notifier_;
  Engine engine_;
  DimensionFiles dimension_files_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::make(Settings settings) {
  auto store = Store::open(settings.store);
  if (!store) return fail(store.error());
  if (const auto& damaged = (*store)->set_aside()) {
    log_error("the database was damaged and is set aside as " + *damaged +
              "; weir begins a new one");
  }
  auto reader = OutboxReader::open(settings.store);
  if (!reader) return fail(reader.error());
  auto gateway =
      std::make_unique<RealGateway>(std::move(settings), std::move(*store), std::move(*reader));
  if (auto listening = gateway->listen(); !listening) return fail(listening.error());
  if (auto recovered = gateway->recover(); !recovered) return fail(recovered.error());
  return gateway;
}

}  // namespace weir
