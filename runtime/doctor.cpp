#include "runtime/doctor.hpp"

#include <algorithm>

#include "runtime/engine_state.hpp"
#include "runtime/json_writer.hpp"
#include "runtime/log.hpp"
#include "runtime/status.hpp"

namespace weir {

namespace {

/// With less, weir may not even delete: a commit and what moving its log takes.
constexpr Bytes least_free{4u << 20};

constexpr auto begin_anew =
    "check the disk; to begin anew, stop weir and move weir.db, weir.db-wal and weir.db-shm away";

Finding ok(std::string check, std::string text) {
  return {std::move(check), Finding::Verdict::ok, std::move(text), {}};
}
Finding warning(std::string check, std::string text, std::string remedy) {
  return {std::move(check), Finding::Verdict::warning, std::move(text), std::move(remedy)};
}
Finding problem(std::string check, std::string text, std::string remedy) {
  return {std::move(check), Finding::Verdict::problem, std::move(text), std::move(remedy)};
}

/// "1 row", "30 rows"
std::string number_of(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string damage_of(const StoreAudit::Table& table) {
  if (!table.error.empty()) return "can't be read to its end: " + table.error;
  return std::to_string(table.damaged) + " of " + number_of(table.rows, "row") +
         (table.damaged == 1 ? " is" : " are") + " damaged, the first: " + table.first_damage;
}

Finding files(const StoreAudit& audit, std::optional<Bytes> max_size) {
  const Bytes used{count(audit.database) + count(audit.wal)};
  std::string text = "weir.db has " + human(audit.database) + " and its log " + human(audit.wal);
  if (max_size) text += ", of at most " + human(*max_size);
  if (audit.free) text += "; the disk has " + human(*audit.free) + " free";
  if (audit.free && *audit.free < least_free)
    return problem("files", text, "make room: weir can't commit on a full disk");
  if (max_size && used > *max_size)
    return warning("files", text,
                   "restart weir if store.max_size was made smaller: the file then shrinks as soon "
                   "as what waits in it fits");
  if (max_size && audit.free && count(*max_size) - count(used) > count(*audit.free))
    return warning("files", text, "make room, or lower store.max_size to what the disk has");
  return ok("files", text);
}

void add_traces(const StoreAudit& audit, std::vector<Finding>& out) {
  if (audit.check_wanted)
    out.push_back(warning("weir.check", "weir met something damaged in this database",
                          "restart weir: it looks at every page, and sets the database aside if "
                          "it is damaged"));
  for (const std::string& name : audit.set_aside)
    out.push_back(warning("set aside", name + " was damaged, and weir began a new database",
                          "check power supply and disk; copy it away if it is to be looked at, "
                          "then delete it"));
}

Finding pages(const StoreAudit& audit) {
  if (audit.pages == "ok") return ok("pages", "every page of the database is in order");
  return problem("pages", audit.pages,
                 "stop weir, copy the directory away, make an empty file weir.check in it, and "
                 "start weir: it sets the damaged database aside and begins a new one");
}

Finding identity(const StoreAudit& audit) {
  if (audit.uuid.size() == 36) return ok("identity", "the database is " + audit.uuid);
  return problem("identity", "the database has no uuid", "restart weir: it sets it aside");
}

Finding checkpoints(const StoreAudit& audit) {
  const std::string name = "checkpoints";
  const std::string replaced = "restart weir: it writes a new one";
  const auto whole = [](const std::optional<StoreAudit::Checkpoint>& one) {
    return one && one->whole;
  };
  if (!audit.checkpoints.whole()) {
    const bool any = whole(audit.newest) || whole(audit.before);
    return problem(name, damage_of(audit.checkpoints),
                   any ? "check the disk; weir goes on from one that is whole"
                       : "restart weir: without one it sets the database aside");
  }
  if (!audit.newest) return ok(name, "there is none yet");
  if (!audit.newest->whole)
    return problem(name, "parts of the newest are missing",
                   whole(audit.before) ? "restart weir: it goes on from the one before"
                                       : "restart weir: it sets the database aside");
  std::string text = "the newest is of record " + std::to_string(audit.newest->journal_seq) +
                     " and has " + human(Bytes{audit.newest->size});
  if (!audit.before) return ok(name, text);
  text += "; the one before, of record " + std::to_string(audit.before->journal_seq);
  if (!audit.before->whole) return problem(name, text + ", has parts missing", replaced);
  if (!audit.before->error.empty() && audit.newest->error.empty())
    return warning(name, text + ", is of no use: " + audit.before->error,
                   "nothing, unless it stays: later checkpoints replace it");
  return ok(name, text + ", can be read, too");
}

Finding journal(const StoreAudit& audit) {
  const std::string remedy =
      "restart weir: it goes on with what can be read and counts journal_damaged; what stands "
      "behind the damage is missing from the windows that were open";
  const std::uint64_t folded = audit.newest ? audit.newest->journal_seq : 0;
  if (!audit.journal.whole()) return problem("journal", damage_of(audit.journal), remedy);
  if (!audit.replay_error.empty()) return problem("journal", audit.replay_error, remedy);
  if (audit.last_record < folded)
    return problem("journal",
                   "it ends at record " + std::to_string(audit.last_record) +
                       ", and the checkpoint is of record " + std::to_string(folded),
                   remedy);
  return ok("journal", "it goes to record " + std::to_string(audit.last_record) +
                           " without a gap, " + number_of(audit.last_record - folded, "record") +
                           " behind the checkpoint");
}

Finding lane(const StoreAudit& audit, Lane lane) {
  const StoreAudit::Lane& found = audit.outbox[index(lane)];
  const std::string name = "outbox " + std::string(lane_name(lane));
  if (!found.error.empty()) return problem(name, damage_of(found), begin_anew);
  if (found.damaged > 0)
    return problem(name, damage_of(found),
                   "check the disk; weir leaves damaged results out and counts them as "
                   "evicted{damaged}");
  // What the journal says is not known then.
  if (!audit.replay_error.empty()) return ok(name, number_of(found.rows, "result") + " waiting");
  if (found.last_seq > audit.issued)
    return problem(name,
                   "it holds result " + std::to_string(found.last_seq) +
                       ", and the journal knows of none behind " + std::to_string(audit.issued),
                   "restart weir: it counts anew and goes on far behind that number");
  if (found.rows != found.counted)
    return problem(name,
                   std::to_string(found.rows) + " waiting, and the journal counts " +
                       std::to_string(found.counted),
                   begin_anew);
  return ok(name, number_of(found.rows, "result") + " waiting");
}

Finding dead_letters(const StoreAudit& audit) {
  const std::string remedy = "check the disk; these are samples, and weir goes on without them";
  const StoreAudit::Table& table = audit.dead_letters;
  if (!table.whole()) return problem("dead letters", damage_of(table), remedy);
  if (audit.letters_missing > 0)
    return problem("dead letters", number_of(audit.letters_missing, "row") + " missing", remedy);
  return ok("dead letters", number_of(table.rows, "row"));
}

Finding gaps(const StoreAudit& audit) {
  if (!audit.gaps.whole())
    return problem("gaps", damage_of(audit.gaps),
                   "check the disk; what was given up is in the ledger, if not announced");
  return ok("gaps", number_of(audit.gaps.rows, "row") + " to be announced");
}

std::uint64_t rows_waiting(const StoreAudit& audit) {
  std::uint64_t rows = 0;
  for (const StoreAudit::Lane& lane : audit.outbox) rows += lane.rows;
  return rows;
}

Result<Ledger> whole_ledger(const StoreAudit& audit) {
  if (!audit.replay_error.empty())
    return fail(ErrorKind::corrupt, "its part in the journal can't be read");
  if (audit.state.empty()) return audit.delta;
  return ledger_of(audit.state).map([&](Ledger ledger) {
    ledger.add(audit.delta);
    return ledger;
  });
}

Finding ledger(const StoreAudit& audit) {
  const auto sums = whole_ledger(audit);
  if (!sums)
    return problem("ledger", "it can't be added up: " + sums.error().message,
                   "put right what is wrong with checkpoints and journal");
  const std::string imbalance = sums->imbalance(rows_waiting(audit));
  if (imbalance.empty())
    return ok("ledger",
              "it balances: " + number_of(sums->total(Counter::messages_received), "message") +
                  " received, " + number_of(sums->total(Counter::results_produced), "result") +
                  " produced");
  const std::uint64_t damaged = sums->total(Counter::journal_damaged);
  if (damaged > 0)
    return warning("ledger", imbalance,
                   "nothing: the journal was damaged " + number_of(damaged, "time") +
                       ", and the counts that stood behind the damage are lost");
  return problem("ledger", imbalance, begin_anew);
}

std::string_view verdict_name(Finding::Verdict verdict) {
  switch (verdict) {
    case Finding::Verdict::warning:
      return "warning";
    case Finding::Verdict::problem:
      return "problem";
    default:
      return "ok";
  }
}

std::uint64_t count_of(const std::vector<Finding>& findings, Finding::Verdict verdict) {
  return static_cast<std::uint64_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& one) { return one.verdict == verdict; }));
}

}  // namespace

