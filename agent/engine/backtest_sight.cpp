#include "agent/engine/backtest_sight.hpp"

#include <algorithm>
#include <limits>

#include "agent/base/units.hpp"

namespace pgtend::engine {

namespace {

// The shortest range that an expression reads; the longest duration: it reads none.
Millis shortest_range(const promql::Expr& expr) {
  Millis out{std::numeric_limits<std::int64_t>::max()};
  if (const auto* matrix = std::get_if<promql::MatrixSelector>(&expr.node)) out = matrix->range;
  for (const auto* part : promql::children(expr)) out = std::min(out, shortest_range(*part));
  return out;
}

std::set<std::string> collectors_of(const LoadedRule& rule, const Sight& sight) {
  std::set<std::string> out;
  for (const auto* names : {&rule.metrics, &rule.shown, &rule.denied})
    for (const auto& name : *names)
      if (const auto found = sight.collectors.find(name); found != sight.collectors.end())
        out.insert(found->second.begin(), found->second.end());
  return out;
}

// What never worked is missed by nobody.
bool blinds(const Gap& gap, const std::set<std::string>& collectors, UtcTime from) {
  if (gap.collector == "*") return true;
  if (!collectors.contains(gap.collector) || gap.reason == to_string(CollectStatus::unsupported)) return false;
  return gap.reason != to_string(CollectStatus::permission) || gap.range.from > from;
}

void join(std::vector<TimeRange>& ranges, Millis step) {
  std::ranges::sort(ranges, {}, &TimeRange::from);
  std::vector<TimeRange> out;
  for (const auto& range : ranges) {
    if (out.empty() || range.from > out.back().to + step) {
      out.push_back(range);
    } else {
      out.back().to = std::max(out.back().to, range.to);
    }
  }
  ranges = std::move(out);
}

}  // namespace

Darkness darkness_of(const LoadedRule& rule, const std::vector<Gap>& gaps, TimeRange range, Millis step,
                     const Sight& sight) {
  Darkness out;
  // Both ends of a stretch are outside of it.
  const auto until = [&](UtcTime to) { out.ranges.push_back({range.from - step, to}); };
  if (sight.history_from && *sight.history_from > range.from) until(*sight.history_from);
  if (sight.fine_from && *sight.fine_from > std::max(range.from, sight.history_from.value_or(range.from))) {
    // A rate takes two values.
    const Millis shortest = shortest_range(*rule.expr);
    const auto before =
        "before " + to_rfc3339(*sight.fine_from) + " history holds one value per " + format_duration(sight.coarse);
    if (shortest < 2 * sight.coarse) {
      until(*sight.fine_from);
      out.notes.push_back(before + ", too few for [" + format_duration(shortest) + "]: it is tested from then on");
    } else {
      out.notes.push_back(before + ": shorter peaks are not in it");
    }
  }
  const auto collectors = collectors_of(rule, sight);
  // Of several databases the one that was dark for longest tells enough.
  std::map<std::string, std::map<std::string, Millis>> dark;
  for (const auto& gap : gaps) {
    if (!blinds(gap, collectors, range.from)) continue;
    if (gap.collector == "*") {
      out.ranges.push_back(gap.range);
      continue;
    }
    // It begins with the run that failed, and ends with one that did not.
    out.ranges.push_back({gap.range.from - Millis(1), gap.range.to});
    dark[gap.collector][gap.database] += std::min(gap.range.to, range.to) - std::max(gap.range.from, range.from);
  }
  for (const auto& [collector, lengths] : dark) {
    Millis longest{0};
    for (const auto& [database, length] : lengths) longest = std::max(longest, length);
    out.notes.push_back("the collector " + collector + " gave nothing for " + format_duration(longest) +
                        ": alerts are held as they were");
  }
  join(out.ranges, step);
  return out;
}

}  // namespace pgtend::engine
