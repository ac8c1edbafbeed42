#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/rule_series.hpp"
#include "agent/policy/policy.hpp"
#include "agent/policy/trust.hpp"
#include "alerts/message.hpp"

// Series about alerting itself, for /metrics and for the rules that watch the agent.
namespace pgtend::engine {

namespace {

constexpr std::chrono::seconds kStatsInterval{5};
constexpr std::chrono::minutes kRuleSeriesInterval{10};
constexpr std::chrono::hours kLately{1};
// Of the ledger's last alerts, how many are asked which rules fired. Source: ten a rule of a hundred.
constexpr std::size_t kRemembered = 1'000;

// What a person took back says nothing of the change.
std::string_view ended_as(const Change& change) {
  const bool judged = change.verdict && (change.verdict->kind == VerdictKind::regressed ||
                                         change.verdict->kind == VerdictKind::no_effect);
  return change.state == ChangeState::reverted && !judged ? "undone" : to_string(change.state);
}

}  // namespace

// A rule without an answer failed only when its collectors work: one cause gives one alert.
void Alerting::note_health(const Labels& rule, const alerts::Evaluation& evaluation) {
  const bool failed = !evaluation.known && !evaluation.blind;
  parts_.board.gauge("pgtend_rule_evaluation_failed", "1 while the last evaluation of a rule failed.", rule)
      .set(failed ? 1 : 0);
  const auto put = [&](std::map<Labels, std::string>& rules, bool in) {
    if (in) rules.insert_or_assign(rule, evaluation.why_unknown);
    if (!in) rules.erase(rule);
  };
  // Once for each time that it begins to fail: an alert that is unknown says so itself, but there may be none.
  if (failed && !failed_rules_.contains(rule))
    log::warn("rule cannot be evaluated",
              {{"rule", std::string(rule.get("rule"))}, {"why", alerts::one_line(evaluation.why_unknown)}});
  put(failed_rules_, failed);
  put(blind_rules_, evaluation.blind);
}

std::string Alerting::health(const Labels& rule) const {
  return failed_rules_.contains(rule) ? "err" : blind_rules_.contains(rule) ? "unknown" : "ok";
}

std::string Alerting::why_unhealthy(const Labels& rule) const {
  const auto failed = failed_rules_.find(rule), blind = blind_rules_.find(rule);
  return failed != failed_rules_.end() ? failed->second : blind != blind_rules_.end() ? blind->second : std::string();
}

std::optional<GroupRun> Alerting::last_run(std::size_t group) const {
  const auto run = runs_.find(group);
  return run == runs_.end() ? std::nullopt : std::optional(run->second);
}

// What the rules about the agent itself look at.
void Alerting::publish_outbox(const store::OutboxStats& stats) {
  const UtcTime now = parts_.clock.now();
  const double age = stats.oldest ? std::max(0.0, to_seconds(now) - to_seconds(*stats.oldest)) : 0;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->collector = "alerting";
  snapshot->taken_at = now;
  snapshot->interval = kStatsInterval;
  const auto gauge = [&](const char* name, const char* help, double value) {
    parts_.board.gauge(name, help).set(value);
    snapshot->samples.push_back({{name, {}}, value, MetricKind::gauge, 0});
  };
  gauge("pgtend_outbox_queued", "Notifications that wait or are being sent.", static_cast<double>(stats.queued));
  gauge("pgtend_outbox_oldest_age_seconds", "Age of the oldest notification that waits.", age);
  auto dropped = stats.dropped;
  for (const auto& [receiver, count] : held_.dropped()) dropped += count;
  gauge("pgtend_outbox_dropped",
        "Notifications dropped because the spool was full, since the ledger was made, and from memory since the start.",
        static_cast<double>(dropped));
  gauge("pgtend_notifications_dead",
        "Notifications refused for good and those that nobody took in time, since the ledger was made.",
        static_cast<double>(stats.refused + uncounted_dead_ + stats.expired));
  gauge("pgtend_receivers_standby", "1 while an Alertmanager takes the alerts instead of the receivers.",
        standby() ? 1 : 0);
  for (const auto& group : rules_->groups)
    for (const auto& rule : group.rules) {
      const Labels labels{{"rule", rule.compiled.rule.name}, {"group", rule.compiled.group}};
      const double failed = failed_rules_.contains(labels) ? 1 : 0;
      snapshot->samples.push_back({{"pgtend_rule_evaluation_failed", labels}, failed, MetricKind::gauge, 0});
      if (const auto seen = rule_series_.find(labels); seen != rule_series_.end())
        snapshot->samples.push_back({{"pgtend_rule_series", labels}, seen->second, MetricKind::gauge, 0});
    }
  for (const auto* samples : {&change_samples_, &record_samples_})
    for (const auto& sample : *samples) snapshot->samples.push_back(sample);
  store(snapshot);
}

void Alerting::store_alert_series(const std::string& group, const States& states, UtcTime at, bool news) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->collector = "alerts/" + group;
  snapshot->taken_at = at;
  for (const auto& [key, alerts] : states)
    if (key.group == group || key.group.starts_with(group + "#"))
      for (const auto& [id, alert] : alerts) alerts::add_series(alert, snapshot->samples);
  // What was there ends with one more look; groups that never have an alert are not written.
  const bool any = !snapshot->samples.empty();
  if (!any && with_alert_series_.erase(group) == 0) return;
  if (any) with_alert_series_.insert(group);
  store(snapshot, std::nullopt, !news);
}

