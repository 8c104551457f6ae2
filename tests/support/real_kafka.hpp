#pragma once

#include <string>

namespace weir {

/// Address of the test run's real Kafka broker: from WEIR_KAFKA_BROKERS, or from the file that
/// tests/kafka/broker.sh leaves in the directory WEIR_KAFKA_STATE. Empty if there is none; it then
/// has said on standard error, loudly, that the calling test did not run.
std::string real_kafka_brokers();

/// Where the same broker listens for the user "weir"; empty if it is one that tests did not start.
std::string real_kafka_sasl();

/// `prefix` and something that no other test and no earlier run has used, legal in topic names.
std::string unique_name(const std::string& prefix);

}  // namespace weir
