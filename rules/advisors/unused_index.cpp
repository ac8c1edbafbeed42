#include "rules/advisors/unused_index.hpp"

#include <algorithm>
#include <unordered_map>

#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/drop_index.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

// How long the counters have been counting.
Millis statistics_age(const DatabaseFacts& before, const DatabaseFacts& now) {
  Millis age{0};
  if (tables_incomparable(before, now).empty()) age = now.taken_at - before.taken_at;
  if (now.stats_reset) age = std::max(age, now.taken_at - *now.stats_reset);
  return age;
}

}  // namespace

Advice unused_index(const DatabaseFacts& before, const DatabaseFacts& now, const AdvisorOptions& options) {
  Advice out;
  const Millis age = statistics_age(before, now);
  if (age < options.unused_index_window) {
    out.refused.push_back({"drop an unused index", "the statistics are " + format_duration(age) +
                                                       " old, the window is " +
                                                       format_duration(options.unused_index_window)});
    return out;
  }
  std::unordered_map<Oid, const IndexFact*> known;
  for (const auto& index : before.indexes) known.emplace(index.oid, &index);
  std::size_t looked_at = 0;
  for (const auto& index : now.indexes) {
    const auto earlier = known.find(index.oid);
    const IndexFact* was = earlier == known.end() ? nullptr : earlier->second;
    const bool flat = was != nullptr && was->idx_scan == index.idx_scan && was->idx_tup_read == index.idx_tup_read &&
                      now.taken_at - before.taken_at >= options.unused_index_window &&
                      tables_incomparable(before, now).empty();
    const bool never = index.idx_scan == 0 && index.idx_tup_read == 0;
    if (!never && !flat) continue;
    ++looked_at;
    const std::string what = "drop " + qualified(index);
    if (was == nullptr) {
      out.refused.push_back({what, "it is new since the last reading"});
      continue;
    }
    if (!index.is_valid) {
      out.refused.push_back({what, "it is invalid: another check reports it"});
      continue;
    }
    if (auto why = must_stay(index, now, false); !why.empty()) {
      out.refused.push_back({what, std::move(why)});
      continue;
    }
    if (index.bytes < options.min_unused_index_bytes) {
      out.refused.push_back({what, "it takes only " + format_bytes(static_cast<double>(index.bytes))});
      continue;
    }
    Finding finding =
        make_finding("unused_index", now, qualified(index), Severity::info,
                     "No scan has used index " + qualified(index) + " for " + format_duration(age) + ".",
                     {{"scans", static_cast<double>(index.idx_scan), "scans", "pg_stat_user_indexes"},
                      {"age of the statistics", static_cast<double>(age.count()) / 1000, "seconds", "pg_stat_database"},
                      {"size of the index", static_cast<double>(index.bytes), "bytes", "pg_class"}});
    out.findings.push_back(finding);
    auto recommendation = recommend_drop("unused_index", before, now, index, std::move(finding));
    if (index.has_expressions)
      recommendation.refused.push_back(
          {"drop it without a word",
           "it is an expression index: the planner loses its statistics (CREATE STATISTICS)"});
    recommendation.refused.push_back({"keep it",
                                      "it is written on every insert and read by nothing on this server; scans on "
                                      "standbys are not in these statistics"});
    offer(out, std::move(recommendation), options);
  }
  if (looked_at == 0) out.refused.push_back({"drop an unused index", "every index was scanned in the window"});
  return out;
}

}  // namespace pgtend::advisors
