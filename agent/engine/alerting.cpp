#include "agent/engine/alerting.hpp"

#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/engine/alert_facts.hpp"
#include "agent/engine/cost_account.hpp"
#include "agent/engine/eval_options.hpp"
#include "agent/engine/wiring.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

namespace {

// One group may take this long in the blocking pool before its rules count as failed.
constexpr std::chrono::seconds kEvaluationTime{10};

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

// `fires`: an alert of the rule fires; if its condition ends now, the value that ended it is wanted too.
alerts::Evaluation evaluate_rule(const LoadedRule& rule, bool fires, HistoryReader& history, UtcTime at,
                                 const promql::EvalOptions& options) {
  alerts::Evaluation out;
  auto found = elements(*rule.expr, history, at, options);
  if (!found) {
    out.known = false;
    out.why_unknown = found.error().describe();
    return out;
  }
  out.firing = std::move(*found);
  const auto* compared = fires ? promql::compared_value(*rule.expr) : nullptr;
  if (compared == nullptr) return out;
  // Without it the message says less; that is no reason to know nothing.
  if (auto values = elements(*compared, history, at, options)) out.compared = std::move(*values);
  return out;
}

bool any_fires(const alerts::RuleAlerts& alerts) {
  return std::any_of(alerts.begin(), alerts.end(),
                     [](const auto& each) { return each.second.state == AlertState::firing; });
}

SnapshotPtr recorded(const GroupResult& result) {
  const auto& group = result.rules->groups[result.group];
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->collector = "rules/" + group.name;
  snapshot->taken_at = result.at;
  snapshot->interval = group.interval;
  bool any = false;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i].compiled.rule;
    if (rule.kind != RuleKind::record || !result.evaluations[i]) continue;
    any = true;
    for (const auto& element : result.evaluations[i]->firing) {
      Labels labels = element.labels;
      labels.erase("__name__");
      for (const auto& [name, value] : rule.labels) labels.set(name, value);
      snapshot->samples.push_back({{rule.name, std::move(labels)}, element.value, MetricKind::gauge, 0});
    }
  }
  return any ? SnapshotPtr(std::move(snapshot)) : nullptr;
}

}  // namespace

// The alerts of each rule of the group. A warning and a critical rule may have one name: then the labels decide.
std::vector<alerts::RuleAlerts> Alerting::by_rule(const LoadedGroup& group, const States& states) const {
  std::vector<alerts::RuleAlerts> out(group.rules.size());
  std::set<std::string> done;
  for (const auto& rule : group.rules) {
    const auto& name = rule.compiled.rule.name;
    const auto state = states.find({group.name, name});
    if (!done.insert(name).second || state == states.end()) continue;
    for (const auto& [id, alert] : state->second) {
      std::size_t owner = group.rules.size();
      for (std::size_t i = 0; i < group.rules.size(); ++i) {
        const auto& candidate = group.rules[i].compiled;
        if (candidate.rule.kind != RuleKind::alert || candidate.rule.name != name) continue;
        // Changed labels: one of the rules of this name must let it end.
        if (owner == group.rules.size()) owner = i;
        if (!can_be_of(candidate, alert)) continue;
        owner = i;
        break;
      }
      out[owner].emplace(id, alert);
    }
  }
  return out;
}

void Alerting::sampled(const Snapshot& snapshot) {
  const auto before = triggers_.due();
  triggers_.sampled(snapshot, parts_.clock.steady_now());
  if (triggers_.due() != before) wakeup_.ring();
}

net::TaskResult<GroupResult> Alerting::evaluate(std::size_t group, UtcTime now, std::set<std::size_t> only) {
  const Deadline began = parts_.clock.steady_now();
  const bool whole = only.empty();
  if (whole) triggers_.took_group(group);
  auto result = co_await run_rules(group, now, std::move(only));
  if (!result) co_return fail(std::move(result.error()));
  const auto& loaded = result->rules->groups[group];
  for (std::size_t i = 0; i < loaded.rules.size(); ++i) {
    if (!result->evaluations[i]) continue;
    auto& evaluation = *result->evaluations[i];
    for (const auto& metric : loaded.rules[i].metrics) {
      const std::string why = blind_(metric);
      if (why.empty()) continue;
      evaluation.blind = evaluation.known || evaluation.blind;
      evaluation.known = false;
      evaluation.why_unknown = metric + ": " + why;
    }
    if (loaded.limit > 0 && evaluation.firing.size() > static_cast<std::size_t>(loaded.limit)) {
      evaluation.known = evaluation.blind = false;
      evaluation.why_unknown = "more than " + std::to_string(loaded.limit) + " alerts, the group's limit";
    }
  }
  if (auto snapshot = recorded(*result)) {
    sampled(*snapshot);
    if (auto stored = parts_.history.append(snapshot); !stored)
      log::warn("recorded series dropped", {{"group", loaded.name}, {"error", stored.error().describe()}});
  }
  if (!whole) co_return result;
  last_evaluation_ = now;
  // Rules taken meanwhile have other groups at this place.
  if (result->rules == rules_) runs_[group] = {now, parts_.clock.steady_now() - began, std::move(result->took)};
  co_return result;
}

