#pragma once

#include <string>

namespace weir {

/// Deletes a topic and waits until the broker no longer knows it. Throws if the cluster refuses.
void delete_topic(const std::string& brokers, const std::string& topic);

enum class AclResource { topic = 2, cluster = 4, transactional_id = 5 };
enum class AclOperation { all = 2, read = 3, write = 4, create = 5, describe = 8 };

/// What the user "weir" (see broker.sh) may not do, until `lift`. Speaks Kafka's protocol itself:
/// librdkafka 2.0 knows no transactional ids in ACLs. Throws where a test can't go on.
class AclDenial {
 public:
  AclDenial(const std::string& brokers, AclResource resource, const std::string& name,
            AclOperation operation);
  ~AclDenial();
  AclDenial(const AclDenial&) = delete;
  AclDenial& operator=(const AclDenial&) = delete;
  void lift();

 private:
  const std::string brokers_;
  const std::string denied_, allowed_;
  bool lifted_ = false;
};

}  // namespace weir
