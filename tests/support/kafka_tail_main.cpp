// weir-kafka-tail: shows what weir delivers to Kafka from now on, as it arrives, a line a record.
// Reads as a consumer should: with read_committed, telling repeats by epoch and seq.
//
//   weir-kafka-tail --brokers HOST:PORT [--json] [--show NAME]... [--summary FILE] TOPIC...
//
// --json     the records' values as they are
// --show     prints only the records of this rollup, detector or source; the others are counted
// --summary  writes "received N", "twice N" and "KIND N" lines to this file, once when it is ready
//            (nothing that is delivered later is missed) and once at the end
//
// Ends at SIGTERM or SIGINT, once nothing more comes. Exit status 1 if no record came.

#include <rapidjson/document.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/kafka_handle.hpp"

namespace weir {
namespace {

volatile std::sig_atomic_t stop_asked = 0;

struct Arguments {
  std::string brokers, summary;
  bool json = false;
  std::set<std::string, std::less<>> show;
  std::vector<std::string> topics;
};

bool read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--json")
      out.json = true;
    else if (word == "--brokers" && has_value)
      out.brokers = argv[++i];
    else if (word == "--summary" && has_value)
      out.summary = argv[++i];
    else if (word == "--show" && has_value)
      out.show.insert(argv[++i]);
    else if (word.starts_with('-'))
      return false;
    else
      out.topics.emplace_back(word);
  }
  return !out.brokers.empty() && !out.topics.empty();
}

/// ANSI colours, empty where the output is no terminal.
struct Colours {
  std::string_view red, green, yellow, end;
  static Colours of(bool terminal) {
    if (!terminal) return {};
    return {"\033[31m", "\033[32m", "\033[33m", "\033[0m"};
  }
};

std::string_view text_of(const rapidjson::Value& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd() || !member->value.IsString()) return "";
  return {member->value.GetString(), member->value.GetStringLength()};
}

std::string short_number(const rapidjson::Value& value) {
  std::array<char, 32> buffer;
  char* const end = buffer.data() + buffer.size();
  if (value.IsUint64()) return std::to_string(value.GetUint64());
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  const auto result =
      std::to_chars(buffer.data(), end, value.GetDouble(), std::chars_format::general, 5);
  return {buffer.data(), result.ptr};
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string group_of(const rapidjson::Document& record) {
  std::string text;
  if (!record.HasMember("group") || !record["group"].IsObject()) return text;
  for (const auto& tag : record["group"].GetObject()) {
    if (!text.empty()) text += '/';
    if (tag.value.IsString()) text += tag.value.GetString();
  }
  return text;
}

/// What a person wants to know of the values; the rest is in the record.
std::string values_of(const rapidjson::Document& record) {
  constexpr std::array<std::string_view, 4> left_out = {"method", "score", "peak", "readings"};
  std::string text;
  if (!record.HasMember("values") || !record["values"].IsObject()) return text;
  for (const auto& field : record["values"].GetObject()) {
    const std::string_view name(field.name.GetString(), field.name.GetStringLength());
    if (std::ranges::find(left_out, name) != left_out.end()) continue;
    text += "  ";
    if (name != "state") text += std::string(name) + ' ';
    if (field.value.IsString()) text += field.value.GetString();
    if (field.value.IsNumber()) text += short_number(field.value);
  }
  if (record.HasMember("revision") && record["revision"].IsUint() &&
      record["revision"].GetUint() > 0 && text_of(record, "kind") == "rollup") {
    text += "  revision " + std::to_string(record["revision"].GetUint());
  }
  return text;
}

/// The time of day, or the date where a clock is wrong by years.
std::string when(const rapidjson::Document& record) {
  if (!record.HasMember("window") || !record["window"].IsObject()) return "";
  const std::string_view time = text_of(record["window"], "end");
  const bool of_today = time.starts_with("20") && time.size() >= 19;
  return std::string(of_today ? time.substr(11, 8) : time.substr(0, 10));
}

/// "12:00:05 rollup  line_5s   line1          temperature  count 25  mean 61.207"
std::string render(const rapidjson::Document& record, const Colours& colours) {
  const std::string values = values_of(record);
  std::string_view colour;
  if (values.starts_with("  raised")) colour = colours.red;
  if (values.starts_with("  cleared")) colour = colours.green;
  if (text_of(record, "kind") == "late") colour = colours.yellow;
  return std::string(colour) + padded(when(record), 12) +
         padded(std::string(text_of(record, "kind")), 8) +
         padded(std::string(text_of(record, "name")), 10) + padded(group_of(record), 16) +
         padded(std::string(text_of(record, "metric")), 12) + values +
         std::string(colour.empty() ? colour : colours.end);
}

/// The topic's partitions, once it is there.
std::vector<std::int32_t> partitions_of(const KafkaHandle& consumer, const std::string& topic) {
  const KafkaTopicPtr handle(rd_kafka_topic_new(consumer.get(), topic.c_str(), nullptr));
  std::vector<std::int32_t> partitions;
  while (partitions.empty() && stop_asked == 0) {
    const struct rd_kafka_metadata* metadata = nullptr;
    if (rd_kafka_metadata(consumer.get(), 0, handle.get(), &metadata, 500) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      continue;
    }
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      for (int p = 0; p < metadata->topics[i].partition_cnt; ++p) {
        partitions.push_back(metadata->topics[i].partitions[p].id);
      }
    }
    rd_kafka_metadata_destroy(metadata);
    if (partitions.empty()) rd_kafka_poll(consumer.get(), 200);
  }
  return partitions;
}

