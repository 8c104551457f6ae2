#include "runtime/kafka_handle.hpp"

#include <array>
#include <condition_variable>
#include <system_error>
#include <thread>

#include "runtime/kafka_options.hpp"

namespace weir {
namespace {

using ConfPtr = std::unique_ptr<rd_kafka_conf_t, KafkaDeleter<rd_kafka_conf_destroy>>;
using ErrorText = std::array<char, 512>;

constexpr std::chrono::seconds destroy_limit(2);

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  ErrorText text{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()) ==
      RD_KAFKA_CONF_OK)
    return {};
  return fail(ErrorKind::unsupported, text.data());
}

LogLevel level_of(int syslog_level) {
  if (syslog_level <= 3) return LogLevel::error;
  if (syslog_level == 4) return LogLevel::warning;
  return syslog_level <= 6 ? LogLevel::info : LogLevel::debug;
}

/// A line of librdkafka's log without what differs from one attempt to the next: the name of its
/// thread in front, "(after 3ms in state CONNECT)" at the end.
std::string_view essence(std::string_view line) {
  if (line.starts_with("[thrd:")) {
    const std::size_t end = line.find("]: ");
    if (end != std::string_view::npos) line.remove_prefix(end + 3);
  }
  return line.substr(0, line.find(" (after "));
}

}  // namespace

Result<void> check_kafka_property(const std::string& name, const std::string& value) {
  const ConfPtr conf(rd_kafka_conf_new());
  return set(conf.get(), name, value);
}

std::string grant_command(std::string_view operation, std::string_view resource) {
  return "kafka-acls.sh --add --allow-principal User:NAME --operation " + std::string(operation) +
         " " + std::string(resource);
}

int Patience::left_ms() const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 600'000));
}

Result<KafkaHandle> KafkaHandle::make(rd_kafka_type_t type, const KafkaSettings& settings,
                                      Log log) {
  KafkaHandle handle;
  handle.shared_ = std::make_shared<Shared>();
  handle.shared_->log = std::move(log);

  ConfPtr conf(rd_kafka_conf_new());
  for (const auto& [name, value] : settings) {
    if (auto done = set(conf.get(), name, value); !done) return fail(done.error());
  }
  rd_kafka_conf_set_opaque(conf.get(), handle.shared_.get());
  rd_kafka_conf_set_log_cb(conf.get(), &KafkaHandle::on_log);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf.get(), &KafkaHandle::on_delivery);

  ErrorText text{};
  handle.client_ = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (handle.client_ == nullptr) return fail(ErrorKind::unsupported, text.data());
  static_cast<void>(conf.release());  // the client owns it now
  return handle;
}

KafkaHandle::KafkaHandle(KafkaHandle&& other) noexcept
    : shared_(std::move(other.shared_)), client_(std::exchange(other.client_, nullptr)) {}

KafkaHandle::~KafkaHandle() {
  if (client_ == nullptr) return;
  struct End {
    std::mutex mutex;
    std::condition_variable reached;
    bool done = false;
  };
  const auto end = std::make_shared<End>();  // shared: either side may give up first
  const auto destroy = [client = client_, shared = shared_, end] {
    if (rd_kafka_type(client) == RD_KAFKA_PRODUCER)
      rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    const std::lock_guard lock(end->mutex);
    end->done = true;
    end->reached.notify_all();
  };
  try {
    // Detached, because librdkafka joins threads that may sit in a name look-up for half a minute,
    // and weir promises to stop sooner.
    std::thread(destroy).detach();
  } catch (const std::system_error&) {
    destroy();
    return;
  }
  std::unique_lock lock(end->mutex);
  end->reached.wait_for(lock, destroy_limit, [&] { return end->done; });
}

std::string KafkaHandle::last_complaint() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->complaint;
}

void KafkaHandle::on_log(const rd_kafka_t* client, int level, const char* facility,
                         const char* text) {
  auto* shared = client == nullptr ? nullptr : static_cast<Shared*>(rd_kafka_opaque(client));
  if (shared == nullptr) return;
  const std::string_view about = facility;
  // The settings are checked already; these only say that a consumer's setting went to a producer.
  if (about == "CONFWARN") return;
  try {
    const std::string_view words = essence(text);
    if (level <= 4) {
      const std::lock_guard lock(shared->mutex);
      shared->complaint = words;
    }
    // Every attempt to connect complains anew; the sink reports the change of state.
    const bool routine = about == "FAIL" || about == "ERROR";
    if (shared->log)
      shared->log(routine ? LogLevel::debug : level_of(level),
                  std::string(about) + ": " + std::string(words));
  } catch (...) {
    // A line of the log is lost; nothing may pass through librdkafka's frames.
  }
}

void KafkaHandle::on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void*) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto* shared = static_cast<Shared*>(rd_kafka_opaque(client));
  try {
    shared->failures.push_back(
        {static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(message->_private)),
         message->err});
  } catch (...) {
    // Out of memory: end the process rather than take an undelivered record for a delivered one.
    std::terminate();
  }
}

}  // namespace weir
