#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rules/advisors/missing_index.hpp"
#include "rules/advisors/write_penalty.hpp"

// Inside rules/advisors: which candidates are worth building, as numbers only.
namespace pgtend::advisors {

// One statement of the workload with its price under each candidate, alone, as a ratio of its price now.
struct Priced {
  std::int64_t query_id = 0;
  double exec_ms = 0, calls = 0;  // in the window
  double cost_before = 0;
  std::map<std::size_t, double> ratio;  // by candidate
  std::set<std::size_t> used_by;        // candidates that its plan takes
};

struct CandidatePrice {
  std::int64_t bytes = 0;
  WritePenalty penalty;
};

struct Chosen {
  std::size_t candidate = 0;
  double saved_ms = 0;  // in the window, before the penalty
  bool breaks_hot = false;
  std::vector<RefusedAlternative> refused;
};

struct Choice {
  std::vector<Chosen> chosen;  // best first
  std::vector<RefusedAlternative> refused;
};

// Greedy: the best (saving - penalty) per byte first, each next one counted on top of those before it. A statement's
// price under several indexes is at most its price under the best of them, so the sum never promises too much.
[[nodiscard]] Choice choose_indexes(const std::vector<IndexCandidate>& candidates,
                                    const std::vector<CandidatePrice>& prices, const std::vector<Priced>& statements,
                                    double workload_ms, const AdvisorOptions& options);

}  // namespace pgtend::advisors
