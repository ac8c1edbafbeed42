#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/receivers.hpp"
#include "alerts/message.hpp"
#include "alerts/notifiers/alertmanager.hpp"

// The half of Alerting between the life cycle and the outbox: groups, silences, what is told to whom.
namespace pgtend::engine {

namespace {

// Longer than any write to the ledger takes; whoever waits that long gives way to the next evaluation.
constexpr std::chrono::seconds kTurnTime{30};
// Our own changes run for minutes; a stale look of a few seconds mutes nothing that matters.
constexpr std::chrono::seconds kExpectedInterval{5};
// What a change caused is seen to end by the next sample only, and a group may wait before it speaks. Source: a sample
// (10 s), an evaluation (15 s) and Alertmanager's group_wait (30 s).
constexpr std::chrono::seconds kAftermath{60};
// Newest first: what runs or ended within the hour is among them.
constexpr std::size_t kChangesRead = 100;
// What slews a clock, NTP for one, moves it by less within an evaluation interval.
constexpr Millis kClockDrift{2'000};
// Samples: an hour of 500 pending alerts at the shipped interval.
constexpr std::size_t kLooksRead = 200'000;
// Source: Prometheus sends endsAt = now + 4 × max(interval, resend delay).
constexpr int kValidIntervals = 4;

bool is_running(ChangeState state) {
  return state == ChangeState::applying || state == ChangeState::post_validated || state == ChangeState::reverting;
}

}  // namespace

Alerting::Alerting(Parts& parts, std::function<std::string(const std::string& metric)> blind, LeftOut left_out)
    : parts_(parts),
      blind_(std::move(blind)),
      left_out_(std::move(left_out)),
      rules_(std::make_shared<RuleSet>()),
      routes_(dispatch_rules(parts.config->alerting)),
      clock_steps_(parts.clock, kClockDrift),
      store_(parts.store, parts.clock),
      client_(parts.sending),
      last_evaluation_(parts.clock.now()),
      last_delivery_(parts.clock.now()),
      seed_(static_cast<std::uint64_t>(to_ms(parts.clock.now()))) {}

void Alerting::set_rules(std::shared_ptr<const RuleSet> rules) {
  untrusted_ = records_of(*rules, *rules_, untrusted_);
  rules_ = std::move(rules);
  runs_.clear();
  recorded_.clear();
  triggers_.set_rules(*rules_);
  triggers_.set_budget(parts_.config->collection.budget.cpu_ratio);
  routes_ = dispatch_rules(parts_.config->alerting);
  retire_due_ = readmit_due_ = true;
}

net::TaskResult<std::size_t> Alerting::restore() {
  struct Stored {
    std::vector<Alert> alerts;
    DispatchState dispatch;
    std::vector<Silence> silences;
  };
  auto load = [](store::Ledger& ledger) -> Result<Stored> {
    auto alerts = ledger.load_alerts();
    if (!alerts) return fail(std::move(alerts.error()));
    auto dispatch = ledger.load_dispatch();
    if (!dispatch) return fail(std::move(dispatch.error()));
    auto silences = ledger.silences();
    if (!silences) return fail(std::move(silences.error()));
    return Stored{std::move(*alerts), std::move(*dispatch), std::move(*silences)};
  };
  auto stored = co_await parts_.with_ledger(load);
  restored_ = true;
  if (!stored) co_return fail(std::move(stored.error()), "restore alerts");
  const std::size_t count = stored->alerts.size();
  for (auto& alert : stored->alerts) {
    const auto key = fingerprint(alert.labels);
    with_alert_series_.insert(alert.group.substr(0, alert.group.rfind('#')));
    state_[{alert.group, alert.rule}][key] = std::move(alert);
  }
  dispatch_ = std::move(stored->dispatch);
  silences_ = std::move(stored->silences);
  co_await note_last_looks();
  co_return count;
}

// A pending alert is stored when it begins, not each time it is seen: its series tells when that was last.
net::Task<void> Alerting::note_last_looks() {
  const bool any = std::any_of(state_.begin(), state_.end(), [](const auto& rule) {
    return std::any_of(rule.second.begin(), rule.second.end(),
                       [](const auto& each) { return each.second.state == AlertState::pending; });
  });
  auto reader = parts_.history.reader();
  if (!any || !reader) co_return;
  const UtcTime now = parts_.clock.now();
  auto look = [reader = std::shared_ptr<HistoryReader>(std::move(*reader)),
               range = TimeRange{now - parts_.config->rules.outage_tolerance, now}] {
    return reader->select({*Matcher::make("__name__", MatchOp::equal, "ALERTS_FOR_STATE")}, range, kLooksRead);
  };
  const auto found = co_await net::run_on(parts_.blocking, look);
  if (!found) co_return;
  std::map<Labels, UtcTime> seen;
  for (const auto& series : *found)
    for (const auto& sample : series.samples)
      if (!is_stale(sample.value)) seen[series.key.labels] = sample.time;
  for (auto& [rule, alerts] : state_)
    for (auto& [key, alert] : alerts)
      if (const auto last = seen.find(alert.labels); last != seen.end() && alert.state == AlertState::pending)
        alert.last_seen_at = std::max(alert.last_seen_at.value_or(last->second), last->second);
}

net::TaskResult<net::Turnstile::Permit> Alerting::turn() {
  const Deadline deadline = parts_.clock.steady_now() + kTurnTime;
  auto permit = co_await turnstile_.enter(deadline);
  co_return permit;
}

alerts::DispatchInputs Alerting::inputs(const States& states) const {
  alerts::DispatchInputs out;
  for (const auto& [key, alerts] : states)
    for (const auto& [id, alert] : alerts) out.alerts.push_back(alert);
  out.silences = silences_;
  out.changes = expected_;
  out.standby = standby();
  return out;
}

OutboxMessage Alerting::render(const Notification& notification, UtcTime now) const {
  auto message = outbox_message(notification, parts_.config->instance.name, now);
  const auto& alerting = parts_.config->alerting;
  const alerts::MessageContext context{parts_.config->instance.name, alerting.external_url, now, alerting.grafana_url};
  const auto integration = find_integration(parts_.config->alerting, notification.integration);
  if (!integration) return message;
  auto told = notification;
  add_dropped(told);
  message.body = alerts::render(target_of(integration->config), told, context, message.dedup_key);
  return message;
}

OutboxMessage Alerting::alertmanager_message(std::size_t index, const RuleKey& rule, const std::vector<Alert>& group,
                                             UtcTime now) const {
  const auto& config = *parts_.config;
  OutboxMessage message;
  message.receiver = "alertmanager:" + std::to_string(index);
  // By rule and its group: two groups may hold rules of one name.
  message.group_key = alerts::group_key(rule.rule) + "/" + rule.group;
  message.dedup_key = dedup_key(config.instance.name, message.group_key);
  const Millis valid = kValidIntervals * std::max(config.rules.evaluation_interval, config.alerting.resend_interval);
  message.body = alerts::alertmanager_body(group, now, valid, config.alerting.external_url);
  message.created_at = message.not_before = now;
  message.kind = "resolved";
  message.urgency = Urgency::info;
  for (const auto& alert : group) {
    if (alert.state == AlertState::firing) message.kind = "firing";
    message.urgency = std::max(message.urgency, alerts::urgency_of(alert.labels.get("severity")));
  }
  return message;
}

DispatchPlan Alerting::plan(const States& states, const std::vector<Alert>& changed, UtcTime now) const {
  const auto words = [this, now](const Notification& notification) { return render(notification, now); };
  auto out = plan_dispatch(dispatch_, routes_, inputs(states), changed, words, now);
  std::set<RuleKey> rules;
  for (const auto& alert : changed)
    if (alert.state == AlertState::firing || alert.state == AlertState::resolved)
      rules.insert({alert.group, alert.rule});
  for (const auto& key : rules) {
    const auto state = states.find(key);
    if (state == states.end()) continue;
    // Those resolved lately again: the message with their end may have been superseded before it was sent.
    const auto group = alerts::notifiable(state->second, now - alerts::kResolvedRetention);
    for (std::size_t i = 0; i < parts_.config->alerting.alertmanagers.size() && !group.empty(); ++i)
      out.outgoing.push_back(alertmanager_message(i, key, group, now));
  }
  return out;
}

net::TaskResult<bool> Alerting::save(std::vector<Alert> changed, DispatchPlan plan) {
  if (parts_.ledger != nullptr && ledger_behind_) add_missed(changed, plan);
  const bool nothing =
      changed.empty() && plan.outgoing.empty() && plan.change.saved.empty() && plan.change.ended.empty();
  if (parts_.ledger == nullptr) {
    hold(std::move(plan.outgoing), parts_.ledger_error);
  } else if (ledger_behind_ || !nothing) {
    auto write = [changed, outgoing = plan.outgoing, change = plan.change](store::Ledger& ledger) {
      return ledger.save_alerts(changed, outgoing, change);
    };
    auto saved = co_await with_ledger(write);
    if (!saved && !cannot_write(saved.error())) co_return fail(std::move(saved.error()));
    if (!saved) {
      hold(std::move(plan.outgoing), saved.error().describe());
      ended_unsaved_.insert(plan.change.ended.begin(), plan.change.ended.end());
    } else {
      ended_unsaved_.clear();
      co_await note_dropped_told(&plan.outgoing);
      if (std::exchange(ledger_behind_, false)) {
        log::info("the ledger takes alerts again", {});
        parts_.ledger_error.clear();
      }
    }
  }
  dispatch_ = std::move(plan.next);
  co_return true;
}

net::TaskResult<std::size_t> Alerting::dispatch() {
  // Before that, every alert of the ledger would look as if its rule were gone.
  if (!restored_) co_return 0;
  auto permit = co_await turn();
  if (!permit) co_return fail(std::move(permit.error()), "dispatch");
  const UtcTime now = parts_.clock.now();
  co_await refresh_expected();
  co_await end_silences(now);
  if (retire_due_) {
    auto retired = co_await retire();
    if (!retired) co_return fail(std::move(retired.error()), "retire alerts");
  }
  std::vector<Alert> again;
  if (readmit_due_) again = alerts();
  const bool stands_by = standby();
  if (std::exchange(stood_by_, stands_by) && !stands_by) alerts::take_over(dispatch_, now);
  if (again.empty() && !ledger_behind_ && !alerts::is_due(dispatch_, routes_, now)) co_return 0;
  const auto words = [this, now](const Notification& notification) { return render(notification, now); };
  const auto known = inputs(state_);
  auto planned = plan_dispatch(dispatch_, routes_, known, again, words, now);
  const std::size_t made = planned.outgoing.size();
  auto saved = co_await save({}, std::move(planned));
  if (!saved) co_return fail(std::move(saved.error()), "dispatch");
  readmit_due_ = false;
  co_return made;
}

// Alerts whose rule was taken away end.
net::TaskResult<std::size_t> Alerting::retire() {
  std::set<RuleKey> known;
  for (const auto& group : rules_->groups)
    for (const auto& rule : group.rules)
      if (rule.compiled.rule.kind == RuleKind::alert) known.insert({rule.compiled.group, rule.compiled.rule.name});
  States next = state_;
  std::vector<Alert> changed;
  const UtcTime now = parts_.clock.now();
  bool left = false;
  for (auto& [key, alerts] : next) {
    if (known.contains(key)) continue;
    alerts::retire(alerts, now, changed);
    left = left || !alerts.empty();
  }
  if (!changed.empty()) {
    auto planned = plan(next, changed, now);
    auto saved = co_await save(changed, std::move(planned));
    if (!saved) co_return fail(std::move(saved.error()));
  }
  state_ = std::move(next);
  const auto with_series = with_alert_series_;
  for (const auto& group : with_series)
    if (std::none_of(rules_->groups.begin(), rules_->groups.end(), [&](const auto& one) { return one.id == group; }))
      store_alert_series(group, state_, now, !changed.empty());
  retire_due_ = left;
  co_return changed.size();
}

net::Task<void> Alerting::refresh_expected() {
  if (parts_.ledger == nullptr || parts_.clock.steady_now() < expected_due_) co_return;
  expected_due_ = parts_.clock.steady_now() + kExpectedInterval;
  auto read = [](store::Ledger& ledger) { return ledger.list_changes({}, kChangesRead); };
  auto changes = co_await with_ledger(read);
  if (!changes) co_return;
  note_changes(*changes);
  co_await note_track_records(&*changes);
  co_await tell_changes(&*changes);
  const auto now = parts_.clock.steady_now();
  std::erase_if(expected_until_, [now](const auto& each) { return each.second < now; });
  expected_.clear();
  for (const auto& change : *changes) {
    if (is_running(change.state)) expected_until_[change.id] = now + kAftermath;
    if (expected_until_.contains(change.id))
      expected_.push_back({change.id, alerts::expected_alerts(change.plan.action)});
  }
}

std::vector<Alert> Alerting::alerts() const {
  std::vector<Alert> out;
  for (const auto& [key, alerts] : state_)
    for (const auto& [id, alert] : alerts) out.push_back(alert);
  return out;
}

std::vector<Labels> Alerting::watched() const {
  std::vector<Labels> out;
  for (const auto& [key, alerts] : state_)
    for (const auto& [id, alert] : alerts)
      if (alert.state == AlertState::pending || alert.state == AlertState::firing) out.push_back(alert.labels);
  return out;
}

Result<Alert> Alerting::find(const std::string& id) const {
  std::optional<Alert> found;
  for (const auto& [key, alerts] : state_)
    for (const auto& [fp, alert] : alerts) {
      const auto whole = alert.fingerprint_hex();
      if (whole == id) return alert;
      if (id.empty() || !whole.starts_with(id)) continue;
      if (found) return fail(Errc::conflict, "more than one alert starts with \"" + id + "\"; give more of it");
      found = alert;
    }
  if (!found) return fail(Errc::not_found, "no alert starts with \"" + id + "\"");
  return std::move(*found);
}

std::optional<std::string> Alerting::muted(const Alert& alert) const {
  if (alert.state != AlertState::firing) return std::nullopt;
  const auto known = inputs(state_);
  const alerts::Inhibition inhibition(routes_.inhibit, known.alerts);
  std::optional<std::string> why;
  for (const auto* route : routes_.tree.match(alert.labels)) {
    why = route->receiver.empty() ? std::optional<std::string>("its route leads to nobody")
                                  : alerts::mute_reason(alert, route, routes_, known, inhibition, parts_.clock.now());
    if (!why) return std::nullopt;
  }
  return why;
}

}  // namespace pgtend::engine
