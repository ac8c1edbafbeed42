#pragma once

#include <cstdint>
#include <string>

#include "agent/store/ledger_impl.hpp"

// The rows of the outbox; private to agent/store. Every call inside the caller's transaction.
namespace pgtend::store {

class Outbox {
 public:
  explicit Outbox(Ledger::Impl& ledger) : ledger_(ledger), db_(*ledger.db) {}

  // Adds a message; older ones of its (receiver, group_key) that are not in flight are superseded.
  Result<void> enqueue(const OutboxMessage& message);
  // Drops above the limits: oldest first, those without a critical alert before those with one; forgets old finished
  // rows.
  Result<void> keep_within_limits();
  Result<std::vector<OutboxMessage>> claim(UtcTime now, std::size_t limit);
  // Ends a message as sent or dead. Errors: not_found.
  Result<void> finish(std::int64_t id, const char* state, const std::string& error);
  // Gives a message back; it is superseded when a newer one of its key waits. Errors: not_found.
  Result<void> give_back(std::int64_t id, const std::string& error, UtcTime not_before);
  Result<OutboxStats> stats();

 private:
  Result<void> drop_one();
  // Adds to a count kept since the ledger was made.
  Result<void> count(const char* what, std::int64_t by);
  Result<std::int64_t> counted(const char* what);

  Ledger::Impl& ledger_;
  Database& db_;
};

}  // namespace pgtend::store
