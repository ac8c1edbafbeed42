#pragma once

#include <optional>
#include <string>
#include <string_view>

// What single messages of PostgreSQL 13 to 18 tell, in English (lc_messages). Times in seconds, sizes in bytes.
namespace pgtend::logs {

// "checkpoint complete: …" and "restartpoint complete: …".
struct CheckpointMessage {
  bool restartpoint = false;
  double buffers = 0, write = 0, sync = 0, total = 0;
  double sync_files = 0, longest_sync = 0;
  double wal_added = 0, wal_removed = 0, wal_recycled = 0;
  double distance = 0, estimate = 0;
};
[[nodiscard]] std::optional<CheckpointMessage> parse_checkpoint(std::string_view message);

struct TableName {
  std::string database, schema, table;
  auto operator<=>(const TableName&) const = default;
};

// "automatic vacuum of table …" and "automatic analyze of table …".
struct AutovacuumMessage {
  bool analyze = false, wraparound = false;
  TableName table;
  double seconds = 0;
  double removed = 0, kept_dead = 0;         // tuples; those not yet removable stay
  double hits = 0, misses = 0, dirtied = 0;  // buffers; 0 of an analyze before PostgreSQL 14
};
[[nodiscard]] std::optional<AutovacuumMessage> parse_autovacuum(std::string_view message);

// "temporary file: path …": its size.
[[nodiscard]] std::optional<double> parse_temporary_file(std::string_view message);

// "process N still waiting for …" and what became of it.
enum class LockWait { waiting, acquired, deadlock };
struct LockWaitMessage {
  LockWait state = LockWait::waiting;
  double seconds = 0;
};
[[nodiscard]] std::optional<LockWaitMessage> parse_lock_wait(std::string_view message);

// "duration: 1.2 ms  plan: …" of auto_explain, "duration: 1.2 ms  statement: …" and its kin.
struct DurationMessage {
  bool plan = false;
  double seconds = 0;
};
[[nodiscard]] std::optional<DurationMessage> parse_duration_message(std::string_view message);

// "disconnection: session time: 0:00:00.064 …".
[[nodiscard]] std::optional<double> parse_session_time(std::string_view message);

// "server process (PID 1) was terminated by signal 9: Killed": the signal.
[[nodiscard]] std::optional<int> parse_crash(std::string_view message);

// "redo done at … system usage: … elapsed: 0.01 s", the time from PostgreSQL 14 on, 0 before.
[[nodiscard]] std::optional<double> parse_redo_done(std::string_view message);

}  // namespace pgtend::logs
