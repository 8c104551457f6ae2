#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/kafka_position.hpp"
#include "runtime/kafka_topics.hpp"
#include "store/audit.hpp"

namespace weir {

/// What one check of `weir doctor` found.
struct Finding {
  enum class Verdict {
    ok,
    warning,  ///< nothing is wrong with what is stored, but somebody should look
    problem,  ///< something was lost, or will be
  };
  std::string check;  ///< a word or two: "journal", "outbox live"
  Verdict verdict = Verdict::ok;
  std::string text;    ///< a sentence without a full stop
  std::string remedy;  ///< what puts it right; empty if nothing has to be done
};

/// Judges a data directory. `max_size`: store.max_size, if it is known.
std::vector<Finding> examine(const StoreAudit& audit, std::optional<Bytes> max_size);

/// Judges what the cluster says about the database. Requires: it was asked before the audit, so
/// that a running weir can't have gone on meanwhile.
Finding examine_position(const StoreAudit& audit, const Result<FoundPosition>& found);

/// Judges how long the topics that weir writes to keep what arrives late.
std::vector<Finding> examine_topics(const Result<std::vector<BriefTopic>>& brief);

std::string findings_json(const std::string& directory, const std::vector<Finding>& findings);
std::string findings_text(const std::vector<Finding>& findings);

}  // namespace weir