net::TaskResult<GroupResult> Alerting::run_rules(std::size_t group, UtcTime now, std::set<std::size_t> only) {
  GroupResult result;
  result.rules = rules_;
  result.group = group;
  result.at = now;
  if (reader_ == nullptr) {
    auto reader = parts_.history.reader();
    if (!reader) co_return fail(std::move(reader.error()), "evaluate rules");
    reader_ = std::move(*reader);
  }
  auto options = eval_options(parts_, Millis(0));
  options.deadline = parts_.clock.steady_now() + kEvaluationTime;
  std::vector<bool> fires;
  for (const auto& rule : rules_->groups[group].rules) {
    const auto state = state_.find({rules_->groups[group].name, rule.compiled.rule.name});
    fires.push_back(state != state_.end() && any_fires(state->second));
  }
  auto job = [rules = rules_, reader = reader_, group, now, options, fires, only] {
    GroupResult out;
    const auto& loaded = rules->groups[group];
    const auto spent = thread_cpu_time();
    for (std::size_t i = 0; i < loaded.rules.size(); ++i) {
      if (!only.empty() && !only.contains(i)) {
        out.evaluations.emplace_back();
        out.took.emplace_back(0);
        continue;
      }
      const Deadline began = options.clock->steady_now();
      out.evaluations.push_back(evaluate_rule(loaded.rules[i], fires[i], *reader, now - loaded.query_offset, options));
      out.took.push_back(options.clock->steady_now() - began);
    }
    out.cpu = thread_cpu_time() - spent;
    return out;
  };
  auto evaluated = co_await net::run_on(parts_.blocking, job);
  if (!only.empty()) triggers_.spent(parts_.clock.steady_now(), evaluated.cpu);
  result.evaluations = std::move(evaluated.evaluations);
  result.took = std::move(evaluated.took);
  co_return result;
}

// When an alert of the rule will have waited for `for`, the rule is looked at; while it is not known, only in its turn.
void Alerting::note_waiting(RuleTriggers::Place place, const LoadedRule& rule, const alerts::RuleAlerts& alerts,
                            const alerts::Evaluation& evaluation, UtcTime now) {
  std::optional<UtcTime> first;
  if (evaluation.known)
    for (const auto& [id, alert] : alerts)
      if (alert.state == AlertState::pending) first = std::min(first.value_or(alert.active_at), alert.active_at);
  if (!first) return triggers_.ripens(place, std::nullopt);
  // Of a wall clock in milliseconds the end of the last one counts.
  const Millis left = std::max(*first + rule.compiled.rule.hold - now, Millis(0)) + Millis(1);
  triggers_.ripens(place, parts_.clock.steady_now() + left);
}

net::TaskResult<std::vector<Alert>> Alerting::alert(GroupResult result) {
  auto permit = co_await turn();
  if (!permit) co_return fail(std::move(permit.error()), "alert");
  const auto& group = result.rules->groups[result.group];
  std::vector<Alert> changed;
  // Stepped on a copy: when the ledger cannot take the change, it did not happen.
  States next;
  auto split = by_rule(group, state_);
  const auto labels = instance_labels(*parts_.config);
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i];
    if (rule.compiled.rule.kind != RuleKind::alert || !result.evaluations[i]) continue;
    auto& alerts = split[i];
    auto evaluation = *result.evaluations[i];
    alerts::add_labels(evaluation, labels);
    auto stepped = alerts::step(rule.compiled, evaluation, alerts, result.at, parts_.config->rules.external_labels);
    if (!stepped) {
      evaluation = {false, stepped.error().describe(), {}, {}, false};
      stepped = alerts::step(rule.compiled, evaluation, alerts, result.at, parts_.config->rules.external_labels);
    }
    note_health({{"rule", rule.compiled.rule.name}, {"group", group.name}}, evaluation);
    if (result.rules == rules_) note_waiting({result.group, i}, rule, alerts, evaluation, result.at);
    for (auto& alert : *stepped) {
      alert.evidence = rule.compiled.rule.expr + " = " + alerts::go_number(alert.value) +
                       (evaluation.known ? "" : " (unknown: " + evaluation.why_unknown + ")");
      changed.push_back(std::move(alert));
    }
  }
  for (std::size_t i = 0; i < group.rules.size(); ++i)
    next[{group.name, group.rules[i].compiled.rule.name}].merge(split[i]);
  co_await add_facts(&group, &changed, result.at);
  for (const auto& alert : changed) {
    const auto rule = next.find({alert.group, alert.rule});
    if (rule == next.end()) continue;
    if (const auto kept = rule->second.find(fingerprint(alert.labels)); kept != rule->second.end()) {
      kept->second.facts = alert.facts;
      kept->second.evidence = alert.evidence;
    }
  }
  if (!changed.empty()) {
    States all = next;
    for (const auto& [key, alerts] : state_) all.try_emplace(key, alerts);
    auto planned = plan(all, changed, result.at);
    auto saved = co_await save(changed, std::move(planned));
    if (!saved) co_return fail(std::move(saved.error()), "save alerts");
  }
  for (auto& [key, alerts] : next) state_[key] = std::move(alerts);
  for (const auto& alert : changed)
    log::info("alert " + std::string(to_string(alert.state)),
              {{"alertname", alert.rule}, {"labels", to_string(alert.labels)}, {"value", format_double(alert.value)}});
  co_return changed;
}

}  // namespace pgtend::engine