std::vector<Finding> examine(const StoreAudit& audit, std::optional<Bytes> max_size) {
  std::vector<Finding> out = {files(audit, max_size)};
  add_traces(audit, out);
  out.push_back(pages(audit));
  out.push_back(identity(audit));
  out.push_back(checkpoints(audit));
  out.push_back(journal(audit));
  for (std::size_t i = 0; i < lane_count; ++i) out.push_back(lane(audit, static_cast<Lane>(i)));
  out.push_back(dead_letters(audit));
  out.push_back(gaps(audit));
  out.push_back(ledger(audit));
  return out;
}

namespace {

/// A result that the cluster has and this database never gave out, if there is one.
std::optional<std::uint64_t> never_given_out(const StoreAudit& audit, const Position& position) {
  for (const std::uint64_t seq : position.delivered)
    if (seq > audit.issued || audit.runs.issued_up_to(seq) != seq) return seq;
  return std::nullopt;
}

}  // namespace

Finding examine_position(const StoreAudit& audit, const Result<FoundPosition>& found) {
  const std::string name = "position";
  if (!found) {
    const bool later = found.error().kind == ErrorKind::unavailable;
    return warning(name, "the cluster's position is not known: " + found.error().message,
                   later ? "ask again when the cluster answers, or leave it out with --offline"
                         : "see what the cluster says above; weir itself delivers at least once, "
                           "or waits, until this is put right");
  }
  const auto sums = whole_ledger(audit);
  if (!found->position) {
    if (!sums || sums->total(Counter::results_delivered) == 0)
      return ok(name, "the cluster has none of this database, and nothing was delivered");
    return warning(
        name,
        "the cluster has none of this database, but " +
            number_of(sums->total(Counter::results_delivered), "result") + " were delivered",
        "expected without transactions; else see that nobody deletes the position topic");
  }
  const auto& delivered = found->position->delivered;
  const std::uint64_t furthest = *std::max_element(delivered.begin(), delivered.end());
  const auto unknown = never_given_out(audit, *found->position);
  if (audit.replay_error.empty() && unknown)
    return problem(name,
                   "the cluster has result " + std::to_string(*unknown) +
                       ", which this database never gave out (its last is " +
                       std::to_string(audit.issued) +
                       "): it is an older copy of itself, or its disk lost what it had synced",
                   "put the newer database back, or start weir: it goes on as a new database with "
                   "a new weir-epoch and counts history_lost");
  std::uint64_t left = 0;
  for (const StoreAudit::Lane& lane : audit.outbox) left += lane.delivered;
  const std::string text = "the cluster has results up to " + std::to_string(furthest) + "; " +
                           number_of(left, "result") +
                           (left == 1 ? " of these still waits" : " of these still wait") +
                           " to be removed";
  if (found->notice.empty()) return ok(name, text);
  return warning(name, text + "; " + found->notice,
                 "see that its cleanup.policy is compact: kafka-configs.sh --describe");
}

