#include "agent/change/verify/index_number.hpp"

#include <algorithm>
#include <cmath>

namespace pgtend::change {
namespace {

// A window without a single buffer must not become minus infinity.
constexpr double kSmallest = 1e-6;
// A statement with less WAL per call does not write, it prunes or sets hint bits now and then: a HOT update is 72
// bytes.
constexpr double kLeastWal = 40;

void add(StatementCounts& to, const StatementCounts& from) {
  to.calls += from.calls;
  to.exec_ms += from.exec_ms;
  to.buffers += from.buffers;
  to.wal_bytes += from.wal_bytes;
  to.rows += from.rows;
}

}  // namespace

std::string_view to_string(Metric metric) {
  switch (metric) {
    case Metric::buffers:
      return "buffers per call";
    case Metric::wal_bytes:
      return "WAL bytes per call";
    case Metric::exec_ms:
      return "milliseconds per call";
  }
  return "";
}

double amount_of(const StatementCounts& counts, Metric metric) {
  switch (metric) {
    case Metric::buffers:
      return counts.buffers;
    case Metric::wal_bytes:
      return counts.wal_bytes;
    case Metric::exec_ms:
      return counts.exec_ms;
  }
  return 0;
}

Baseline::Baseline(const std::vector<StatementWindow>& before, const std::vector<std::int64_t>& ids, Metric metric)
    : metric_(metric) {
  std::map<std::int64_t, Entry> sums;
  for (const auto& window : before)
    for (const auto id : ids) {
      const auto it = window.statements.find(id);
      if (it == window.statements.end() || it->second.calls <= 0) continue;
      sums[id].calls += it->second.calls;
      sums[id].cost += amount_of(it->second, metric);
    }
  for (auto& [id, entry] : sums) {
    entry.cost /= entry.calls;
    if (entry.cost > (metric == Metric::wal_bytes ? kLeastWal : 0)) statements_[id] = entry;
  }
}

std::optional<double> Baseline::index_of(const std::map<std::int64_t, StatementCounts>& window) const {
  double now = 0, was = 0;
  for (const auto& [id, entry] : statements_) {
    const auto it = window.find(id);
    if (it == window.end() || it->second.calls <= 0) continue;
    now += entry.calls * amount_of(it->second, metric_) / it->second.calls;
    was += entry.calls * entry.cost;
  }
  if (was <= 0) return std::nullopt;
  return std::max(kSmallest, now / was);
}

std::vector<double> log_ratios(const std::vector<StatementWindow>& windows, const Baseline& target,
                               const Baseline* control) {
  std::vector<double> out;
  for (const auto& window : windows) {
    const auto t = target.index_of(window.statements);
    if (!t) continue;
    double value = std::log(*t);
    if (control != nullptr) {
      const auto c = control->index_of(window.statements);
      if (!c) continue;
      value -= std::log(*c);
    }
    out.push_back(value);
  }
  return out;
}

std::vector<StatementWindow> blocks_of(const std::vector<StatementWindow>& windows, Millis block) {
  std::vector<StatementWindow> out;
  if (windows.empty() || block.count() <= 0) return windows;
  const UtcTime first = windows.front().start;
  std::int64_t number = -1;
  for (const auto& window : windows) {
    const std::int64_t mine = (window.start - first) / block;
    if (mine != number) {
      number = mine;
      out.push_back({window.start, Millis(0), {}});
    }
    out.back().length += window.length;
    for (const auto& [id, counts] : window.statements) add(out.back().statements[id], counts);
  }
  std::erase_if(out, [&](const StatementWindow& each) { return each.length * 2 < block; });
  return out;
}

}  // namespace pgtend::change
