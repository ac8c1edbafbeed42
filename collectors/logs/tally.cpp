#include "collectors/logs/tally.hpp"

#include <algorithm>
#include <optional>

namespace pgtend::logs {

namespace {

// Tables and queries with counts of their own, and those that are watched. Source: 20 tables make 200 series.
constexpr std::size_t kTables = 20, kTablesWatched = 200;
constexpr std::size_t kPlans = 20, kPlansWatched = 200;
// Something that took no time weighs something all the same.
constexpr double kLeastWeight = 0.001;
// Of what names a table or a query: three names of 63 bytes.
constexpr std::size_t kMostName = 192;

std::size_t class_of(std::string_view sqlstate) {
  const auto found = std::find(kClasses.begin(), kClasses.end(), sqlstate.substr(0, 2));
  return static_cast<std::size_t>(std::min(found, kClasses.end() - 1) - kClasses.begin());
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Source: what PostgreSQL 13 to 18 raise before a session is one.
std::optional<Refusal> refusal_of(const LogEntry& entry) {
  const auto& state = entry.sqlstate;
  const auto& text = entry.message;
  if (state.starts_with("28") || has(text, "authentication failed") || text.starts_with("no pg_hba.conf entry") ||
      (text.starts_with("role ") && (text.ends_with(" does not exist") || has(text, " is not permitted to log in"))))
    return Refusal::authentication;
  if (state == "3D000" || (text.starts_with("database ") && text.ends_with(" does not exist")))
    return Refusal::no_such_database;
  if (state == "53300" || has(text, "too many clients already") || has(text, "too many connections for ") ||
      text.starts_with("remaining connection slots are reserved"))
    return Refusal::too_many;
  if (state == "57P03" || text.starts_with("the database system is ")) return Refusal::not_ready;
  return std::nullopt;
}

std::string shortened(std::string text) {
  if (text.size() > kMostName) text.resize(kMostName);
  return text;
}

void add(CheckpointCounts& to, const CheckpointMessage& one) {
  ++to.completed;
  to.buffers += one.buffers;
  to.write += one.write;
  to.sync += one.sync;
  to.total += one.total;
  to.sync_files += one.sync_files;
  to.wal_added += one.wal_added;
  to.wal_removed += one.wal_removed;
  to.wal_recycled += one.wal_recycled;
}

void add(VacuumCounts& to, const AutovacuumMessage& one) {
  ++to.runs;
  to.seconds += one.seconds;
  to.wraparound += one.wraparound ? 1 : 0;
  to.removed += one.removed;
  to.kept_dead += one.kept_dead;
  to.hits += one.hits;
  to.misses += one.misses;
  to.dirtied += one.dirtied;
}

}  // namespace

LogTally::LogTally()
    : vacuums(kTables, kTablesWatched), analyzes(kTables, kTablesWatched), plans(kPlans, kPlansWatched) {}

void LogTally::count(const LogEntry& entry) {
  ++entries[static_cast<std::size_t>(entry.severity)];
  if (entry.severity >= LogSeverity::error && entry.severity <= LogSeverity::panic) return count_error(entry);
  if (entry.severity != LogSeverity::log) return;
  if (const auto duration = parse_duration_message(entry.message)) {
    if (!duration->plan) {
      ++statements;
      statement_seconds += duration->seconds;
      return;
    }
    const std::string id = entry.query_id == "0" ? "" : shortened(entry.query_id);
    auto& counts = plans.at(id, std::max(duration->seconds, kLeastWeight));
    ++counts.plans;
    counts.seconds += duration->seconds;
    return;
  }
  if (count_connections(entry.message) || count_upkeep(entry.message) || count_waits(entry.message)) return;
  count_life(entry.message);
}

void LogTally::count_error(const LogEntry& entry) {
  if (!entry.sqlstate.empty()) ++errors[class_of(entry.sqlstate)];
  if (entry.sqlstate == "40P01" || (entry.sqlstate.empty() && entry.message == "deadlock detected")) ++deadlocks;
  if (entry.severity == LogSeverity::fatal) count_refusal(entry);
}

void LogTally::count_refusal(const LogEntry& entry) {
  if (const auto why = refusal_of(entry)) ++refused[static_cast<std::size_t>(*why)];
}

bool LogTally::count_upkeep(std::string_view message) {
  if (const auto one = parse_checkpoint(message)) {
    add(checkpoints[one->restartpoint ? 1 : 0], *one);
    checkpoint_longest_sync = one->longest_sync;
    checkpoint_distance = one->distance;
    checkpoint_estimate = one->estimate;
    return true;
  }
  if (auto one = parse_autovacuum(message)) {
    auto& table = one->table;
    for (auto* name : {&table.database, &table.schema, &table.table}) *name = shortened(std::move(*name));
    add((one->analyze ? analyzes : vacuums).at(table, std::max(one->seconds, kLeastWeight)), *one);
    return true;
  }
  if (!message.starts_with("checkpoints are occurring too frequently")) return false;
  ++checkpoints_too_frequent;
  return true;
}

bool LogTally::count_waits(std::string_view message) {
  if (const auto bytes = parse_temporary_file(message)) {
    ++temporary_files;
    temporary_bytes += *bytes;
    return true;
  }
  const auto wait = parse_lock_wait(message);
  if (!wait) return false;
  if (wait->state == LockWait::waiting) ++lock_waits;
  if (wait->state == LockWait::acquired) {
    ++lock_waits_ended;
    lock_wait_seconds += wait->seconds;
  }
  return true;
}

bool LogTally::count_connections(std::string_view message) {
  if (message.starts_with("connection received: ")) {
    ++connections_received;
  } else if (message.starts_with("connection authorized: ") ||
             message.starts_with("replication connection authorized: ")) {
    ++connections_authorized;
  } else if (const auto seconds = parse_session_time(message)) {
    ++disconnections;
    session_seconds += *seconds;
  } else {
    return false;
  }
  return true;
}

void LogTally::count_life(std::string_view message) {
  if (const auto signal = parse_crash(message)) {
    const auto found = std::find(kSignals.begin(), kSignals.end() - 1, std::to_string(*signal));
    ++crashes[static_cast<std::size_t>(found - kSignals.begin())];
  } else if (message.starts_with("database system is ready to accept ")) {
    ++starts;
  } else if (message == "database system is shut down") {
    ++shutdowns;
  } else if (message.starts_with("redo starts at ")) {
    ++recoveries;
  } else if (const auto seconds = parse_redo_done(message)) {
    redo_seconds += *seconds;
  }
}

}  // namespace pgtend::logs