/// What a partition will hold next; the position is a number, so that what is delivered while this
/// reader still makes its connections is not passed over.
std::int64_t end_of(const KafkaHandle& consumer, const std::string& topic, std::int32_t partition) {
  std::int64_t first = 0, end = 0;
  const auto error = rd_kafka_query_watermark_offsets(consumer.get(), topic.c_str(), partition,
                                                      &first, &end, 5'000);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? end : RD_KAFKA_OFFSET_END;
}

void assign(const KafkaHandle& consumer, const std::vector<std::string>& topics) {
  rd_kafka_topic_partition_list_t* const all = rd_kafka_topic_partition_list_new(8);
  for (const std::string& topic : topics) {
    for (const std::int32_t partition : partitions_of(consumer, topic)) {
      rd_kafka_topic_partition_list_add(all, topic.c_str(), partition)->offset =
          end_of(consumer, topic, partition);
    }
  }
  rd_kafka_assign(consumer.get(), all);
  rd_kafka_topic_partition_list_destroy(all);
}

std::string header(const rd_kafka_message_t& message, const char* name) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return "";
  }
  return {static_cast<const char*>(value), size};
}

class Tail {
 public:
  explicit Tail(const Arguments& arguments)
      : arguments_(arguments), colours_(Colours::of(isatty(STDOUT_FILENO) == 1)) {}

  void take(const rd_kafka_message_t& message) {
    if (!seen_.emplace(header(message, "weir-epoch"), header(message, "weir-seq")).second) {
      ++twice_;
      return;
    }
    ++kinds_[header(message, "weir-kind")];
    const std::string_view value(static_cast<const char*>(message.payload), message.len);
    rapidjson::Document record;
    record.Parse(value.data(), value.size());
    if (record.HasParseError() || !record.IsObject()) {
      std::cout << "not a record of weir: " << value.size() << " bytes\n";
      return;
    }
    if (!arguments_.show.empty() && !arguments_.show.contains(text_of(record, "name"))) return;
    if (arguments_.json)
      std::cout << value << std::endl;
    else
      std::cout << render(record, colours_) << std::endl;
  }

  bool write_summary() const {
    if (arguments_.summary.empty()) return true;
    std::ofstream file(arguments_.summary);
    file << "received " << seen_.size() << "\ntwice " << twice_ << '\n';
    for (const auto& [kind, n] : kinds_) file << kind << ' ' << n << '\n';
    return file.flush().good();
  }

  bool empty() const { return seen_.empty(); }

 private:
  const Arguments& arguments_;
  Colours colours_;
  std::set<std::pair<std::string, std::string>> seen_;  ///< epoch and seq
  std::uint64_t twice_ = 0;
  std::map<std::string, std::uint64_t> kinds_;
};

int run(const Arguments& arguments) {
  const auto log = [](LogLevel level, std::string_view message) {
    if (level == LogLevel::error) std::cerr << "kafka: " << message << '\n';
  };
  auto consumer = KafkaHandle::make(RD_KAFKA_CONSUMER,
                                    {{"bootstrap.servers", arguments.brokers},
                                     {"group.id", "weir-kafka-tail"},
                                     {"isolation.level", "read_committed"},
                                     {"enable.auto.commit", "false"},
                                     {"allow.auto.create.topics", "true"},
                                     {"fetch.wait.max.ms", "10"}},
                                    log);
  if (!consumer) {
    std::cerr << "weir-kafka-tail: " << consumer.error().message << '\n';
    return 70;
  }
  rd_kafka_poll_set_consumer(consumer->get());
  assign(*consumer, arguments.topics);
  Tail tail(arguments);
  if (!tail.write_summary()) return 73;
  // When asked to stop, what is on its way is still taken: until half a second brings nothing.
  while (true) {
    const KafkaMessagePtr message(rd_kafka_consumer_poll(consumer->get(), 500));
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) tail.take(*message);
    if (stop_asked > 1 || (stop_asked == 1 && !message)) break;
  }
  return tail.write_summary() && !tail.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  weir::Arguments arguments;
  if (!weir::read_arguments(argc, argv, arguments)) {
    std::cerr << "usage: weir-kafka-tail --brokers HOST:PORT [--json] [--show NAME]... "
                 "[--summary FILE] TOPIC...\n";
    return 64;
  }
  const auto ask = [](int) { weir::stop_asked = weir::stop_asked + 1; };
  std::signal(SIGTERM, ask);
  std::signal(SIGINT, ask);
  return weir::run(arguments);
}
