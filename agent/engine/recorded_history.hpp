#pragma once

#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/memory_history.hpp"

namespace pgtend::engine {

// A history as it would be if rules that are only tried out had recorded all the while: what they record is computed
// over the range, and takes the place of what is stored under those names. One thread, as the history below.
class RecordedHistory final : public HistoryReader {
 public:
  explicit RecordedHistory(HistoryReader& below) : below_(below) {}

  // Computes what the rules record, in their order. Errors: those of the evaluation with the rule's name,
  // resource_exhausted when it is more than one query may hold.
  Result<void> record(const RuleSet& rules, TimeRange range, const promql::EvalOptions& options);

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override;
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override;
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return below_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return below_.gaps(range); }
  void hint(const ReadHints& hints) override { below_.hint(hints); }

 private:
  Result<void> add(const Rule& rule, const promql::Matrix& matrix, Millis step, TimeRange range);
  [[nodiscard]] bool is_recorded(const std::vector<Matcher>& matchers) const;

  HistoryReader& below_;
  promql::MemoryHistory recorded_;
  std::vector<std::string> names_;
  std::size_t held_ = 0;
};

}  // namespace pgtend::engine
