#include "runtime/kafka_producer.hpp"

#include <algorithm>
#include <bit>

namespace weir {
namespace {

using namespace std::chrono_literals;

std::string text(rd_kafka_resp_err_t error) {
  return rd_kafka_err2str(error);
}

std::string text(const KafkaErrorPtr& error) {
  const std::string words = rd_kafka_error_string(error.get());
  return words.substr(0, words.find(" (after "));  // the same each time
}

/// Errors that say that this record will never be taken, whoever sends it and however often.
bool refuses_record(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
      return true;
    default:
      return false;
  }
}

bool is_time_refused(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}

/// Failures that only follow from another one.
bool is_consequence(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
         error == RD_KAFKA_RESP_ERR__STATE || error == RD_KAFKA_RESP_ERR__FATAL;
}

bool lacks_right(const KafkaErrorPtr& error) {
  return rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

/// Why a transaction failed. The cluster does not say which topic it means; a smaller batch will.
std::string reason(const KafkaErrorPtr& error, std::span<const SinkRecord> records,
                   const SinkRecord* position) {
  if (!lacks_right(error)) return text(error);
  std::set<std::string> topics;
  for (const SinkRecord& record : records) topics.insert(record.topic);
  if (position != nullptr) topics.insert(position->topic);
  std::string names, options;
  for (const std::string& topic : topics) {
    names += (names.empty() ? "" : " or ") + topic;
    options += (options.empty() ? "--topic " : " --topic ") + topic;
  }
  return "this gateway may not write to topic " + names + ": " + grant_command("Write", options);
}

bool refuses_transactions(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
         error == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
         error == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
         error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

std::int64_t kafka_time(Timestamp time, Timestamp latest) {
  const auto ms =
      std::chrono::floor<std::chrono::milliseconds>(std::min(time, latest).time_since_epoch());
  // Kafka knows no time before 1970, and 0 means "now" to librdkafka; the value has the true one.
  return std::max<std::int64_t>(ms.count(), 1);
}

using HeadersPtr = std::unique_ptr<rd_kafka_headers_t, KafkaDeleter<rd_kafka_headers_destroy>>;

HeadersPtr make_headers(const SinkRecord& record) {
  HeadersPtr headers(rd_kafka_headers_new(record.headers.size()));
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return headers;
}

std::string to_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::make(Mode mode, KafkaSettings settings,
                                                           Duration transaction_timeout,
                                                           const std::string& transactional_id,
                                                           Log log) {
  // SQLite is the queue, so librdkafka's is small; its timers are few, so that idling costs little.
  // What the user passes through comes behind these and wins.
  KafkaSettings all = {{"queue.buffering.max.kbytes", "8192"}, {"linger.ms", "2"}};
  all.insert(all.end(), settings.begin(), settings.end());
  all.emplace_back("message.timeout.ms", to_text(transaction_timeout));
  all.emplace_back("acks", "all");
  all.emplace_back("enable.idempotence", mode == Mode::plain ? "false" : "true");
  if (mode == Mode::plain) all.emplace_back("max.in.flight", "1");  // keeps the order
  if (mode == Mode::transactional) {
    all.emplace_back("transactional.id", transactional_id);
    all.emplace_back("transaction.timeout.ms", to_text(transaction_timeout));
  }
  auto handle = KafkaHandle::make(RD_KAFKA_PRODUCER, all, std::move(log));
  if (!handle) return fail(handle.error());
  std::unique_ptr<KafkaProducer> one(new KafkaProducer(mode, std::move(*handle), transactional_id));
  return one;
}

Result<void> KafkaProducer::init(const Patience& patience) {
  if (ready_) return {};
  if (mode_ != Mode::transactional) return reach_cluster(patience);
  do {
    const KafkaErrorPtr error(rd_kafka_init_transactions(handle_.get(), patience.slice_ms()));
    if (!error) {
      ready_ = true;
      return {};
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
      return fail(ErrorKind::unsupported,
                  "this gateway has no right to the transactional id: " +
                      grant_command("Write --operation Describe",
                                    "--transactional-id " + transactional_id_));
    if (refuses_transactions(code)) return fail(ErrorKind::unsupported, text(error));
    if (rd_kafka_error_is_fatal(error.get()) || !rd_kafka_error_is_retriable(error.get()))
      return fail(ErrorKind::fatal, text(error));
  } while (!patience.over());
  return fail(ErrorKind::unavailable, because("the cluster does not answer"));
}

Result<void> KafkaProducer::reach_cluster(const Patience& patience) {
  do {
    char* id = rd_kafka_clusterid(handle_.get(), patience.slice_ms());
    if (id == nullptr) continue;
    rd_kafka_mem_free(handle_.get(), id);
    ready_ = true;
    return {};
  } while (!patience.over());
  return fail(ErrorKind::unavailable, because("the cluster does not answer"));
}

Result<void> KafkaProducer::know_topic(const std::string& topic, const Patience& patience) {
  if (known_topics_.contains(topic)) return {};
  const KafkaTopicPtr handle(rd_kafka_topic_new(handle_.get(), topic.c_str(), nullptr));
  if (!handle) return fail(ErrorKind::unavailable, "'" + topic + "' can't be a topic");
  // A cluster that makes topics by itself says "unknown" to the first question.
  const auto give_up =
      std::chrono::steady_clock::now() + (missing_topics_.contains(topic) ? 0s : 3s);
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  int attempt = 0;
  do {
    const rd_kafka_metadata_t* metadata = nullptr;
    error = rd_kafka_metadata(handle_.get(), 0, handle.get(), &metadata,
                              patience.attempt_ms(attempt++));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      error = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                       : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
      rd_kafka_metadata_destroy(metadata);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        known_topics_.insert(topic);
        missing_topics_.erase(topic);
        return {};
      }
      if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return fail(ErrorKind::unavailable,
                    "this gateway may not write to topic " + topic + ", or may not make it: " +
                        grant_command("Write --operation Create", "--topic " + topic));
      if (error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
        return fail(ErrorKind::unavailable, "'" + topic + "' can't be a topic");
      rd_kafka_poll(handle_.get(), std::min(50, patience.slice_ms()));
    }
    const bool missing = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (missing && std::chrono::steady_clock::now() >= give_up) break;
  } while (!patience.over());
  if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    missing_topics_.insert(topic);
    return fail(ErrorKind::unavailable,
                "topic " + topic + " does not exist and the cluster makes none by itself: " +
                    "kafka-topics.sh --create --topic " + topic);
  }
  return fail(ErrorKind::unavailable, because("topic " + topic + ": " + text(error)));
}

KafkaOutcome KafkaProducer::publish(std::span<const SinkRecord> records, const SinkRecord* position,
                                    Timestamp latest, const Patience& patience) {
  handle_.failures().clear();
  if (mode_ == Mode::transactional) {
    const KafkaErrorPtr error(rd_kafka_begin_transaction(handle_.get()));
    if (error) return failed(ErrorKind::fatal, text(error));
  }
  const auto sent = [&](const SinkRecord& record, std::size_t index) {
    const rd_kafka_resp_err_t error = produce(record, index, latest, patience);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) handle_.failures().push_back({index, error});
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  std::size_t done = 0;
  while (done < records.size() && sent(records[done], done)) ++done;
  if (done == records.size() && position != nullptr) sent(*position, done);
  if (mode_ != Mode::transactional) return flush(records, patience);
  if (!handle_.failures().empty()) return abort(records, "", patience);
  return commit(records, position, patience);
}

rd_kafka_resp_err_t KafkaProducer::produce(const SinkRecord& record, std::size_t index,
                                           Timestamp latest, const Patience& patience) {
  // Comes back in the delivery report.
  void* const opaque = std::bit_cast<void*>(std::uintptr_t{index});
  while (true) {
    HeadersPtr headers = make_headers(record);
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        handle_.get(), RD_KAFKA_V_TOPIC(record.topic.c_str()),
        RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(record.value.data()), record.value.size()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_TIMESTAMP(kafka_time(record.timestamp, latest)),
        RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      static_cast<void>(headers.release());  // the message owns them now
      return error;
    }
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || patience.over()) return error;
    rd_kafka_poll(handle_.get(), patience.slice_ms());
  }
}

