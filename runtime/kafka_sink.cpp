#include "runtime/kafka_sink.hpp"

#include <algorithm>

#include "runtime/kafka_position.hpp"
#include "runtime/kafka_topics.hpp"

namespace weir {
namespace {

constexpr const char* exactly_once = "exactly-once";
constexpr const char* at_least_once = "at-least-once";

}  // namespace

KafkaSink::KafkaSink(KafkaOptions options, const std::string& gateway, const std::string& epoch,
                     Log log)
    : options_(std::move(options)),
      transactional_id_("weir-" + gateway),
      position_key_(position_key(gateway, epoch)),
      log_(std::move(log)) {
  status_.name = "kafka";
  status_.peer = options_.broker_list();
  status_.state = "not connected yet";
  status_.delivery =
      options_.delivery == KafkaOptions::Delivery::exactly_once ? exactly_once : at_least_once;
}

KafkaSink::~KafkaSink() = default;

Result<std::optional<Position>> KafkaSink::open(Duration timeout) {
  if (in_session_) return position_;  // after a refused record: nothing is in doubt
  const Patience patience(timeout, cancelled_);
  auto position = connect(patience);
  if (!position) {
    set_state(false, position.error().message);
    return position;
  }
  in_session_ = true;
  position_ = *position;
  opened_ = last_used_ = std::chrono::steady_clock::now();
  if (mode_ == Mode::transactional)
    session_state_ = "transactions as " + transactional_id_;
  else if (refusal_.empty())
    session_state_ = "without transactions, as configured";
  else
    session_state_ = "without transactions, the cluster refuses them: " + refusal_;
  // What made a publish fail, a missing right perhaps, may make the next one fail, too.
  set_state(true, session_state_, trouble_.empty() ? Say::yes : Say::no);
  warn_of_brief_topics(patience);
  return position;
}

/// Once: where it can't be told now, weir doctor tells.
void KafkaSink::warn_of_brief_topics(const Patience& patience) {
  if (std::exchange(topics_seen_, true)) return;
  const auto brief = brief_topics(producer_->handle(), options_.topics, patience);
  if (!brief) return;
  for (const BriefTopic& topic : *brief)
    note(LogLevel::warning, topic.text() + "; " + topic.remedy());
}

Result<std::optional<Position>> KafkaSink::connect(const Patience& patience) {
  if (options_.delivery == KafkaOptions::Delivery::exactly_once) {
    const auto granted = begin_transactional(patience);
    if (!granted) return fail(granted.error());
    if (*granted) return read_position(patience);
  }
  if (auto begun = begin_without_transactions(patience); !begun) return fail(begun.error());
  return std::optional<Position>();
}

/// False if the cluster refuses; `refusal_` then says why.
Result<bool> KafkaSink::begin_transactional(const Patience& patience) {
  // A producer whose first answer is still awaited is kept from one call to the next.
  if (!producer_ || mode_ != Mode::transactional) {
    if (auto made = make_producer(Mode::transactional); !made) return fail(made.error());
  }
  const auto begun = producer_->init(patience);
  if (begun) {
    refusal_.clear();
    return true;
  }
  const Error& error = begun.error();
  if (error.kind == ErrorKind::unavailable) return fail(error);
  producer_.reset();
  if (error.kind != ErrorKind::unsupported) return fail(ErrorKind::unavailable, error.message);
  if (refusal_ != error.message)
    note(LogLevel::warning, "the cluster refuses transactions (" + error.message +
                                "): going on at-least-once, consumers can drop repeats by the "
                                "headers weir-epoch and weir-seq");
  refusal_ = error.message;
  return false;
}

Result<void> KafkaSink::begin_without_transactions(const Patience& patience) {
  if (auto made = make_producer(needs_plain_ ? Mode::plain : Mode::idempotent); !made) return made;
  return producer_->init(patience);
}

Result<void> KafkaSink::make_producer(Mode mode) {
  producer_.reset();  // first, so that there are never two
  KafkaSettings settings = options_.client_settings();
  settings.emplace_back("client.id", transactional_id_);
  settings.emplace_back("compression.codec", options_.compression);
  auto made = KafkaProducer::make(mode, std::move(settings), options_.transaction_timeout,
                                  transactional_id_, log_);
  if (!made) return fail(made.error());
  producer_ = std::move(*made);
  mode_ = mode;
  const std::lock_guard lock(status_mutex_);
  status_.delivery = mode == Mode::transactional ? exactly_once : at_least_once;
  return {};
}

Result<std::optional<Position>> KafkaSink::read_position(const Patience& patience) {
  KafkaSettings settings = options_.client_settings();
  settings.emplace_back("client.id", transactional_id_);
  auto found = recover_position(settings, options_.position_topic, position_key_, log_, patience);
  if (!found) return fail(found.error());
  if (!found->notice.empty() && found->notice != notice_) note(LogLevel::info, found->notice);
  notice_ = found->notice;
  if (auto known = producer_->know_topic(options_.position_topic, patience); !known)
    return fail(known.error());
  if (found->position || found->newest == Timestamp{}) return found->position;
  return Position{{}, found->newest};
}

Result<void> KafkaSink::publish(std::span<const SinkRecord> records, const Position& behind,
                                Duration timeout) {
  const Patience patience(timeout, cancelled_);
  if (!in_session_) return fail(ErrorKind::unavailable, "there is no session with the cluster");
  if (std::chrono::steady_clock::now() - last_used_ >= options_.renew_after) {
    if (auto renewed = renew(patience); !renewed) return renewed;
  }
  if (should_ask_again()) {
    in_session_ = false;
    return fail(ErrorKind::unavailable, "the cluster is asked for transactions again");
  }
  if (auto known = know_topics(records, patience); !known) return known;
  SinkRecord position;
  if (mode_ == Mode::transactional) {
    position.topic = options_.position_topic;
    position.key = position_key_;
    position.value = encode_position(behind);
    position.timestamp = records.empty() ? timestamp_us(0) : records.back().timestamp;
  }
  const SinkRecord* with = mode_ == Mode::transactional ? &position : nullptr;
  KafkaOutcome outcome = producer_->publish(records, with, Timestamp::max(), patience);
  if (outcome.kind == KafkaOutcome::Kind::delivered) {
    for (const SinkRecord& record : records)
      latest_accepted_ = std::max(latest_accepted_, record.timestamp);
  }
  if (outcome.kind == KafkaOutcome::Kind::refused_time) {
    // The gateway's clock runs ahead, or ran ahead when the windows were cut. The records are as
    // good as any, and their values hold their times; only Kafka's own stamp has to give way.
    note(LogLevel::warning, outcome.error.message + ": sending with an earlier record timestamp");
    if (auto renewed = renew(patience); !renewed) return renewed;
    outcome = producer_->publish(records, with, latest_accepted_, patience);
  }
  return conclude(outcome, records, behind);
}

Result<void> KafkaSink::know_topics(std::span<const SinkRecord> records, const Patience& patience) {
  for (const SinkRecord& record : records) {
    auto known = producer_->know_topic(record.topic, patience);
    if (known) continue;
    set_state(false, known.error().message);  // nothing was sent, so the session stays good
    if (records.size() == 1) return known;
    return fail(ErrorKind::full, known.error().message);  // fewer may do without the topic
  }
  return {};
}

/// Whoever was refused transactions may have been granted them since, and nothing else would show.
bool KafkaSink::should_ask_again() const {
  return mode_ != Mode::transactional &&
         options_.delivery == KafkaOptions::Delivery::exactly_once &&
         std::chrono::steady_clock::now() - opened_ >= options_.ask_again_after;
}

Result<void> KafkaSink::conclude(const KafkaOutcome& outcome, std::span<const SinkRecord> records,
                                 const Position& behind) {
  using Kind = KafkaOutcome::Kind;
  last_used_ = std::chrono::steady_clock::now();
  if (outcome.kind == Kind::delivered) {
    if (mode_ == Mode::transactional) position_ = behind;
    set_state(true, session_state_);
    if (!std::exchange(trouble_, {}).empty()) note(LogLevel::info, "records arrive again");
    std::uint64_t bytes = 0;
    for (const SinkRecord& record : records) bytes += record.key.size() + record.value.size();
    const std::lock_guard lock(status_mutex_);
    ++status_.transactions;
    status_.records += records.size();
    status_.bytes += bytes;
    return {};
  }
  {
    const std::lock_guard lock(status_mutex_);
    ++status_.aborted;
  }
  rejected_ = outcome.index;
  if (!outcome.usable) {
    needs_plain_ = needs_plain_ || producer_->needs_plain();
    in_session_ = false;
    producer_.reset();
  }
  if (outcome.kind == Kind::refused_record) return fail(ErrorKind::invalid, outcome.error.message);
  if (outcome.kind == Kind::refused_batch) return fail(ErrorKind::full, outcome.error.message);
  const Say say = trouble_ == outcome.error.message ? Say::no : Say::yes;
  trouble_ = outcome.error.message;
  set_state(false, trouble_, say);
  return fail(outcome.error);
}

/// A new session in which nothing has changed.
Result<void> KafkaSink::renew(const Patience& patience) {
  const auto before = position_;
  in_session_ = false;
  producer_.reset();
  auto again = open(Duration(std::chrono::milliseconds(patience.left_ms())));
  if (!again) return fail(again.error());
  if (*again == before) return {};
  in_session_ = false;
  return fail(ErrorKind::unavailable, "the cluster's position has changed");
}

KafkaSink::Status KafkaSink::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

void KafkaSink::set_state(bool connected, const std::string& state, Say say) {
  bool changed = false;
  {
    const std::lock_guard lock(status_mutex_);
    changed = status_.connected != connected || status_.state != state;
    status_.connected = connected;
    status_.state = state;
    if (!connected) ++status_.errors;
  }
  if (changed && say == Say::yes) note(connected ? LogLevel::info : LogLevel::warning, state);
}

void KafkaSink::note(LogLevel level, const std::string& message) {
  if (log_) log_(level, message);
}

}  // namespace weir
