#include "rules/advisors/choose_indexes.hpp"

#include <algorithm>
#include <optional>

#include "agent/base/units.hpp"
#include "rules/advisors/candidates.hpp"
#include "rules/advisors/compose.hpp"

namespace pgtend::advisors {

namespace {

// A table lives by HOT above this share of its updates. Source: reference tuning.md 2.6.
constexpr double kHotTable = 0.5;
// An index that breaks HOT must save this many times its penalty before a person is asked at all. Source: prior of
// ours: bloat and vacuum, which the penalty leaves out, have cost up to 9 times the WAL of the update (72 -> 669 B).
constexpr double kHotGain = 10;

struct Gain {
  double saved_ms = 0;
  double best = 0;   // largest saving of a statement, ratio
  double worst = 0;  // largest loss of a statement, ratio
  std::int64_t worst_statement = 0;
  double lookups = 0;  // calls that would use it
  bool used = false;
};

// What candidate `at` adds to what the statements cost already.
Gain gain_of(std::size_t at, const std::vector<Priced>& statements, const std::vector<double>& ratio_now) {
  Gain out;
  for (std::size_t q = 0; q < statements.size(); ++q) {
    const auto& statement = statements[q];
    const auto it = statement.ratio.find(at);
    if (it == statement.ratio.end()) continue;
    if (statement.used_by.contains(at)) {
      out.used = true;
      out.lookups += statement.calls;
    }
    if (it->second - 1 > out.worst) {
      out.worst = it->second - 1;
      out.worst_statement = statement.query_id;
    }
    const double saved = ratio_now[q] - it->second;
    if (saved <= 0) continue;
    out.saved_ms += statement.exec_ms * saved;
    out.best = std::max(out.best, saved / ratio_now[q]);
  }
  return out;
}

std::string hot_refusal(const WritePenalty& penalty, const Gain& gain) {
  if (penalty.hot_lost <= 0 || penalty.hot_share <= kHotTable) return {};
  if (gain.lookups > penalty.hot_lost && gain.saved_ms > kHotGain * penalty.ms) return {};
  return "UPDATEs assign " + penalty.assigned.front() + ": " + count(penalty.hot_lost) +
         " HOT updates in the window (" + percent(penalty.hot_share) +
         " of the table's updates are HOT) would write every index, for " + count(gain.lookups) + " lookups";
}

// Why a candidate may not be taken now; empty when it may.
std::string refusal(const Gain& gain, const CandidatePrice& price, double workload_ms, bool first,
                    const AdvisorOptions& options) {
  if (first && !gain.used) return "no plan of a heavy statement uses it";
  if (gain.best < options.min_saving)
    return (first ? "it saves at most " : "on top of what is proposed it saves at most ") + percent(gain.best) +
           " of any statement, less than " + percent(options.min_saving);
  if (gain.worst > options.max_statement_loss)
    return "it makes statement " + std::to_string(gain.worst_statement) + " worse by " + percent(gain.worst);
  if (auto hot = hot_refusal(price.penalty, gain); !hot.empty()) return hot;
  const double net = gain.saved_ms - price.penalty.ms;
  if (net <= 0)
    return "writes would cost " + count(price.penalty.ms) + " ms in the window, more than the " + count(gain.saved_ms) +
           " ms that it saves";
  if (workload_ms > 0 && net / workload_ms < options.min_workload_saving)
    return "it saves " + percent(net / workload_ms) + " of the execution time, less than " +
           percent(options.min_workload_saving);
  return {};
}

bool is_prefix(const IndexCandidate& shorter, const IndexCandidate& longer) {
  return shorter.table_oid == longer.table_oid && shorter.columns.size() < longer.columns.size() &&
         std::equal(shorter.columns.begin(), shorter.columns.end(), longer.columns.begin());
}

}  // namespace

Choice choose_indexes(const std::vector<IndexCandidate>& candidates, const std::vector<CandidatePrice>& prices,
                      const std::vector<Priced>& statements, double workload_ms, const AdvisorOptions& options) {
  Choice out;
  std::vector<double> ratio_now(statements.size(), 1);
  std::map<std::size_t, std::string> why_not;
  std::vector<bool> taken(candidates.size(), false);
  std::map<Oid, int> per_table;
  std::int64_t bytes = 0;
  for (;;) {
    std::optional<std::size_t> best;
    Gain best_gain;
    double best_density = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (taken[i]) continue;
      const Gain gain = gain_of(i, statements, ratio_now);
      auto why = refusal(gain, prices[i], workload_ms, out.chosen.empty(), options);
      if (why.empty() && per_table[candidates[i].table_oid] >= options.max_new_indexes_per_table)
        why = "the table gets " + std::to_string(options.max_new_indexes_per_table) + " new indexes already";
      if (why.empty() && options.index_budget_bytes > 0 && bytes + prices[i].bytes > options.index_budget_bytes)
        why = "its " + format_bytes(static_cast<double>(prices[i].bytes)) + " do not fit the budget";
      if (!why.empty()) {
        // The first reason is the candidate's own; later ones only say that others serve better.
        why_not.emplace(i, std::move(why));
        continue;
      }
      const double density =
          (gain.saved_ms - prices[i].penalty.ms) / static_cast<double>(std::max<std::int64_t>(1, prices[i].bytes));
      if (!best || density > best_density) {
        best = i;
        best_gain = gain;
        best_density = density;
      }
    }
    if (!best) break;
    taken[*best] = true;
    Chosen chosen;
    chosen.candidate = *best;
    chosen.saved_ms = best_gain.saved_ms;
    chosen.breaks_hot = prices[*best].penalty.hot_lost > 0 && prices[*best].penalty.hot_share > kHotTable;
    for (std::size_t q = 0; q < statements.size(); ++q)
      if (const auto it = statements[q].ratio.find(*best); it != statements[q].ratio.end())
        ratio_now[q] = std::min(ratio_now[q], it->second);
    // An index that extends one already chosen replaces it.
    for (auto it = out.chosen.begin(); it != out.chosen.end();) {
      if (!is_prefix(candidates[it->candidate], candidates[*best])) {
        ++it;
        continue;
      }
      why_not[it->candidate] = describe(candidates[*best]) + " starts with the same column and serves more";
      chosen.saved_ms += it->saved_ms;
      bytes -= prices[it->candidate].bytes;
      --per_table[candidates[it->candidate].table_oid];
      it = out.chosen.erase(it);
    }
    bytes += prices[*best].bytes;
    ++per_table[candidates[*best].table_oid];
    out.chosen.push_back(std::move(chosen));
  }
  for (auto& [at, why] : why_not) {
    bool placed = false;
    for (auto& chosen : out.chosen) {
      if (candidates[chosen.candidate].table_oid != candidates[at].table_oid || chosen.candidate == at) continue;
      chosen.refused.push_back({describe(candidates[at]), why});
      placed = true;
      break;
    }
    if (!placed) out.refused.push_back({describe(candidates[at]), std::move(why)});
  }
  return out;
}

}  // namespace pgtend::advisors
