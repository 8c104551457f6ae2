#pragma once

#include <string>

#include "runtime/process_usage.hpp"
#include "runtime/snapshot.hpp"

namespace weir {

/// The snapshot as one indented JSON document, for `/status`. Its keys are stable: new ones may
/// come, none changes its meaning. Times are RFC 3339; durations end in `_seconds`, sizes in
/// `_bytes`. What is not known is null.
///
///     gateway     id, version, config, state ("replaying", "running", "stopping"), started, now,
///                 uptime_seconds, clock_synchronised
///     ledger      balanced, sentence, equations[] (subject, left, right, balanced),
///                 counts: each counter as a number, or as an object by reason, kind or lane
///     lanes[]     lane, waiting, oldest_age_seconds; in the order in which they are drained
///     watermarks  devices, idle, lowest, highest, lag_seconds
///     link        sources[] and sink, each: name, peer, connected, state and its counts
///     store       uuid, set_aside, error, over_limit, merging, database_bytes, wal_bytes,
///     limit_bytes,
///                 journal_seq, journal_records, journal_bytes, dead_letters, commits, checkpoints,
///                 commit_mean_seconds
///     limits      devices, series, inbox_bytes: each used and limit
///     process     resident_bytes, cpu_seconds, written_bytes, open_files, pipeline_bytes,
///                 operators[]: name, bytes; what of pipeline_bytes is whose
std::string status_json(const Snapshot& snapshot, const ProcessUsage& process);

/// The same for people, for `weir status`. Control characters in what peers said are shown, not
/// sent to the terminal.
std::string status_text(const Snapshot& snapshot, const ProcessUsage& process);

/// One digit behind the point, in the largest unit of 1024 that leaves at least one before it:
/// "1.5 MiB".
std::string human(Bytes bytes);

}  // namespace weir