std::vector<Finding> examine_topics(const Result<std::vector<BriefTopic>>& brief) {
  const std::string name = "topics";
  if (!brief && brief.error().kind == ErrorKind::unavailable)
    return {warning(name, "how long they keep results is not known: " + brief.error().message,
                    "ask again when the cluster answers, or leave it out with --offline")};
  if (!brief)
    return {ok(name, "how long they keep results can't be seen: " + brief.error().message)};
  std::vector<Finding> out;
  for (const BriefTopic& topic : *brief) out.push_back(warning(name, topic.text(), topic.remedy()));
  if (out.empty())
    out.push_back(ok(name, "those that are there keep what comes from an outage of a week"));
  return out;
}

std::string findings_json(const std::string& directory, const std::vector<Finding>& findings) {
  JsonWriter json;
  json.begin_object()
      .member("directory", directory)
      .member("problems", count_of(findings, Finding::Verdict::problem))
      .member("warnings", count_of(findings, Finding::Verdict::warning))
      .key("checks")
      .begin_array();
  for (const Finding& one : findings)
    json.begin_object()
        .member("check", one.check)
        .member("verdict", verdict_name(one.verdict))
        .member("text", one.text)
        .member("remedy", one.remedy)
        .end_object();
  json.end_array().end_object();
  return json.take();
}

std::string findings_text(const std::vector<Finding>& findings) {
  const auto padded = [](std::string_view text, std::size_t width) {
    return std::string(text) + std::string(width - std::min(width, text.size()), ' ');
  };
  std::string out;
  for (const Finding& one : findings) {
    out +=
        padded(verdict_name(one.verdict), 9) + padded(one.check, 16) + printable(one.text) + "\n";
    if (!one.remedy.empty()) out += std::string(25, ' ') + "→ " + printable(one.remedy) + "\n";
  }
  const std::uint64_t problems = count_of(findings, Finding::Verdict::problem);
  const std::uint64_t warnings = count_of(findings, Finding::Verdict::warning);
  return out + "\n" + (problems == 0 ? "no problems" : number_of(problems, "problem")) +
         (warnings == 0 ? "" : ", " + number_of(warnings, "warning")) + "\n";
}

}  // namespace weir
