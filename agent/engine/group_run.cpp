#include "agent/engine/group_run.hpp"

#include <algorithm>

#include "agent/engine/cost_account.hpp"
#include "agent/engine/fresh_history.hpp"
#include "agent/engine/text_queries.hpp"

namespace pgtend::engine {

namespace {

bool records(const LoadedRule& rule) {
  return rule.compiled.rule.kind == RuleKind::record;
}

Result<std::vector<alerts::Firing>> elements(const promql::Expr& expr, HistoryReader& history, UtcTime at,
                                             const promql::EvalOptions& options) {
  auto value = promql::evaluate(expr, history, at, options);
  if (!value) return fail(std::move(value.error()));
  std::vector<alerts::Firing> out;
  if (auto* vector = std::get_if<promql::Vector>(&*value)) {
    for (auto& element : *vector) out.push_back({std::move(element.labels), element.value});
  } else if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) {
    out.push_back({Labels{}, scalar->value});
  }
  return out;
}

alerts::Evaluation unknown(std::string why, bool blind) {
  alerts::Evaluation out;
  out.known = false;
  out.why_unknown = std::move(why);
  out.blind = blind;
  return out;
}

// Whether what the rules record as `from` is made of `to`, by however many rules. Where two are made of each other,
// each has to begin with what there is.
bool is_made_of(const RuleSet& rules, const std::string& from, const std::string& to) {
  std::set<std::string> seen;
  std::vector<std::string> open{from};
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (name == to) return true;
    if (!seen.insert(name).second) continue;
    for (const auto& group : rules.groups)
      for (const auto& rule : group.rules)
        if (records(rule) && rule.compiled.rule.name == name)
          open.insert(open.end(), rule.metrics.begin(), rule.metrics.end());
  }
  return false;
}

class Run {
 public:
  Run(const GroupTask& task, HistoryReader& history, const promql::EvalOptions& options)
      : task_(task),
        group_(task.rules->groups[task.group]),
        history_(history, task.unread),
        options_(options),
        untrusted_(task.untrusted),
        at_(task.at - group_.query_offset) {}

  alerts::Evaluation evaluate(std::size_t place) {
    const auto& rule = group_.rules[place];
    auto out = answer(place);
    if (auto over = over_limit(group_, out.firing.size()); out.known && !over.empty())
      out = unknown(std::move(over), false);
    if (records(rule)) {
      record(place, out);
    } else if (out.known) {
      alerts::add_labels(out, task_.alert_labels);
      out.external_url = task_.external_url;
      answer_texts(rule.compiled, out, task_.external_labels, history_, at_, options_);
    }
    return out;
  }
  [[nodiscard]] const std::vector<SeriesKey>& recorded() const { return recorded_; }

 private:
  alerts::Evaluation answer(std::size_t place) {
    const auto& rule = group_.rules[place];
    if (!task_.blind[place].empty()) return unknown(task_.blind[place], true);
    for (const auto& metric : rule.metrics) {
      const auto found = untrusted_.find(metric);
      if (found == untrusted_.end()) continue;
      if (records(rule) && is_made_of(*task_.rules, metric, rule.compiled.rule.name)) continue;
      return unknown(metric + ": " + found->second.why, found->second.blind);
    }
    auto values = elements(*rule.expr, history_, at_, options_);
    if (!values) return unknown(values.error().describe(), false);
    // That it gives nothing is so whatever else there is.
    if (!values->empty() && place < task_.denied.size() && !task_.denied[place].empty())
      return unknown(task_.denied[place], true);
    alerts::Evaluation out;
    out.firing = std::move(*values);
    if (place < task_.left_out.size()) out.left_out = task_.left_out[place];
    const auto* compared = task_.fires[place] ? promql::compared_value(*rule.expr) : nullptr;
    if (compared == nullptr) return out;
    // Without it the message says less; that is no reason to know nothing.
    if (auto others = elements(*compared, history_, at_, options_)) out.compared = std::move(*others);
    if (rule.resolve == nullptr) return out;
    auto may_end = elements(*rule.resolve, history_, at_, options_);
    if (!may_end) return unknown(std::string(alerts::kResolveExpr) + ": " + may_end.error().describe(), false);
    out.may_end = std::move(*may_end);
    return out;
  }

