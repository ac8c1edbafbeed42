#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collectors/logs/entry.hpp"
#include "collectors/logs/messages.hpp"
#include "collectors/logs/top.hpp"

namespace pgtend::logs {

// Classes of SQLSTATE that have a count of their own; all others share `other`, since a statement may raise any.
inline constexpr std::array<std::string_view, 15> kClasses{"08", "0A", "22", "23", "25", "28", "40",   "42",
                                                           "53", "54", "55", "57", "58", "XX", "other"};
// Why a connection was refused.
enum class Refusal { authentication, no_such_database, too_many, not_ready };
inline constexpr std::array<std::string_view, 4> kRefusals{"authentication", "no_such_database", "too_many",
                                                           "not_ready"};
// Signals that end a process of the server: abort, kill (out of memory, or a person), a fault of its own.
inline constexpr std::array<std::string_view, 4> kSignals{"6", "9", "11", "other"};

struct CheckpointCounts {
  double completed = 0, buffers = 0, write = 0, sync = 0, total = 0, sync_files = 0;
  double wal_added = 0, wal_removed = 0, wal_recycled = 0;
};

struct VacuumCounts {
  double runs = 0, seconds = 0, wraparound = 0, removed = 0, kept_dead = 0, hits = 0, misses = 0, dirtied = 0;
};

struct PlanCounts {
  double plans = 0, seconds = 0;
};

// Everything that was counted in the log of one server, in bounded memory. Made of entries one by one.
class LogTally {
 public:
  LogTally();
  void count(const LogEntry& entry);

  std::array<double, kSeverities> entries{};
  std::array<double, kClasses.size()> errors{};   // ERROR, FATAL and PANIC whose SQLSTATE the log tells
  std::array<CheckpointCounts, 2> checkpoints{};  // and restartpoints
  double checkpoints_too_frequent = 0;
  // Of the last one that was completed.
  double checkpoint_longest_sync = 0, checkpoint_distance = 0, checkpoint_estimate = 0;
  Top<TableName, VacuumCounts> vacuums, analyzes;
  double deadlocks = 0;
  double temporary_files = 0, temporary_bytes = 0;
  double lock_waits = 0, lock_waits_ended = 0, lock_wait_seconds = 0;
  double connections_received = 0, connections_authorized = 0, disconnections = 0, session_seconds = 0;
  std::array<double, kRefusals.size()> refused{};
  std::array<double, kSignals.size()> crashes{};
  double starts = 0, recoveries = 0, redo_seconds = 0, shutdowns = 0;
  double statements = 0, statement_seconds = 0;
  Top<std::string, PlanCounts> plans;  // by query id; "" when the log does not tell it

 private:
  void count_error(const LogEntry& entry);
  void count_refusal(const LogEntry& entry);
  bool count_upkeep(std::string_view message);
  bool count_waits(std::string_view message);
  bool count_connections(std::string_view message);
  void count_life(std::string_view message);
};

}  // namespace pgtend::logs
