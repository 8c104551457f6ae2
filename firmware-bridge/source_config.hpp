#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/params.hpp"
#include "firmware-bridge/decoder.hpp"
#include "firmware-bridge/topic.hpp"
#include "operators/pipeline.hpp"

namespace weir {

/// One `[[source]]`: which topics it takes, what its payloads are, what tells its devices apart.
struct SourceConfig {
  struct Topic {
    TopicTemplate pattern;
    /// For each capture of the source, in the order of its tag names: which capture of this
    /// pattern.
    std::vector<std::size_t> captures;
  };

  /// The tag names are the captures of the topics (in the order of the first), then those of the
  /// decoder; "topic" if there are none.
  SourceOptions options;
  std::vector<Topic> topics;
  bool tagged_by_topic = false;      ///< no tags: the whole topic is the one tag
  std::unique_ptr<Decoder> decoder;  ///< null only after a problem
  bool use_retained = false;

  /// Every `[[source]]` in file order. Problems are recorded in `root`; the result is then of no
  /// use.
  static std::vector<SourceConfig> read_all(Params root);
};

/// What to subscribe to so that every topic of the sources comes once: their filters in order,
/// without those that another one covers, for which a broker may send a message twice.
std::vector<std::string> subscriptions(std::span<const SourceConfig> sources);

}  // namespace weir
