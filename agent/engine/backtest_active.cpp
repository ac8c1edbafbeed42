#include "agent/engine/backtest_active.hpp"

#include <algorithm>
#include <set>

#include "agent/engine/live_range.hpp"
#include "agent/engine/past_history.hpp"
#include "agent/engine/text_queries.hpp"
#include "alerts/alert_labels.hpp"

namespace pgtend::engine {

namespace {

// Length of history evaluated at a time, so that samples held in memory do not grow with the range.
constexpr Millis kChunk{6LL * 3'600'000};
// Labels expanded between two looks at the clock: a few milliseconds.
constexpr std::size_t kLookEvery = 1'024;

class Search {
 public:
  Search(const alerts::CompiledRule& rule, HistoryReader& history, const ActiveSearch& search)
      : rule_(rule), history_(history), search_(search) {
    // Annotations say nothing about which alert it is, and may ask history.
    rule_.annotations.clear();
    const auto& labels = rule.rule.labels;
    changing_ = std::any_of(labels.begin(), labels.end(), [](const auto& label) { return changes(label.second); });
  }

  Result<void> add(promql::Series& series) {
    held_ += series.samples.size();
    if (held_ > search_.eval.max_samples)
      return fail(Errc::resource_exhausted,
                  "the rule is true so often that its moments do not fit: take a shorter --since");
    if (series.samples.empty()) return {};
    const auto [known, fresh] = numbers_.try_emplace(series.labels, out_.series.size());
    if (fresh) out_.series.push_back(series.labels);
    if (!changing_) {
      auto& moments = out_.alerts[labels_of(series.labels, series.samples.front())];
      for (const auto& sample : series.samples) moments.push_back({sample, known->second});
      return {};
    }
    for (const auto& sample : series.samples) {
      if (++expanded_ % kLookEvery == 0 && late())
        return fail(Errc::timeout, "expanding the rule's labels took too long");
      out_.alerts[labels_of(series.labels, sample)].push_back({sample, known->second});
    }
    return {};
  }

  void know_nothing(UtcTime at) { out_.unknown.push_back(at); }

  // Several series may make one alert, but not at one moment: such an evaluation is an error, and tells nothing.
  ActiveTimes finish() {
    std::set<UtcTime> alike;
    for (auto& [labels, moments] : out_.alerts) {
      const auto time = [](const Moment& one) { return one.sample.time; };
      if (!std::ranges::is_sorted(moments, {}, time)) std::ranges::stable_sort(moments, {}, time);
      for (std::size_t i = 1; i < moments.size(); ++i)
        if (time(moments[i]) == time(moments[i - 1])) alike.insert(time(moments[i]));
    }
    if (alike.empty()) return std::move(out_);
    for (auto& [labels, moments] : out_.alerts)
      std::erase_if(moments, [&](const Moment& one) { return alike.contains(one.sample.time); });
    out_.alike = alike.size();
    out_.unknown.insert(out_.unknown.end(), alike.begin(), alike.end());
    std::ranges::sort(out_.unknown);
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool late() const {
    return search_.eval.deadline && search_.eval.clock->steady_now() >= *search_.eval.deadline;
  }

  Labels labels_of(const Labels& series, const Sample& sample) {
    alerts::Evaluation evaluation;
    evaluation.firing.push_back({series, sample.value});
    evaluation.external_url = search_.external_url;
    alerts::add_labels(evaluation, search_.alert_labels);
    PastHistory past(history_, sample.time);
    if (changing_) answer_texts(rule_, evaluation, search_.external_labels, past, sample.time, search_.eval);
    return alerts::alert_labels(rule_, evaluation.firing.front(), evaluation, search_.external_labels);
  }

  alerts::CompiledRule rule_;
  HistoryReader& history_;
  const ActiveSearch& search_;
  bool changing_ = false;
  std::size_t held_ = 0, expanded_ = 0;
  std::map<Labels, std::size_t> numbers_;  // of the series
  ActiveTimes out_;
};

}  // namespace

bool changes(const std::string& label) {
  return label.find("{{") != std::string::npos;
}

Result<ActiveTimes> active_times(const promql::Expr& expr, const alerts::CompiledRule& rule, HistoryReader& history,
                                 const ActiveSearch& search) {
  Search out(rule, history, search);
  const UtcTime from_first = search.range.from - search.query_offset, to_last = search.range.to - search.query_offset;
  for (UtcTime from = from_first; from <= to_last;) {
    // Chunks begin at a multiple of the step, so that the moments are the same as without chunks.
    const Millis whole = std::max(search.step, kChunk / search.step * search.step);
    const UtcTime to = std::min(to_last, from + whole - search.step);
    auto live = live_range(expr, history, {from, to}, search.step, search.limit, search.eval);
    if (!live) return fail(std::move(live.error()));
    for (const UtcTime at : live->over_limit) out.know_nothing(at + search.query_offset);
    for (auto& series : live->matrix) {
      for (auto& sample : series.samples) sample.time += search.query_offset;
      if (auto added = out.add(series); !added) return fail(std::move(added.error()));
    }
    from = to + search.step;
  }
  return out.finish();
}

}  // namespace pgtend::engine
