#pragma once

// The one file of the runtime that includes librdkafka's header.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/result.hpp"
#include "config/units.hpp"
#include "runtime/log.hpp"

namespace weir {

/// librdkafka's own names and values.
using KafkaSettings = std::vector<std::pair<std::string, std::string>>;

/// How long a call may take, and whether anybody still wants its answer.
class Patience {
 public:
  Patience(Duration timeout, const std::atomic<bool>& cancelled)
      : until_(std::chrono::steady_clock::now() + timeout), cancelled_(cancelled) {}

  bool over() const { return cancelled_ || std::chrono::steady_clock::now() >= until_; }
  /// What is left, in milliseconds, at least 1.
  int left_ms() const;
  /// What one blocking call may take, in milliseconds: short, so that a cancellation is seen. For
  /// calls that go on where the one before ended.
  int slice_ms() const { return std::min(left_ms(), 200); }
  /// The same for a call that begins anew each time, and so must last as long as the link takes:
  /// longer from one attempt to the next.
  int attempt_ms(int attempt) const { return std::min(left_ms(), 250 << std::min(attempt, 3)); }

 private:
  std::chrono::steady_clock::time_point until_;
  const std::atomic<bool>& cancelled_;
};

template <auto destroy>
struct KafkaDeleter {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using KafkaErrorPtr = std::unique_ptr<rd_kafka_error_t, KafkaDeleter<rd_kafka_error_destroy>>;
using KafkaQueuePtr = std::unique_ptr<rd_kafka_queue_t, KafkaDeleter<rd_kafka_queue_destroy>>;
using KafkaTopicPtr = std::unique_ptr<rd_kafka_topic_t, KafkaDeleter<rd_kafka_topic_destroy>>;
using KafkaEventPtr = std::unique_ptr<rd_kafka_event_t, KafkaDeleter<rd_kafka_event_destroy>>;
using KafkaMessagePtr = std::unique_ptr<rd_kafka_message_t, KafkaDeleter<rd_kafka_message_destroy>>;

/// The command that gives this gateway a right it lacks. `resource`: "--topic rows".
std::string grant_command(std::string_view operation, std::string_view resource);

/// A record that was not delivered: its number among those of the publish, and why.
struct KafkaFailure {
  std::size_t index = 0;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

/// One librdkafka client: its configuration, log and delivery reports, and an end that is bounded
/// in time even where librdkafka's is not (it waits for a name server, for example).
class KafkaHandle {
 public:
  /// # Errors
  /// `unsupported`: librdkafka refuses the settings.
  static Result<KafkaHandle> make(rd_kafka_type_t type, const KafkaSettings& settings, Log log);
  KafkaHandle(KafkaHandle&& other) noexcept;
  KafkaHandle& operator=(KafkaHandle&&) = delete;
  ~KafkaHandle();

  rd_kafka_t* get() const { return client_; }
  /// What librdkafka last complained about, to explain a time-out; empty: nothing yet.
  std::string last_complaint() const;
  /// Failed deliveries since the caller last cleared it; filled while the caller is in
  /// rd_kafka_poll, rd_kafka_flush or rd_kafka_commit_transaction.
  std::vector<KafkaFailure>& failures() { return shared_->failures; }

 private:
  struct Shared {
    Log log;
    std::mutex mutex;
    std::string complaint;
    std::vector<KafkaFailure> failures;
  };

  KafkaHandle() = default;
  static void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text);
  static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);

  // Shared with the thread that ends the client: whichever of the two is later needs it.
  std::shared_ptr<Shared> shared_;
  rd_kafka_t* client_ = nullptr;
};

}  // namespace weir
