#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/change.hpp"
#include "agent/store/ledger_types.hpp"

// What the ledger holds of one change, byte for byte, so that somebody without the ledger can check it.
namespace pgtend::store {

// The stored row of a change; `body` is its JSON.
struct ChangeRow {
  std::string id, state, final, created_at, updated_at, body;
};

// An audit row with the digest of the row that its act wrote ("ID SHA-256"; empty: none).
struct AuditRow {
  AuditEntry entry;
  std::string row_digest;
};

struct ProofRows {
  ChangeRow change;
  std::string evidence;            // as put_evidence stored it; empty: none is kept
  std::vector<AuditRow> audit;     // without a gap from the first row that tells of the change to the last
  std::int64_t head_sequence = 0;  // of the whole audit, when this was read
  std::string head_hash;
};

// What the audit keeps of this row: "ID SHA-256".
[[nodiscard]] std::string digest_of(const ChangeRow& row);
// The hash that this row must have.
[[nodiscard]] std::string hash_of(const AuditRow& row);
// Errors: corrupt (no change of this version of pgtend).
[[nodiscard]] Result<Change> change_of(const ChangeRow& row);
// SHA-256 of a text, 64 hex digits.
[[nodiscard]] std::string sha256_of(const std::string& text);

// The largest evidence of one change that is kept, and of all: a verdict over an hour takes some 50 kB.
inline constexpr std::size_t kMostEvidence = 4u << 20, kMostEvidenceOfAll = 64u << 20;

}  // namespace pgtend::store
