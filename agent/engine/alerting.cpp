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

bool any_fires(const alerts::RuleAlerts& alerts) {
  return std::any_of(alerts.begin(), alerts.end(),
                     [](const auto& each) { return each.second.state == AlertState::firing; });
}

// Behind an alert's evidence: why it is not known how it is, or was not when it ended.
std::string why_not_seen(const Alert& alert, const alerts::Evaluation& evaluation) {
  if (!evaluation.known) return " (unknown: " + evaluation.why_unknown + ")";
  const auto found = evaluation.left_out.find(fingerprint(alert.labels));
  if (found == evaluation.left_out.end()) return {};
  if (alert.unknown) return " (unknown: " + found->second + ")";
  if (alert.state != AlertState::resolved || alert.resolved_value) return {};
  return " (ended unseen after " + std::to_string(alerts::kLeftOutRetention / std::chrono::hours(1)) +
         " hours: " + found->second + ")";
}

}  // namespace

// The alerts of each rule of the group.
std::vector<alerts::RuleAlerts> Alerting::by_rule(const LoadedGroup& group, const States& states) const {
  std::vector<alerts::RuleAlerts> out(group.rules.size());
  for (const auto& rule : group.rules) {
    const auto state = states.find({rule.compiled.group, rule.compiled.rule.name});
    if (rule.compiled.rule.kind != RuleKind::alert || state == states.end()) continue;
    for (const auto& [id, alert] : state->second)
      if (const auto place = place_of(group, alert)) out[*place].emplace(id, alert);
  }
  return out;
}

void Alerting::store(const SnapshotPtr& snapshot, std::optional<std::size_t> made_by, bool quiet) {
  unread_.add(snapshot);
  if (auto stored = parts_.history.append(snapshot); !stored)
    log::warn("snapshot not stored", {{"collector", snapshot->collector}, {"error", stored.error().describe()}});
  if (quiet) return;
  const auto before = triggers_.due();
  triggers_.sampled(snapshot, parts_.clock.steady_now(), made_by);
  if (triggers_.due() != before) wakeup_.ring();
}

net::TaskResult<std::vector<GroupResult>> Alerting::evaluate(RuleTurns turns, UtcTime now) {
  const Deadline began = parts_.clock.steady_now();
  for (const auto& [group, only] : turns)
    if (only.empty()) triggers_.took_group(group);
  auto results = co_await run_rules(turns, now);
  if (!results) co_return results;
  for (auto& result : *results) note_evaluated(result, turns[result.group].empty(), began);
  co_return results;
}

void Alerting::note_evaluated(GroupResult& result, bool whole, Deadline began) {
  if (!whole) triggers_.spent(parts_.clock.steady_now(), result.cpu);
  if (result.rules == rules_) note_records(result, untrusted_);
  if (const auto snapshot = recorded_samples(result)) store(snapshot, result.group);
  if (!whole) return;
  last_evaluation_ = result.at;
  // Rules taken meanwhile have other groups at this place.
  if (result.rules != rules_) return;
  runs_[result.group] = {result.at, parts_.clock.steady_now() - began, std::move(result.took)};
  recorded_[result.group] = std::move(result.recorded);
}

std::map<std::uint64_t, std::string> Alerting::left_out(const LoadedRule& rule,
                                                        const alerts::RuleAlerts& alerts) const {
  std::map<std::uint64_t, std::string> out;
  for (const auto& metric : rule.shown) {
    if (left_out_(metric, nullptr).empty()) continue;
    for (const auto& [key, alert] : alerts) {
      if (alert.state != AlertState::pending && alert.state != AlertState::firing) continue;
      if (auto why = left_out_(metric, &alert.labels); !why.empty()) out.emplace(key, metric + ": " + why);
    }
  }
  return out;
}

GroupTask Alerting::task_for(std::size_t group, UtcTime now, std::set<std::size_t> only) const {
  GroupTask out{rules_, group, now, std::move(only), {}, {}, {}, untrusted_};
  out.alert_labels = instance_labels(*parts_.config);
  out.external_labels = parts_.config->rules.external_labels;
  out.external_url = parts_.config->alerting.external_url;
  const auto& loaded = rules_->groups[group];
  for (const auto& rule : loaded.rules) {
    const auto state = state_.find({rule.compiled.group, rule.compiled.rule.name});
    const bool any = state != state_.end();
    out.left_out.push_back(any ? left_out(rule, state->second) : std::map<std::uint64_t, std::string>());
    out.fires.push_back(any && (any_fires(state->second) || !out.left_out.back().empty()));
    auto& denied = out.denied.emplace_back();
    for (const auto& metric : rule.denied)
      if (auto why = left_out_(metric, nullptr); denied.empty() && !why.empty()) denied = metric + ": " + why;
    auto& why_blind = out.blind.emplace_back();
    for (const auto& metric : rule.metrics)
      if (auto why = blind_(metric); why_blind.empty() && !why.empty()) why_blind = metric + ": " + why;
  }
  if (const auto before = recorded_.find(group); before != recorded_.end()) out.recorded = before->second;
  return out;
}