KafkaOutcome KafkaProducer::commit(std::span<const SinkRecord> records, const SinkRecord* position,
                                   const Patience& patience) {
  while (true) {
    const KafkaErrorPtr error(rd_kafka_commit_transaction(handle_.get(), patience.slice_ms()));
    if (!error) return {};
    if (rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__FENCED)
      return failed(ErrorKind::fatal, "another weir of the same gateway id has taken over");
    if (rd_kafka_error_is_fatal(error.get())) return failed(ErrorKind::fatal, text(error));
    if (rd_kafka_error_txn_requires_abort(error.get())) {
      KafkaOutcome outcome = abort(records, reason(error, records, position), patience);
      if (outcome.kind == KafkaOutcome::Kind::failed && records.size() > 1 && lacks_right(error))
        outcome.kind = KafkaOutcome::Kind::refused_batch;  // a smaller one may do without
      return outcome;
    }
    if (!rd_kafka_error_is_retriable(error.get())) return failed(ErrorKind::fatal, text(error));
    if (patience.over())
      return failed(ErrorKind::timeout, because("the cluster has not confirmed the transaction"));
  }
}

KafkaOutcome KafkaProducer::abort(std::span<const SinkRecord> records, const std::string& why,
                                  const Patience& patience) {
  while (true) {
    const KafkaErrorPtr error(rd_kafka_abort_transaction(handle_.get(), patience.slice_ms()));
    if (!error) return judge(records, why);
    if (rd_kafka_error_is_fatal(error.get()) || !rd_kafka_error_is_retriable(error.get()))
      return failed(ErrorKind::fatal, why.empty() ? text(error) : why);
    if (patience.over()) return failed(ErrorKind::timeout, because("a transaction stays open"));
  }
}

