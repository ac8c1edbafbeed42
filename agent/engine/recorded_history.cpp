#include "agent/engine/recorded_history.hpp"

#include <algorithm>

#include "agent/engine/live_range.hpp"

namespace pgtend::engine {

bool RecordedHistory::is_recorded(const std::vector<Matcher>& matchers) const {
  return std::any_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    return matcher.label() == "__name__" && matcher.op() == MatchOp::equal &&
           std::find(names_.begin(), names_.end(), matcher.value()) != names_.end();
  });
}

Result<void> RecordedHistory::record(const RuleSet& rules, TimeRange range, const promql::EvalOptions& options) {
  for (const auto& group : rules.groups)
    for (const auto& loaded : group.rules) {
      const auto& rule = loaded.compiled.rule;
      if (rule.kind != RuleKind::record) continue;
      auto live = live_range(*loaded.expr, *this, range, group.interval, group.limit, options);
      if (!live) return fail(std::move(live.error()), "record " + rule.name);
      for (const auto& series : live->matrix) held_ += series.samples.size();
      if (held_ > options.max_samples)
        return fail(Errc::resource_exhausted, "what " + rule.name + " records does not fit: take a shorter --since");
      if (auto added = add(rule, live->matrix, group.interval, range); !added) return added;
      names_.push_back(rule.name);
    }
  return {};
}

// A series that is not given at one step has ended there, as the agent would have written it.
Result<void> RecordedHistory::add(const Rule& rule, const promql::Matrix& matrix, Millis step, TimeRange range) {
  for (const auto& series : matrix) {
    std::vector<Sample> samples;
    for (const auto& sample : series.samples) {
      if (!samples.empty() && sample.time - samples.back().time > step)
        samples.push_back({samples.back().time + step, stale_marker()});
      samples.push_back(sample);
    }
    if (!samples.empty() && range.to - samples.back().time > step)
      samples.push_back({samples.back().time + step, stale_marker()});
    if (auto added = recorded_.add(recorded_key(rule, series.labels), std::move(samples)); !added)
      return fail(Errc::invalid_argument, "record " + rule.name + ": two elements have the same labels");
  }
  return {};
}

Result<std::vector<SeriesData>> RecordedHistory::select(const std::vector<Matcher>& matchers, TimeRange range,
                                                        std::size_t max_samples) {
  return is_recorded(matchers) ? recorded_.select(matchers, range, max_samples)
                               : below_.select(matchers, range, max_samples);
}

Result<std::vector<SeriesKey>> RecordedHistory::series(const std::vector<Matcher>& matchers, TimeRange range) {
  return is_recorded(matchers) ? recorded_.series(matchers, range) : below_.series(matchers, range);
}

}  // namespace pgtend::engine
