#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/change/migrate/catalog.hpp"

// pgtend.change_log: what was applied to this database. It lives in the database, so it travels with a failover and
// goes back with a restore.
namespace pgtend::migrate {

// Names are stored: never rename.
enum class Action { up, down, baseline };
[[nodiscard]] std::string_view to_string(Action action);

struct LogRow {
  std::int64_t sequence = 0;  // from 1, without gaps
  std::string id, name;       // "V0007", "orders_idx"
  Action action = Action::up;
  std::string checksum;  // of the file
  std::string objects;   // to_text() of what it made, changed and dropped
  std::string applied_by;
  UtcTime applied_at;
  std::int64_t duration_ms = 0;
  std::string system_identifier;  // of the server that ran it; empty when the role may not read it
  int timeline = 0;
  std::string parent, hash;  // hash covers every field and the hash of the row before
};
[[nodiscard]] std::string hash_of(const LogRow& row);

// A migration under way, or one that failed: a single row.
struct Progress {
  std::string id;
  std::string action;                // "up", "down"; "undo": down because a check failed
  std::string checksum;              // of the file as it was last run
  std::vector<std::string> digests;  // of the steps that are done
  std::string under_way;             // digest of the step that cannot run in a transaction and was begun
  std::string objects = "{}";        // of the steps that are done
  std::string error;                 // of the last attempt
  std::int64_t duration_ms = 0;      // of the attempts so far

  // Whether something of it is in the database, and not only an error to tell.
  [[nodiscard]] bool is_half_done() const { return !digests.empty() || !under_way.empty() || action == "undo"; }
};

struct Log {
  std::vector<LogRow> rows;  // ascending
  std::optional<Progress> progress;

  // The newest row of each id that is applied now (up or baseline).
  [[nodiscard]] std::map<std::string, LogRow> applied() const;
  // Where the chain breaks; empty: it is whole.
  [[nodiscard]] std::string broken() const;
};

// Each set of files has a history of its own: a person's in pgtend.change_log, pgtend's own in pgtend.setup_log.
inline constexpr const char* kChangeSet = "change";
inline constexpr const char* kSetupSet = "setup";

// Makes the schema and the set's tables where they are missing. Errors: permission (with the GRANT), the server's.
net::TaskResult<RowSet> make_tables(pg::Connection* connection, std::string set, Deadline deadline);
// Empty where nothing was ever applied. Errors: permission, the server's.
net::TaskResult<Log> read_log(pg::Connection* connection, std::string set, Deadline deadline);

// These run in the caller's transaction. The first numbers, chains and hashes the row, and returns it.
net::TaskResult<LogRow> append(pg::Connection* connection, std::string set, LogRow row, Deadline deadline);
net::TaskResult<RowSet> put_progress(pg::Connection* connection, std::string set, Progress progress, Deadline deadline);
net::TaskResult<RowSet> clear_progress(pg::Connection* connection, std::string set, Deadline deadline);

}  // namespace pgtend::migrate
