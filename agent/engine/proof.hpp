#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/store/ledger.hpp"

// A change as one file that proves itself: what was done, why, with which verdict, out of which numbers, and the part
// of the audit that tells of it.
namespace pgtend::engine {

struct ProofOrigin {
  std::string version, instance;  // of the agent; name of the server
  UtcTime made_at;
};

// The file's text: JSON whose only spelling is this one. REQUIRES: the store thread.
// Errors: those of Ledger::proof_rows.
[[nodiscard]] Result<std::string> make_proof(store::Ledger& ledger, const std::string& id, const ProofOrigin& origin);

// One thing that was checked.
struct ProofCheck {
  std::string what;
  bool ok = false;
  std::string detail;  // what was found, or what differs
};

struct ProofReport {
  bool ok = false;     // every check holds
  bool whole = false;  // and nothing was missing: evidence of a verdict that was measured
  std::string change_id, state, object, verdict;
  std::string instance, version, made_at;
  std::int64_t head_sequence = 0;  // of the audit; to be compared with the ledger or a copy kept elsewhere
  std::string head_hash;
  std::vector<ProofCheck> checks;
};

// Checks a proof with nothing but itself: the spelling and hash of the file, the audit's chain, that the chain vouches
// for the change, the change's plan for its hash, the change for its evidence, and the evidence for the verdict, which
// is computed anew. A proof that does not hold is a value. Errors: parse (no proof of pgtend; another version's).
[[nodiscard]] Result<ProofReport> verify_proof(const std::string& text);

}  // namespace pgtend::engine
