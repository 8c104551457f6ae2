#include <unistd.h>

#include <chrono>
#include <iostream>

#include "runtime/commands.hpp"
#include "runtime/doctor.hpp"
#include "runtime/settings.hpp"

namespace weir {

namespace {

/// A line that is written over itself, on a terminal only, a few times a second.
class Progress {
 public:
  ~Progress() { clear(); }
  void show(std::string_view what, std::uint64_t rows) {
    const auto now = std::chrono::steady_clock::now();
    if (!wanted_ || (rows > 0 && now - shown_ < std::chrono::milliseconds(200))) return;
    shown_ = now;
    clear();
    std::cerr << what;
    if (rows > 0) std::cerr << ": " << rows << " rows";
    std::cerr << " …" << std::flush;
  }
  void clear() const {
    if (wanted_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  const bool wanted_ = ::isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point shown_{};
};

/// As the uplink would find it; waits for a transaction that is open to end by itself.
Result<FoundPosition> ask_position(const Settings& settings, const std::string& uuid,
                                   const Patience& patience) {
  return find_position(settings.kafka.client_settings(), settings.kafka.position_topic,
                       position_key(settings.gateway, uuid), patience);
}

/// What the cluster says: nothing where it was not asked.
struct Answers {
  std::optional<Result<FoundPosition>> position;
  std::optional<Result<std::vector<BriefTopic>>> topics;
};

Answers ask_cluster(StoreInspector& inspector, const Settings& settings) {
  const std::atomic<bool> cancelled = false;
  const KafkaOptions& kafka = settings.kafka;
  const auto patience = [&] {
    return Patience(kafka.transaction_timeout + std::chrono::seconds(5), cancelled);
  };
  Answers answers;
  const auto uuid = inspector.uuid();
  if (uuid && kafka.delivery == KafkaOptions::Delivery::exactly_once)
    answers.position = ask_position(settings, *uuid, patience());
  const auto& position = answers.position;
  if (!position || *position || position->error().kind != ErrorKind::unavailable)
    answers.topics = brief_topics(kafka.client_settings(), kafka.topics, patience());
  return answers;
}

/// `settings`: nothing where there are none. `online`: the cluster may be asked.
Result<std::vector<Finding>> look(StoreInspector& inspector,
                                  const std::optional<Settings>& settings, bool online,
                                  Progress& progress) {
  Answers answers;
  if (settings && online) {
    progress.show("asking the cluster", 0);
    // Before the audit: what is delivered by then the audit sees as given out.
    answers = ask_cluster(inspector, *settings);
  }
  const auto& found = answers.position;
  const bool known = found && *found && (*found)->position;
  const auto audit = inspector.audit(
      known ? *(*found)->position : Position{},
      [&](std::string_view table, std::uint64_t rows) { progress.show(table, rows); });
  if (!audit) return fail(audit.error());
  auto findings =
      examine(*audit, settings ? std::optional(settings->store.max_size) : std::nullopt);
  if (found) findings.push_back(examine_position(*audit, *found));
  if (answers.topics) {
    const auto topics = examine_topics(*answers.topics);
    findings.insert(findings.end(), topics.begin(), topics.end());
  }
  return findings;
}

Result<std::vector<Finding>> look_in(const std::string& directory,
                                     const std::optional<Settings>& settings, bool online) {
  Progress progress;
  auto inspector = StoreInspector::open(directory);
  if (!inspector) return fail(inspector.error());
  return look(**inspector, settings, online, progress);
}

}  // namespace

int doctor_command(const DoctorOptions& options) {
  std::optional<Settings> settings;
  std::string directory = options.directory;
  if (directory.empty()) {
    settings = load_settings(options.config);
    if (!settings) return exit_config;
    directory = settings->store.directory;
  }
  auto findings = look_in(directory, settings, !options.offline);
  if (!findings && findings.error().kind == ErrorKind::unavailable) {
    std::cerr << "weir doctor: " << findings.error().message << '\n';
    return exit_no_input;
  }
  if (!findings)
    findings =
        std::vector<Finding>{{"database", Finding::Verdict::problem, findings.error().message,
                              findings.error().kind == ErrorKind::unsupported
                                  ? "ask the weir that wrote it, or start this one: it takes an "
                                    "older database over"
                                  : "restart weir: it sets a database aside that it can't "
                                    "open, and begins a new one"}};
  std::cout << (options.json ? findings_json(directory, *findings) + "\n"
                             : findings_text(*findings));
  const bool problems = std::any_of(findings->begin(), findings->end(), [](const Finding& one) {
    return one.verdict == Finding::Verdict::problem;
  });
  return problems ? exit_failed : exit_ok;
}

}  // namespace weir
