#include <random>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/store/sha256.hpp"
#include "alerts/notifiers/alertmanager.hpp"
#include "alerts/notifiers/webhook.hpp"

// The outbox half of Alerting: what is queued for whom, and how an attempt ends.
namespace pgtend::engine {

namespace {

constexpr std::size_t kBatch = 16;
// Source: alerting reference 4.2: full jitter, base 1 s, cap 5 min, no limit of attempts while the alert fires.
constexpr std::int64_t kRetryBaseMs = 1'000;
constexpr std::int64_t kRetryCapMs = 300'000;
// Source: Prometheus sends endsAt = now + 4 × max(interval, resend delay).
constexpr int kValidIntervals = 4;

constexpr std::string_view kAlertmanager = "alertmanager:";

std::string receiver_name(std::size_t index) { return std::string(kAlertmanager) + std::to_string(index); }

UtcTime retry_at(UtcTime now, int attempts, std::optional<Millis> retry_after, std::uint64_t seed) {
  const std::int64_t ceiling = std::min(kRetryCapMs, kRetryBaseMs << std::min(attempts, 9));
  std::mt19937_64 random(seed);
  const Millis pause(std::uniform_int_distribution<std::int64_t>(0, ceiling)(random));
  return now + std::max(pause, retry_after.value_or(Millis(0)));
}

std::string dedup_key(const std::string& instance, const std::string& group_key) {
  return store::sha256_hex(instance + "\n" + group_key);
}

}  // namespace

OutboxMessage Alerting::webhook_message(const config::WebhookReceiver& receiver, const std::string& rule,
                                        const std::vector<Alert>& group, UtcTime now) const {
  OutboxMessage message;
  message.receiver = "webhook:" + receiver.name;
  message.group_key = alerts::group_key(rule);
  message.dedup_key = dedup_key(parts_.config->instance.name, message.group_key);
  alerts::WebhookGroup heading;
  heading.receiver = receiver.name;
  heading.group_key = message.group_key;
  heading.group_labels = Labels{{"alertname", rule}};
  heading.external_url = parts_.config->alerting.external_url;
  message.body = alerts::webhook_body(heading, group);
  message.created_at = message.not_before = now;
  return message;
}

OutboxMessage Alerting::alertmanager_message(std::size_t index, const std::string& rule, const std::vector<Alert>& group,
                                             UtcTime now) const {
  const auto& config = *parts_.config;
  OutboxMessage message;
  message.receiver = receiver_name(index);
  message.group_key = alerts::group_key(rule);
  message.dedup_key = dedup_key(config.instance.name, message.group_key);
  const Millis valid = kValidIntervals * std::max(config.rules.evaluation_interval, config.alerting.resend_interval);
  message.body = alerts::alertmanager_body(group, now, valid, config.alerting.external_url);
  message.created_at = message.not_before = now;
  return message;
}

std::vector<OutboxMessage> Alerting::messages_for(const std::vector<Alert>& changed, UtcTime now) const {
  const auto& alerting = parts_.config->alerting;
  std::map<RuleKey, bool> rules;  // -> whether an alert of it fired or resolved just now
  for (const auto& alert : changed) {
    const bool fired = alert.state == AlertState::firing && alert.fired_at == now;
    const bool resolved = alert.state == AlertState::resolved && alert.resolved_at == now;
    if (fired || resolved) rules[{alert.group, alert.rule}] = true;
  }
  std::vector<OutboxMessage> out;
  for (const auto& [key, unused] : rules) {
    const auto group = alerts::notifiable(state_.at(key), now);
    if (group.empty()) continue;
    bool firing = false;
    for (const auto& alert : group) firing = firing || alert.state == AlertState::firing;
    const std::string kind = firing ? "firing" : "resolved";
    for (const auto& receiver : alerting.webhooks) out.push_back(webhook_message(receiver, key.rule, group, now));
    for (std::size_t i = 0; i < alerting.alertmanagers.size(); ++i)
      out.push_back(alertmanager_message(i, key.rule, group, now));
    for (auto it = out.end() - static_cast<std::ptrdiff_t>(alerting.webhooks.size() + alerting.alertmanagers.size());
         it != out.end(); ++it)
      it->kind = kind;
  }
  return out;
}

net::TaskResult<std::size_t> Alerting::resend() {
  const UtcTime now = parts_.clock.now();
  const auto& alertmanagers = parts_.config->alerting.alertmanagers;
  std::vector<OutboxMessage> outgoing;
  for (const auto& [key, alerts] : state_) {
    const auto group = alerts::notifiable(alerts, now - alerts::kResolvedRetention);
    for (std::size_t i = 0; i < alertmanagers.size() && !group.empty(); ++i) {
      outgoing.push_back(alertmanager_message(i, key.rule, group, now));
      outgoing.back().kind = "firing";
    }
  }
  if (outgoing.empty()) co_return 0;
  auto save = [outgoing](store::Ledger& ledger) { return ledger.save_alerts({}, outgoing); };
  auto saved = co_await parts_.with_ledger(save);
  if (!saved) co_return fail(std::move(saved.error()), "resend alerts");
  co_return outgoing.size();
}

net::TaskResult<std::size_t> Alerting::deliver() {
  const UtcTime now = parts_.clock.now();
  auto claim = [now](store::Ledger& ledger) { return ledger.claim(now, kBatch); };
  auto due = co_await parts_.with_ledger(claim);
  if (!due) co_return fail(std::move(due.error()), "read the outbox");
  for (const auto& message : *due) co_await send(message);
  co_return due->size();
}

net::Task<void> Alerting::send(OutboxMessage message) {
  const auto& alerting = parts_.config->alerting;
  Result<alerts::Delivery> attempt = fail(Errc::config, "receiver " + message.receiver + " is not configured any more");
  if (message.receiver.starts_with(kAlertmanager)) {
    const auto index = static_cast<std::size_t>(std::stoul(message.receiver.substr(kAlertmanager.size())));
    if (index < alerting.alertmanagers.size()) {
      alerts::AlertmanagerTarget target;
      target.url = alerting.alertmanagers[index].url;
      auto answer = co_await alerts::deliver_alertmanager(client_, parts_.clock, target, message.body);
      attempt = std::move(answer);
    }
  }
  for (const auto& receiver : alerting.webhooks) {
    if ("webhook:" + receiver.name != message.receiver) continue;
    alerts::WebhookTarget target;
    target.url = receiver.url;
    target.timeout = receiver.timeout;
    if (!receiver.url_file.empty()) {
      const auto text = config::read_text(receiver.url_file);
      if (text) target.url = std::string(trim(*text));
    }
    const std::string key = message.dedup_key + "-" + std::to_string(message.id);
    auto answer = co_await alerts::deliver_webhook(client_, parts_.clock, target, message.body, key);
    attempt = std::move(answer);
  }
  alerts::Delivery outcome;
  if (attempt) {
    outcome = std::move(*attempt);
  } else {
    outcome = {alerts::DeliveryOutcome::dead, 0, attempt.error().describe(), {}};
  }
  const Labels labels{{"receiver", message.receiver}, {"outcome", std::string(to_string(outcome.outcome))}};
  parts_.board.counter("pgtend_notifications_total", "Attempts to deliver a notification.", labels).add();
  const UtcTime again =
      retry_at(parts_.clock.now(), message.attempts, outcome.retry_after, seed_ ^ static_cast<std::uint64_t>(message.id));
  auto mark = [outcome, again, id = message.id](store::Ledger& ledger) {
    if (outcome.outcome == alerts::DeliveryOutcome::sent) return ledger.mark_sent(id);
    if (outcome.outcome == alerts::DeliveryOutcome::dead) return ledger.mark_dead(id, outcome.reason);
    return ledger.mark_failed(id, outcome.reason, again);
  };
  auto marked = co_await parts_.with_ledger(mark);
  if (outcome.outcome != alerts::DeliveryOutcome::sent)
    log::warn("notification not delivered", {{"receiver", message.receiver},
                                             {"outcome", std::string(to_string(outcome.outcome))},
                                             {"reason", outcome.reason},
                                             {"attempts", std::to_string(message.attempts)}});
  if (!marked) log::warn("outbox not updated", {{"error", marked.error().describe()}});
}

}  // namespace pgtend::engine