net::TaskResult<std::vector<GroupResult>> Alerting::run_rules(RuleTurns turns, UtcTime now) {
  if (reader_ == nullptr) {
    auto reader = parts_.history.reader();
    if (!reader) co_return fail(std::move(reader.error()), "evaluate rules");
    reader_ = std::move(*reader);
  }
  std::vector<GroupTask> tasks;
  for (auto& [group, only] : turns) tasks.push_back(task_for(group, now, std::move(only)));
  // After it was asked who is blind: a collector that is trusted has its samples there to be read.
  auto absorb = [history = &parts_.history] {
    history->absorb();
    return true;
  };
  if (!unread_.empty()) {
    const auto until = unread_.end();
    const auto absorbed = co_await store_.run(std::move(absorb));
    if (absorbed) unread_.were_read(until);
    for (auto& task : tasks)
      if (!absorbed) task.unread = unread_.list();
  }
  // All in one job: each is two threads to wake.
  auto job = [tasks = std::move(tasks), reader = reader_, options = eval_options(parts_, Millis(0))]() mutable {
    std::vector<GroupResult> out;
    for (const auto& task : tasks) {
      options.deadline = options.clock->steady_now() + kEvaluationTime;
      out.push_back(run_group(task, *reader, options));
    }
    return out;
  };
  co_return co_await net::run_on(parts_.blocking, job);
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

// The time that a jump of the wall clock adds was not waited.
void Alerting::follow_clock(std::vector<Alert>& changed) {
  const Millis forward = clock_steps_.look();
  if (forward <= Millis(0)) return;
  log::warn("the clock went forward: alerts wait for what is left of their time",
            {{"seconds", std::to_string(forward.count() / 1000)}});
  for (auto& [key, alerts] : state_) alerts::shift_waits(alerts, forward, changed);
}

std::optional<AlertState> Alerting::state_before(const Alert& alert) const {
  const auto rule = state_.find({alert.group, alert.rule});
  if (rule == state_.end()) return std::nullopt;
  const auto known = rule->second.find(fingerprint(alert.labels));
  return known == rule->second.end() ? std::nullopt : std::optional(known->second.state);
}

net::TaskResult<std::vector<Alert>> Alerting::alert(GroupResult result) {
  auto permit = co_await turn();
  if (!permit) co_return fail(std::move(permit.error()), "alert");
  const auto& group = result.rules->groups[result.group];
  std::vector<Alert> changed;
  follow_clock(changed);
  // Stepped on a copy: when the ledger cannot take the change, it did not happen.
  States next;
  auto split = by_rule(group, state_);
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i];
    if (!result.evaluations[i]) continue;
    auto& alerts = split[i];
    auto evaluation = *result.evaluations[i];
    const Labels of_rule{{"rule", rule.compiled.rule.name}, {"group", rule.compiled.group}};
    if (rule.compiled.rule.kind != RuleKind::alert) {
      note_health(of_rule, evaluation);
      continue;
    }
    if (evaluation.known) alerts::restart_waits(alerts, result.at, parts_.config->rules.outage_tolerance, changed);
    auto stepped = alerts::step(rule.compiled, evaluation, alerts, result.at, parts_.config->rules.external_labels);
    if (!stepped) {
      evaluation = {};
      evaluation.known = false;
      evaluation.why_unknown = stepped.error().describe();
      stepped = alerts::step(rule.compiled, evaluation, alerts, result.at, parts_.config->rules.external_labels);
    }
    note_health(of_rule, evaluation);
    if (result.rules == rules_) note_waiting({result.group, i}, rule, alerts, evaluation, result.at);
    for (auto& alert : *stepped) {
      alert.evidence =
          rule.compiled.rule.expr + " = " + alerts::go_number(alert.value) + why_not_seen(alert, evaluation);
      changed.push_back(std::move(alert));
    }
  }
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i].compiled;
    if (rule.rule.kind == RuleKind::alert) next.try_emplace({rule.group, rule.rule.name});
    for (const auto& [id, alert] : split[i]) next[{alert.group, alert.rule}].emplace(id, alert);
  }
  co_await add_facts(&changed, result.at);
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
  // That it became unknown, or known again, is no news of its state.
  std::vector<const Alert*> moved;
  for (const auto& alert : changed)
    if (state_before(alert) != alert.state) moved.push_back(&alert);
  for (auto& [key, alerts] : next) state_[key] = std::move(alerts);
  store_alert_series(group.id, state_, result.at, !changed.empty());
  for (const auto* alert : moved)
    log::info(
        "alert " + std::string(to_string(alert->state)),
        {{"alertname", alert->rule}, {"labels", to_string(alert->labels)}, {"value", format_double(alert->value)}});
  co_return changed;
}

}  // namespace pgtend::engine
