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
// The normal quantile of 0.95: pg_stat_statements has mean and deviation of a statement, no percentiles.
constexpr double kP95 = 1.6448536269514722;

// Sum of the squared distances of a statement's calls from their mean; at least 0, against rounding.
double squared_distances(const StatementCounts& counts) {
  if (counts.calls <= 0) return 0;
  return std::max(0.0, counts.exec_squares - counts.exec_ms * counts.exec_ms / counts.calls);
}

void add(StatementCounts& to, const StatementCounts& from) {
  to.calls += from.calls;
  to.exec_ms += from.exec_ms;
  to.buffers += from.buffers;
  to.wal_bytes += from.wal_bytes;
  to.rows += from.rows;
  to.exec_squares += from.exec_squares;
}

}  // namespace

double call_deviation(const StatementCounts& counts) {
  return counts.calls > 0 ? std::sqrt(squared_distances(counts) / counts.calls) : 0;
}

std::string_view to_string(Metric metric) {
  switch (metric) {
    case Metric::buffers:
      return "buffers per call";
    case Metric::wal_bytes:
      return "WAL bytes per call";
    case Metric::exec_ms:
      return "milliseconds per call";
    case Metric::exec_p95_ms:
      return "p95 milliseconds";
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
    case Metric::exec_p95_ms:
      return counts.exec_ms + kP95 * counts.calls * call_deviation(counts);
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

double call_variance(const std::vector<StatementWindow>& windows, const Baseline& baseline) {
  double index = 0, variance = 0;
  for (const auto& [id, entry] : baseline.statements()) {
    // Within each window only: what moves from one to the next is what the blocks show.
    double calls = 0, spent = 0, distances = 0;
    for (const auto& window : windows)
      if (const auto it = window.statements.find(id); it != window.statements.end() && it->second.calls > 0) {
        calls += it->second.calls;
        spent += it->second.exec_ms;
        distances += squared_distances(it->second);
      }
    if (calls <= 0) continue;
    index += entry.calls * spent / calls;
    variance += entry.calls * entry.calls * distances / calls / calls;
  }
  return index > 0 ? variance / (index * index) : 0;
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
      out.push_back({window.start, Millis(0), {}, false});
    }
    out.back().length += window.length;
    for (const auto& [id, counts] : window.statements) add(out.back().statements[id], counts);
  }
  std::erase_if(out, [&](const StatementWindow& each) { return each.length * 2 < block; });
  return out;
}

}  // namespace pgtend::change
