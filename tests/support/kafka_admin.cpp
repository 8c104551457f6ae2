#include "tests/support/kafka_admin.hpp"

#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/tsan_c11_threads.hpp"

namespace weir {
namespace {

enum class Api : std::int16_t { describe_acls = 29, create_acls = 30, delete_acls = 31 };

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

std::string counted(const std::string& text) {
  return number(text.size(), 2) + text;
}

std::uint64_t number_at(const std::string& text, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (const char c : text.substr(at, bytes)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string read_exactly(int socket, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::recv(socket, text.data() + done, size - done, 0);
    if (n <= 0) throw std::runtime_error("the broker closed the connection");
    done += static_cast<std::size_t>(n);
  }
  return text;
}

/// One request, of version 1, to "127.0.0.1:port"; returns the body of the answer.
std::string ask(const std::string& broker, Api api, const std::string& body) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(broker.substr(broker.find(':') + 1))));
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::string request = number(static_cast<std::uint64_t>(api), 2) + number(1, 2) +
                              number(7, 4) + counted("t") + body;
  const std::string framed = number(request.size(), 4) + request;
  std::string answer;
  try {
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::send(socket, framed.data(), framed.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(framed.size()))
      throw std::runtime_error("the broker can't be reached");
    const std::uint64_t size = number_at(read_exactly(socket, 4), 0, 4);
    answer = read_exactly(socket, static_cast<std::size_t>(size));
  } catch (...) {
    ::close(socket);
    throw;
  }
  ::close(socket);
  return answer.substr(4);  // behind the correlation id
}

enum class Permission { deny = 2, allow = 3 };

/// Resource type, name, literal pattern, principal, host, operation, permission. A filter has the
/// form of what it looks for.
std::string acl(AclResource resource, const std::string& name, AclOperation operation,
                Permission permission) {
  return number(static_cast<std::uint64_t>(resource), 1) + counted(name) + number(3, 1) +
         counted("User:weir") + counted("*") + number(static_cast<std::uint64_t>(operation), 1) +
         number(static_cast<std::uint64_t>(permission), 1);
}

bool is_in_force(const std::string& broker, const std::string& binding) {
  const std::string answer = ask(broker, Api::describe_acls, binding);
  return number_at(answer, 4, 2) == 0 && number_at(answer, 8, 4) > 0;
}

void await(const std::string& broker, const std::string& binding, bool in_force) {
  if (!test::eventually([&] { return is_in_force(broker, binding) == in_force; }))
    throw std::runtime_error("the broker does not take an ACL");
}

bool topic_is_known(rd_kafka_t* client, rd_kafka_topic_t* topic) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client, 0, topic, &metadata, 10'000)) return true;
  const bool known = metadata->topics[0].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  rd_kafka_metadata_destroy(metadata);
  return known;
}

}  // namespace

AclDenial::AclDenial(const std::string& brokers, AclResource resource, const std::string& name,
                     AclOperation operation)
    : brokers_(brokers),
      denied_(acl(resource, name, operation, Permission::deny)),
      // Where there is any ACL, what none allows is forbidden.
      allowed_(acl(resource, name, AclOperation::all, Permission::allow)) {
  const std::string answer = ask(brokers_, Api::create_acls, number(2, 4) + allowed_ + denied_);
  if (number_at(answer, 8, 2) != 0) throw std::runtime_error("the broker makes no ACL");
  await(brokers_, allowed_, true);
  await(brokers_, denied_, true);
}

AclDenial::~AclDenial() {
  try {
    if (!lifted_) lift();
  } catch (const std::exception&) {
    // The broker is gone, and the ACL with it.
  }
}

void AclDenial::lift() {
  ask(brokers_, Api::delete_acls, number(1, 4) + denied_);
  await(brokers_, denied_, false);
  lifted_ = true;
}

void delete_topic(const std::string& brokers, const std::string& topic) {
  know_c11_threads();
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), nullptr, 0);
  // A consumer, whose question for a topic does not make it.
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteTopic_t* old = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_DeleteTopics(client, &old, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20'000);
  std::size_t count = 0;
  const auto* result = event ? rd_kafka_event_DeleteTopics_result(event) : nullptr;
  const auto* topics = result ? rd_kafka_DeleteTopics_result_topics(result, &count) : nullptr;
  bool done = count == 1 && rd_kafka_topic_result_error(topics[0]) == 0;
  if (event) rd_kafka_event_destroy(event);
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  done = done && test::eventually([&] { return !topic_is_known(client, handle); });
  rd_kafka_topic_destroy(handle);
  rd_kafka_DeleteTopic_destroy(old);
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy(client);
  if (!done) throw std::runtime_error("the cluster did not delete topic " + topic);
}

}  // namespace weir