// How long each running change runs, and how many of each kind ended how within an hour.
void Alerting::note_changes(const std::vector<Change>& changes) {
  const UtcTime now = parts_.clock.now();
  change_samples_.clear();
  std::map<Labels, double> lately;
  for (const auto& change : changes) {
    const std::string action(to_string(change.plan.action));
    if (change.state == ChangeState::applying && change.applied_at) {
      const Labels labels{{"action", action}, {"database", change.plan.database}, {"object", change.plan.object}};
      const double seconds = to_seconds(now) - to_seconds(*change.applied_at);
      change_samples_.push_back({{"pgtend_change_running_seconds", labels}, seconds, MetricKind::gauge, 0});
    }
    if (is_final(change.state) && now - change.updated_at < kLately)
      lately[Labels{{"action", action}, {"state", std::string(ended_as(change))}}] += 1;
  }
  for (const auto& [labels, count] : lately)
    change_samples_.push_back({{"pgtend_changes_lately", labels}, count, MetricKind::gauge, 0});
}

net::Task<void> Alerting::note_track_records(const std::vector<Change>* changes) {
  std::optional<UtcTime> until;
  for (const auto& change : *changes)
    if (is_final(change.state) && (!until || change.updated_at > *until)) until = change.updated_at;
  if (!until || until == records_until_) co_return;
  auto read = [since = parts_.clock.now() - policy::kMemory](store::Ledger& ledger) {
    return ledger.policy_past(since, "", {});
  };
  const auto past = co_await with_ledger(read);
  if (!past) co_return;
  records_until_ = until;
  record_samples_.clear();
  for (const auto& [action, record] : past->records) {
    const Labels labels{{"action", std::string(to_string(action))}};
    const auto add = [&, &samples = record_samples_](const char* name, const char* help, double value) {
      parts_.board.gauge(name, help, labels).set(value);
      samples.push_back({{name, labels}, value, MetricKind::gauge, 0});
    };
    add("pgtend_policy_verdicts", "Verdicts of an action class within a year.", record.verdicts);
    add("pgtend_policy_verdicts_right", "Those of them whose prediction came true.", record.right);
    add("pgtend_policy_verdicts_undone", "Those of them that were taken back.", record.undone);
    add("pgtend_policy_precision_ratio",
        "Lower bound (Wilson, one-sided 90 %) of the share of an action class's predictions that come true.",
        policy::wilson_lower_bound(record.right, record.verdicts));
    if (record.median_error)
      add("pgtend_policy_effect_error_ratio",
          "Median distance of the measured effect of an action class from the predicted one.", *record.median_error);
  }
}

// Whether the metrics of the user's own rules exist at all.
net::Task<void> Alerting::count_rule_series() {
  if (parts_.clock.steady_now() < rule_series_due_) co_return;
  rule_series_due_ = parts_.clock.steady_now() + kRuleSeriesInterval;
  std::set<Labels> fired;
  const auto note = [&fired](const Alert& alert) {
    if (alert.fired_at) fired.insert(Labels{{"rule", alert.rule}, {"group", alert.group}});
  };
  if (parts_.ledger != nullptr) {
    auto read = [](store::Ledger& ledger) { return ledger.alert_history(kRemembered); };
    const auto past = co_await with_ledger(read);
    if (past)
      for (const auto& event : *past) note(event.alert);
  }
  for (const auto& [key, alerts] : state_)
    for (const auto& [id, alert] : alerts) note(alert);
  // Rules are evaluated meanwhile, by a reader of their own.
  auto reader = parts_.history.reader();
  if (!reader) co_return;
  auto job = [rules = rules_, reader = std::shared_ptr<HistoryReader>(std::move(*reader)), fired = std::move(fired),
              oldest = parts_.history.stats().oldest,
              now = parts_.clock.now()] { return engine::count_rule_series(*rules, fired, *reader, oldest, now); };
  auto counted = co_await net::run_on(parts_.blocking, job);
  rule_series_ = std::move(counted);
}

}  // namespace pgtend::engine
