#include "tests/support/real_kafka.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace weir {

namespace {

std::string address_in(const std::string& file) {
  std::string address;
  if (const char* state = std::getenv("WEIR_KAFKA_STATE"))
    std::getline(std::ifstream(state + ("/" + file)) >> std::ws, address);
  return address;
}

}  // namespace

std::string real_kafka_sasl() {
  if (const char* brokers = std::getenv("WEIR_KAFKA_BROKERS"); brokers && *brokers) return "";
  return address_in("sasl");
}

std::string real_kafka_brokers() {
  if (const char* brokers = std::getenv("WEIR_KAFKA_BROKERS"); brokers && *brokers) return brokers;
  std::string address = address_in("brokers");
  if (address.empty())
    std::cerr << "\n*** SKIPPED, NOT TESTED: there is no real Kafka broker (Java or Maven is "
                 "missing, or tests/kafka/broker.sh was not started) ***\n";
  return address;
}

std::string unique_name(const std::string& prefix) {
  static std::atomic<unsigned> number{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return prefix + "-" + std::to_string(now) + "-" + std::to_string(::getpid()) + "-" +
         std::to_string(++number);
}

}  // namespace weir
