#include "agent/engine/rule_series.hpp"

#include "alerts/shipped.hpp"

namespace pgtend::engine {

namespace {

double series_of(const LoadedRule& rule, HistoryReader& reader, TimeRange range) {
  double count = 0;
  for (const auto& metric : rule.metrics) {
    auto matcher = Matcher::make("__name__", MatchOp::equal, metric);
    const auto found = matcher ? reader.series({*matcher}, range) : fail(std::move(matcher.error()));
    count += found ? static_cast<double>(found->size()) : 1;
  }
  return count;
}

}  // namespace

std::map<Labels, double> count_rule_series(const RuleSet& rules, const std::set<Labels>& fired, HistoryReader& reader,
                                           std::optional<UtcTime> oldest, UtcTime now) {
  const TimeRange range{now - kRuleSeriesRange, now};
  std::map<Labels, double> out;
  if (!oldest || *oldest > range.from) return out;
  for (const auto& group : rules.groups) {
    if (group.file.starts_with(embedded::kShippedRules)) continue;
    for (const auto& rule : group.rules) {
      Labels labels{{"rule", rule.compiled.rule.name}, {"group", rule.compiled.group}};
      if (rule.metrics.empty() || fired.contains(labels)) continue;
      out[std::move(labels)] = series_of(rule, reader, range);
    }
  }
  return out;
}

}  // namespace pgtend::engine