  // For the rules that follow. A series that the rule does not give any more has ended for them, too.
  void record(std::size_t place, alerts::Evaluation& evaluation) {
    const auto& rule = group_.rules[place].compiled.rule;
    recorded_ = place < task_.recorded.size() ? task_.recorded[place] : std::vector<SeriesKey>();
    std::set<SeriesKey> keys;
    for (const auto& element : evaluation.firing)
      if (!keys.insert(recorded_key(rule, element.labels)).second) {
        evaluation = unknown(kRecordsAlike, false);
        break;
      }
    if (!evaluation.known) {
      untrusted_[rule.name] = {evaluation.why_unknown, evaluation.blind};
      failed_.insert(rule.name);
      return;
    }
    // Another rule of the group may record more of the same metric.
    if (!failed_.contains(rule.name)) untrusted_.erase(rule.name);
    for (const auto& before : recorded_)
      if (!keys.contains(before)) history_.put(before, {at_, stale_marker()});
    for (const auto& element : evaluation.firing)
      history_.put(recorded_key(rule, element.labels), {at_, element.value});
    recorded_.assign(keys.begin(), keys.end());
  }

  const GroupTask& task_;
  const LoadedGroup& group_;
  FreshHistory history_;
  const promql::EvalOptions& options_;
  UntrustedRecords untrusted_;
  std::set<std::string> failed_;
  UtcTime at_;
  std::vector<SeriesKey> recorded_;
};

}  // namespace

GroupResult run_group(const GroupTask& task, HistoryReader& history, const promql::EvalOptions& options) {
  GroupResult out;
  out.rules = task.rules;
  out.group = task.group;
  out.at = task.at;
  const auto spent = thread_cpu_time();
  Run run(task, history, options);
  for (std::size_t i = 0; i < task.rules->groups[task.group].rules.size(); ++i) {
    const bool its_turn = task.only.empty() || task.only.contains(i);
    const Deadline began = options.clock->steady_now();
    out.evaluations.push_back(its_turn ? std::optional(run.evaluate(i)) : std::nullopt);
    out.took.push_back(options.clock->steady_now() - began);
    const bool recorded = its_turn && records(task.rules->groups[task.group].rules[i]);
    out.recorded.push_back(recorded ? run.recorded() : std::vector<SeriesKey>());
  }
  out.cpu = thread_cpu_time() - spent;
  return out;
}

SnapshotPtr recorded_samples(const GroupResult& result) {
  const auto& group = result.rules->groups[result.group];
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->collector = "rules/" + group.id;
  snapshot->taken_at = result.at - group.query_offset;
  snapshot->interval = group.interval;
  bool any = false;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i];
    if (!records(rule) || !result.evaluations[i]) continue;
    any = true;
    const auto& evaluation = *result.evaluations[i];
    // What a rule without an answer recorded before has not ended.
    if (!evaluation.known) {
      snapshot->status = CollectStatus::error;
      snapshot->detail = rule.compiled.rule.name + ": " + evaluation.why_unknown;
      continue;
    }
    for (const auto& element : evaluation.firing)
      snapshot->samples.push_back(
          {recorded_key(rule.compiled.rule, element.labels), element.value, MetricKind::gauge, 0});
  }
  return any ? SnapshotPtr(std::move(snapshot)) : nullptr;
}

void note_records(const GroupResult& result, UntrustedRecords& untrusted) {
  const auto& group = result.rules->groups[result.group];
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    if (!records(group.rules[i]) || !result.evaluations[i]) continue;
    untrusted.erase(group.rules[i].compiled.rule.name);
  }
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    if (!records(group.rules[i]) || !result.evaluations[i] || result.evaluations[i]->known) continue;
    const auto& evaluation = *result.evaluations[i];
    untrusted[group.rules[i].compiled.rule.name] = {evaluation.why_unknown, evaluation.blind};
  }
}

UntrustedRecords records_of(const RuleSet& rules, const RuleSet& before, const UntrustedRecords& known) {
  std::set<std::string> old;
  for (const auto& group : before.groups)
    for (const auto& rule : group.rules)
      if (records(rule)) old.insert(rule.compiled.rule.name);
  UntrustedRecords out;
  for (const auto& group : rules.groups)
    for (const auto& rule : group.rules) {
      if (!records(rule)) continue;
      const auto& name = rule.compiled.rule.name;
      const auto found = known.find(name);
      if (found != known.end()) out.emplace(name, found->second);
      if (!old.contains(name)) out.emplace(name, Untrusted{"its rule was not looked at yet", true});
    }
  return out;
}

}  // namespace pgtend::engine