KafkaOutcome KafkaProducer::flush(std::span<const SinkRecord> records, const Patience& patience) {
  while (rd_kafka_flush(handle_.get(), patience.slice_ms()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (patience.over())
      return failed(ErrorKind::timeout, because("the cluster has not confirmed the records"));
  }
  std::array<char, 256> words{};
  const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(handle_.get(), words.data(), words.size());
  if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
    needs_plain_ = refuses_transactions(fatal);
    return failed(ErrorKind::fatal, words.data());
  }
  return handle_.failures().empty() ? KafkaOutcome{} : judge(records, "not delivered");
}

/// What the failures of an aborted transaction, or of a flush, say about the records. `why` is what
/// the cluster said; empty if a record did not even leave. What the cluster has refused leaves a
/// gap in the sequence it expects, and librdkafka 2.0 does not close it: that producer is done.
KafkaOutcome KafkaProducer::judge(std::span<const SinkRecord> records, const std::string& why) {
  std::vector<KafkaFailure> causes = handle_.failures();
  std::erase_if(causes, [](const KafkaFailure& f) { return is_consequence(f.error); });
  if (causes.empty())
    return failed(ErrorKind::unavailable, why.empty() ? because("nothing was delivered") : why);
  const KafkaFailure& first = causes.front();
  const std::string& topic =
      first.index < records.size() ? records[first.index].topic : "the position topic";
  const Error error{ErrorKind::unavailable, topic + ": " + text(first.error)};
  const auto any = [&](auto predicate) {
    return std::any_of(causes.begin(), causes.end(), predicate);
  };
  if (any([&](const KafkaFailure& f) {
        return !is_time_refused(f.error) && (!refuses_record(f.error) || f.index >= records.size());
      }))
    return failed(error.kind, because(error.message));
  KafkaOutcome outcome{KafkaOutcome::Kind::refused_batch, first.index, error};
  if (any([](const KafkaFailure& f) { return is_time_refused(f.error); }))
    outcome.kind = KafkaOutcome::Kind::refused_time;
  else if (causes.size() == 1)
    outcome.kind = KafkaOutcome::Kind::refused_record;
  outcome.usable = why.empty();
  return outcome;
}

KafkaOutcome KafkaProducer::failed(ErrorKind kind, std::string message) {
  return {KafkaOutcome::Kind::failed, 0, Error{kind, std::move(message)}, false};
}

/// Adds what librdkafka last said, which often is the reason.
std::string KafkaProducer::because(std::string message) const {
  const std::string complaint = handle_.last_complaint();
  if (!complaint.empty()) message += " (" + complaint + ")";
  return message;
}

}  // namespace weir
