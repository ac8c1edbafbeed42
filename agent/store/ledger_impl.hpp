#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "agent/store/files.hpp"
#include "agent/store/ledger.hpp"
#include "agent/store/sqlite.hpp"

// What the parts of the ledger share; private to agent/store.
namespace pgtend::store {

struct Ledger::Impl {
  Impl(FileLock held, std::unique_ptr<Database> database, const Clock& c)
      : lock(std::move(held)), db(std::move(database)), clock(c) {}

  FileLock lock;
  std::unique_ptr<Database> db;
  const Clock& clock;
  // Written by the store thread: false after a claim that saw an empty outbox, until a message is put into it.
  std::atomic<bool> may_have_queued{true};
  // Bytes of the bodies that wait are not more than this; nullopt: not known.
  std::optional<std::int64_t> outbox_bytes_bound;

  // Runs `work` and, when given, writes the audit row in one transaction; nothing stays of either when one fails.
  Result<void> together(const AuditDraft* draft, const std::function<Result<void>()>& work);
  // Inside a transaction. `row` is the digest of the row that the act wrote; see change_digest().
  Result<AuditEntry> append_audit(const AuditDraft& draft, const std::string& row = {});
  // Inside a transaction, after the change was stored.
  Result<void> audit_change(const std::string& id, const AuditDraft& draft);
  Result<void> set_meta(std::string_view key, std::string_view value);
  Result<std::optional<std::string>> get_meta(std::string_view key);
  // Inside a transaction: closes the recommendation that this final change answers.
  Result<void> close_answered(const Change& change);
  // The one id that starts with `prefix`. Errors: not_found, conflict.
  Result<std::string> whole_id(const char* table, std::string_view prefix);
};

// Calls `take` for each row of a statement. An error of `take` ends the walk.
Result<void> each_row(Statement& statement, const std::function<Result<void>(Statement&)>& take);

// Creates or verifies the ledger's tables. Errors: conflict (another program's database), unsupported (newer), io,
// corrupt.
Result<void> prepare_ledger_schema(Database& db);

// Stores what a step of the dispatcher changed, inside the caller's transaction.
Result<void> save_dispatch(Database& db, const DispatchChange& change);

// See Ledger::audit_verify.
Result<AuditCheck> verify_audit(Database& db);

// The chained hash over all fields of an entry but its own hash, and over the digest of the row that it wrote.
[[nodiscard]] std::string audit_hash(const AuditEntry& entry, const std::string& row = {});

// What the audit keeps of a stored change: "ID SHA-256" over all its columns. Errors: not_found.
Result<std::string> change_digest(Database& db, std::string_view id);

// Compares the stored changes with what the audit last said of each, and notes in `check` the first that differs.
// REQUIRES: a ledger of version 3 or newer, whose chain is whole.
Result<void> verify_changes(Database& db, AuditCheck& check);

// previous_hash of the first row.
inline constexpr std::string_view kAuditGenesis = "0000000000000000000000000000000000000000000000000000000000000000";

}  // namespace pgtend::store
