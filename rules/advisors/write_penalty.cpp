#include "rules/advisors/write_penalty.hpp"

#include <algorithm>

namespace pgtend::advisors {

namespace {

// One entry into one index: 235 B of WAL and one leaf touched (measured, reference tuning.md 2.6); the time is a prior
// of ours for a cached leaf, until the ledger has verdicts of this server.
constexpr double kEntryMs = 0.01;

}  // namespace

WritePenalty write_penalty(const IndexCandidate& candidate, const TableDelta& delta, const TableWrites& writes,
                           std::size_t indexes_now) {
  WritePenalty out;
  out.hot_share = delta.updated > 0 ? delta.hot / delta.updated : 0;
  double assigned_rows = 0;
  for (const auto& column : candidate.columns) {
    const auto it = writes.assigned_rows.find(column);
    if (it == writes.assigned_rows.end() || it->second <= 0) continue;
    out.assigned.push_back(column);
    assigned_rows = std::max(assigned_rows, it->second);
  }
  out.hot_lost = std::min(delta.hot, assigned_rows * out.hot_share);
  const double not_hot = std::max(0.0, delta.updated - delta.hot);
  // Without HOT every index of the table, this one included, gets an entry.
  const double entries = delta.inserted + not_hot + out.hot_lost * static_cast<double>(indexes_now + 1);
  out.ms = entries * kEntryMs;
  return out;
}

}  // namespace pgtend::advisors
