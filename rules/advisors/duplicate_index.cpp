#include "rules/advisors/duplicate_index.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/drop_index.hpp"

namespace pgtend::advisors {

namespace {

// A longer index replaces a shorter one only while it stays about as cheap to scan. Source: reference tuning.md R7.
constexpr std::size_t kMaxExtraColumns = 2;
constexpr std::int64_t kMaxTimesLarger = 3;

// The one to keep has the highest rank. Which of two equal ones the planner takes is chance and changes: their scans
// must not decide, or each is to go in its turn.
auto rank(const IndexFact& index) {
  const int bound = index.is_primary                                                  ? 4
                    : index.is_unique || index.backs_constraint || index.is_exclusion ? 3
                    : index.is_replica_identity || index.is_clustered                 ? 2
                    : index.is_partition_child || index.extension_owned               ? 1
                                                                                      : 0;
  return std::pair(bound, -static_cast<std::int64_t>(index.oid));
}

// "a, b DESC" of "CREATE INDEX x ON t USING btree (a, b DESC) WHERE …"; empty when it cannot be told simply.
std::string key_text(const IndexFact& index) {
  const std::string head = " USING btree (";
  const auto from = index.definition.find(head);
  if (from == std::string::npos) return {};
  const auto begin = from + head.size();
  const auto end = index.definition.find(')', begin);
  // Expressions and parametrised operator classes have parentheses of their own.
  if (end == std::string::npos || index.definition.find('(', begin) < end) return {};
  return index.definition.substr(begin, end - begin);
}

bool plain_tree(const IndexFact& index) {
  return index.method == "btree" && index.is_valid && index.is_ready && !index.is_partial && !index.has_expressions;
}

// Whether every search of `shorter` can go to `longer`, with the same operator classes and directions.
bool starts_with(const IndexFact& longer, const IndexFact& shorter) {
  if (!plain_tree(longer) || !plain_tree(shorter) || longer.table_oid != shorter.table_oid) return false;
  if (!shorter.include_columns.empty() || longer.key_columns.size() <= shorter.key_columns.size()) return false;
  if (longer.key_columns.size() + longer.include_columns.size() > shorter.key_columns.size() + kMaxExtraColumns)
    return false;
  if (longer.bytes > kMaxTimesLarger * std::max<std::int64_t>(shorter.bytes, 1)) return false;
  const std::string a = key_text(shorter), b = key_text(longer);
  return !a.empty() && b.starts_with(a + ", ");
}

void propose(Advice& advice, const DatabaseFacts& before, const DatabaseFacts& now, const IndexFact& index,
             const IndexFact& keeper, const std::string& how, const AdvisorOptions& options) {
  if (index.bytes < options.min_duplicate_index_bytes) {
    advice.refused.push_back(
        {"drop " + qualified(index), "it takes only " + format_bytes(static_cast<double>(index.bytes))});
    return;
  }
  if (auto why = must_stay(index, now, true); !why.empty()) {
    advice.refused.push_back({"drop " + qualified(index) + ", " + how + " " + qualified(keeper), std::move(why)});
    return;
  }
  Finding finding =
      make_finding("duplicate_index", now, qualified(index), Severity::warning,
                   "Index " + qualified(index) + " " + how + " " + qualified(keeper) + "; every write pays for both.",
                   {{"size of the index", static_cast<double>(index.bytes), "bytes", "pg_class"},
                    {"its scans", static_cast<double>(index.idx_scan), "scans", "pg_stat_user_indexes"},
                    {"scans of the one that stays", static_cast<double>(keeper.idx_scan), "scans", qualified(keeper)}});
  advice.findings.push_back(finding);
  auto out = recommend_drop("duplicate_index", before, now, index, std::move(finding));
  out.risk = Risk::low;
  std::get<IndexChange>(out.change.detail).served_by = keeper.name;
  const bool equal = keeper.signature == index.signature;
  auto why_not = must_stay(keeper, now, false);
  if (why_not.empty())
    why_not = equal ? "it serves all that the other does, and of two equal ones the older stays"
                    : "it serves all that the other does, and more";
  out.refused.push_back({"drop " + qualified(keeper), std::move(why_not)});
  offer(advice, std::move(out), options);
}

}  // namespace

Advice duplicate_index(const DatabaseFacts& before, const DatabaseFacts& now, const AdvisorOptions& options) {
  Advice out;
  std::map<std::pair<Oid, std::string>, std::vector<const IndexFact*>> groups;
  std::unordered_map<Oid, std::vector<const IndexFact*>> of_table;
  for (const auto& index : now.indexes) of_table[index.table_oid].push_back(&index);
  for (const auto& index : now.indexes) {
    if (!index.is_valid || !index.is_ready || index.signature.empty()) continue;
    groups[{index.table_oid, index.signature}].push_back(&index);
  }
  std::set<Oid> going;
  for (auto& [key, group] : groups) {
    std::stable_sort(group.begin(), group.end(), [](const auto* a, const auto* b) { return rank(*a) > rank(*b); });
    for (std::size_t i = 1; i < group.size(); ++i) {
      going.insert(group[i]->oid);
      propose(out, before, now, *group[i], *group.front(), "has the same keys as", options);
    }
  }
  for (const auto& shorter : now.indexes) {
    if (going.contains(shorter.oid)) continue;
    for (const auto* longer : of_table[shorter.table_oid]) {
      if (going.contains(longer->oid) || !starts_with(*longer, shorter)) continue;
      going.insert(shorter.oid);
      propose(out, before, now, shorter, *longer, "is the beginning of", options);
      break;
    }
  }
  if (going.empty())
    out.refused.push_back({"drop a duplicate index",
                           "none of " + count(static_cast<double>(now.indexes.size())) + " indexes repeats another"});
  return out;
}

}  // namespace pgtend::advisors
