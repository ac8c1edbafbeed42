#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/change/verify/judge.hpp"

namespace pgtend::change {

// All that a verdict is a function of.
struct VerdictEvidence {
  std::vector<StatementWindow> before, after;
  StatementSets sets;
  VerifyOptions options;
  Season season;
};

// As JSON text: numbers only, and equal evidence gives equal text.
[[nodiscard]] std::string evidence_text(const VerdictEvidence& evidence);
// Errors: parse (not of that form; names the part). Not retryable.
[[nodiscard]] Result<VerdictEvidence> parse_evidence(const std::string& text);

// The verdict that this evidence gives.
[[nodiscard]] inline Verdict judge(const VerdictEvidence& evidence) {
  return judge(evidence.before, evidence.after, evidence.sets, evidence.options, evidence.season);
}

}  // namespace pgtend::change
