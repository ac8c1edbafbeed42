#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/store/ledger_impl.hpp"

// The rows of the outbox; private to agent/store. Every call inside the caller's transaction.
namespace pgtend::store {

class Outbox {
 public:
  explicit Outbox(Ledger::Impl& ledger) : ledger_(ledger), db_(*ledger.db) {}

  // Adds a message; older ones of its (receiver, group_key) that are not in flight are superseded, by a digest those of
  // its receiver.
  Result<void> enqueue(const OutboxMessage& message);
  // Drops above the limits: info before warning, oldest first, never critical; forgets old finished rows.
  Result<void> keep_within_limits();
  Result<std::vector<OutboxMessage>> claim(UtcTime now, std::size_t limit, const std::map<std::string, int>& allowance);
  Result<std::vector<OutboxMessage>> list(const std::string& state, std::size_t limit);
  // Ends a message as sent or dead. Errors: not_found.
  Result<void> finish(std::int64_t id, const char* state, const std::string& error);
  // Ends it as dead, and counts it. Errors: not_found.
  Result<void> refuse(std::int64_t id, const std::string& error);
  // Gives a message back; it is superseded when a newer one of its key waits. Errors: not_found.
  Result<void> give_back(std::int64_t id, const std::string& error, UtcTime not_before);
  Result<OutboxStats> stats();
  Result<bool> any_queued();

 private:
  Result<UtcTime> waits_since(const OutboxMessage& message);
  Result<void> supersede_all(const OutboxMessage& digest);
  // Drops as many as it takes to be rid of so many messages and of so many bytes of bodies, unless only critical ones
  // are left.
  Result<void> drop(std::int64_t rows, std::int64_t bytes);
  Result<void> tidy(UtcTime now);
  Result<std::vector<std::int64_t>> due(UtcTime now, std::size_t limit, std::map<std::string, int> allowance);
  // Adds to a count kept since the ledger was made.
  Result<void> count(const std::string& key, std::int64_t by);
  Result<std::int64_t> counted(const std::string& key);

  Ledger::Impl& ledger_;
  Database& db_;
};

}  // namespace pgtend::store
