#pragma once

#include <string>
#include <vector>

#include "agent/change/migrate/log.hpp"
#include "agent/store/ledger_types.hpp"

// The copy of a database's history that the ledger keeps: it does not go back when the database is restored.
namespace pgtend::migrate {

struct MirrorRow {
  std::int64_t sequence = 0;
  std::string id, hash;
  Action action = Action::up;
};
using Mirror = std::vector<MirrorRow>;  // ascending

// The ledger's key of a database's copy.
[[nodiscard]] std::string mirror_key(const std::string& system_identifier, const std::string& database,
                                     const std::string& set);
[[nodiscard]] std::string to_text(const Log& log);
// An empty text: an empty copy. Errors: corrupt.
[[nodiscard]] Result<Mirror> parse_mirror(std::string_view text);

// Migrations that were applied by the copy and are not by the log, because the database was restored or promoted to a
// point before them.
[[nodiscard]] std::vector<std::string> lost(const Mirror& mirror, const Log& log);
// What the audit does not have yet: rows that the copy lacks, and rows of the copy that the database lost.
[[nodiscard]] std::vector<store::AuditDraft> audit_of(const Mirror& mirror, const Log& log,
                                                      const std::string& database);

}  // namespace pgtend::migrate
