#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/receivers.hpp"
#include "alerts/digest.hpp"
#include "alerts/notifiers/alertmanager.hpp"

// The outbox half of Alerting: what leaves now, and how an attempt ends.
namespace pgtend::engine {

namespace {

constexpr std::size_t kBatch = 16;
// A receiver that does not answer is left alone for at most so long, whatever its messages' own waits are: one that
// only some messages bring to fail must not starve the others.
constexpr Millis kLongestRest{30'000};
constexpr std::chrono::seconds kStatsInterval{10};

constexpr std::string_view kAlertmanager = "alertmanager:";

alerts::Delivery gone(const std::string& receiver) {
  return {alerts::DeliveryOutcome::dead, 0, "receiver " + receiver + " is not configured any more", {}};
}

// Whether the receiver as a whole is in trouble, not this one message.
bool is_unwell(const alerts::Delivery& outcome) {
  return outcome.status == 0 || outcome.status == 429 || outcome.status == 503 || outcome.retry_after.has_value();
}

}  // namespace

std::optional<std::size_t> Alerting::alertmanager_index(const std::string& receiver) {
  if (!receiver.starts_with(kAlertmanager)) return std::nullopt;
  return static_cast<std::size_t>(std::stoul("0" + receiver.substr(kAlertmanager.size())));
}

// With Alertmanagers the receivers only stand by, until none of them could be reached for a while.
bool Alerting::standby() const {
  const auto& alerting = parts_.config->alerting;
  if (alerting.alertmanagers.empty() || alerting.fallback_after <= Millis(0)) return false;
  const Deadline now = parts_.clock.steady_now();
  for (std::size_t i = 0; i < alerting.alertmanagers.size(); ++i) {
    const auto since = unreachable_since_.find(i);
    if (since == unreachable_since_.end() || now - since->second < alerting.fallback_after) return true;
  }
  return false;
}

void Alerting::note_reach(std::size_t alertmanager, const alerts::Delivery& outcome) {
  const bool reached = outcome.outcome == alerts::DeliveryOutcome::sent || outcome.status == 400;
  const bool was = standby();
  if (reached) {
    unreachable_since_.erase(alertmanager);
  } else {
    unreachable_since_.try_emplace(alertmanager, parts_.clock.steady_now());
  }
  if (was && !standby()) log::error("no Alertmanager can be reached: the agent's own receivers take over", {});
  if (!was && standby()) log::info("an Alertmanager can be reached again: the agent's own receivers rest", {});
}

net::TaskResult<std::size_t> Alerting::resend() {
  const UtcTime now = parts_.clock.now();
  const auto& alertmanagers = parts_.config->alerting.alertmanagers;
  std::vector<OutboxMessage> outgoing;
  for (const auto& [key, alerts] : state_) {
    const auto group = alerts::notifiable(alerts, now - alerts::kResolvedRetention);
    for (std::size_t i = 0; i < alertmanagers.size() && !group.empty(); ++i)
      outgoing.push_back(alertmanager_message(i, key, group, now));
  }
  if (outgoing.empty()) co_return 0;
  const auto count = outgoing.size();
  if (parts_.ledger == nullptr) {
    hold(std::move(outgoing), {});
    co_return count;
  }
  auto save = [outgoing](store::Ledger& ledger) { return ledger.save_alerts({}, outgoing); };
  auto saved = co_await with_ledger(save);
  if (!saved && !cannot_write(saved.error())) co_return fail(std::move(saved.error()), "resend alerts");
  if (!saved) hold(std::move(outgoing), saved.error().describe());
  co_return count;
}

std::map<std::string, int> Alerting::allowance(Deadline now) {
  std::map<std::string, int> out;
  const auto add = [&](const std::string& id, alerts::SendRate rate) {
    auto& pace = paces_.try_emplace(id, rate).first->second;
    out[id] = pace.allowed(now, static_cast<int>(kBatch));
  };
  for (const auto& each : integrations(parts_.config->alerting)) add(each.id, alerts::send_rate(each.config.kind));
  for (std::size_t i = 0; i < parts_.config->alerting.alertmanagers.size(); ++i)
    add(std::string(kAlertmanager) + std::to_string(i), {});
  for (const auto& id : busy_) out[id] = 0;
  return out;
}

net::TaskResult<std::vector<OutboxMessage>> Alerting::claim_due() {
  if (parts_.ledger == nullptr || !parts_.ledger->may_have_queued()) co_return std::vector<OutboxMessage>();
  auto claim = [now = parts_.clock.now(), allowed = allowance(parts_.clock.steady_now())](store::Ledger& ledger) {
    return ledger.claim(now, kBatch, allowed);
  };
  co_return co_await with_ledger(claim);
}

net::Task<std::vector<Alerting::Batch>> Alerting::take_due() {
  const Deadline steady = parts_.clock.steady_now();
  co_await combine_waiting(steady);
  std::map<std::string, Batch> batches;
  for (auto& message : held_.take_due(parts_.clock.now(), busy_))
    batches[message.receiver].held.push_back(std::move(message));
  auto claimed = co_await claim_due();
  if (claimed)
    for (auto& message : *claimed) batches[message.receiver].claimed.push_back(std::move(message));
  const auto looked = claimed ? co_await look_at_outbox() : fail(std::move(claimed.error()));
  // That the disk stalls has been said, and what memory holds is told; the heartbeat stops.
  if (looked) last_delivery_ = parts_.clock.now();
  if (!looked && !store_.is_stalled()) log::warn("outbox not read", {{"error", looked.error().describe()}});
  std::vector<Batch> out;
  for (auto& [receiver, batch] : batches) {
    batch.receiver = receiver;
    busy_.insert(receiver);
    out.push_back(std::move(batch));
  }
  co_return out;
}

// An empty outbox is not read otherwise: a ledger that cannot be read is no sign of life.
net::TaskResult<bool> Alerting::look_at_outbox() {
  const Deadline steady = parts_.clock.steady_now();
  if (parts_.ledger == nullptr || steady < stats_due_) co_return true;
  stats_due_ = steady + kStatsInterval;
  auto read = [](store::Ledger& ledger) { return ledger.outbox_stats(); };
  auto stats = co_await with_ledger(read);
  if (!stats) co_return fail(std::move(stats.error()), "read the outbox");
  publish_outbox(*stats);
  co_await count_rule_series();
  co_await read_dropped();
  co_return true;
}

net::Task<void> Alerting::send(Batch batch) {
  const std::shared_ptr<void> until_the_end(nullptr, [this, receiver = batch.receiver](void*) {
    busy_.erase(receiver);
    outbox_.ring();
  });
  for (auto& message : batch.held) co_await send_held(std::move(message));
  for (auto& message : batch.claimed) co_await send(std::move(message));
}

net::Task<void> Alerting::send(OutboxMessage message) {
  const auto pace = paces_.find(message.receiver);
  // It fell silent while this batch was under way: do not wait for it again and again.
  if (pace != paces_.end() && pace->second.allowed(parts_.clock.steady_now(), 1) == 0) {
    alerts::Delivery later;
    later.reason = "waits for the receiver";
    co_await finish(std::move(message), std::move(later));
    co_return;
  }
  if (pace != paces_.end()) pace->second.take(parts_.clock.steady_now());
  if (is_told_from_memory(message)) {
    co_await finish(std::move(message), {alerts::DeliveryOutcome::sent, 0, "", {}});
    co_return;
  }
  auto outcome = co_await attempt(&message);
  const auto index = alertmanager_index(message.receiver);
  if (index) note_reach(*index, outcome);
  const Labels labels{{"receiver", message.receiver}, {"outcome", std::string(to_string(outcome.outcome))}};
  if (outcome.outcome != alerts::DeliveryOutcome::sent)
    log::warn("notification not delivered", {{"receiver", message.receiver},
                                             {"outcome", std::string(to_string(outcome.outcome))},
                                             {"reason", outcome.reason},
                                             {"attempts", std::to_string(message.attempts)}});
  co_await finish(std::move(message), std::move(outcome));
  // Counted when the ledger knows it: what is counted as sent is not sent again after a crash.
  parts_.board.counter("pgtend_notifications_total", "Attempts to deliver a notification.", labels).add();
}

net::Task<alerts::Delivery> Alerting::attempt(const OutboxMessage* message) {
  const auto& alerting = parts_.config->alerting;
  if (const auto index = alertmanager_index(message->receiver)) {
    if (*index >= alerting.alertmanagers.size()) co_return gone(message->receiver);
    alerts::AlertmanagerTarget target;
    target.url = alerting.alertmanagers[*index].url;
    auto answer = co_await alerts::deliver_alertmanager(&client_, &parts_.clock, target, message->body);
    if (!answer) co_return alerts::classify(answer.error());
    co_return *answer;
  }
  const auto integration = find_integration(alerting, message->receiver);
  if (!integration) co_return gone(message->receiver);
  auto target = target_with_secrets(integration->config);
  if (!target) co_return alerts::classify(target.error());
  auto answer = co_await alerts::deliver(&client_, parts_.sending, &parts_.clock, *target, *message);
  if (!answer) co_return alerts::classify(answer.error());
  co_return *answer;
}

net::Task<void> Alerting::finish(OutboxMessage message, alerts::Delivery outcome) {
  const UtcTime now = parts_.clock.now();
  const UtcTime again =
      retry_at(now, message.attempts, outcome.retry_after, seed_ ^ static_cast<std::uint64_t>(message.id));
  const auto pace = paces_.find(message.receiver);
  if (pace != paces_.end()) {
    if (outcome.outcome != alerts::DeliveryOutcome::retry) pace->second.answered();
    const Millis rest = std::max(std::min(again - now, kLongestRest), outcome.retry_after.value_or(Millis(0)));
    if (outcome.outcome == alerts::DeliveryOutcome::retry && is_unwell(outcome) &&
        outcome.reason != "waits for the receiver")
      pace->second.rest(parts_.clock.steady_now() + rest);
  }
  auto permit = co_await turn();
  if (!permit) co_return;  // the lease ends by itself, and the message is sent again
  Result<void> marked;
  if (outcome.outcome == alerts::DeliveryOutcome::retry) {
    auto mark = [reason = outcome.reason, again, id = message.id](store::Ledger& ledger) {
      return ledger.mark_failed(id, reason, again);
    };
    marked = co_await with_ledger(mark, StoreWait::Late::later);
  } else {
    const bool sent = outcome.outcome == alerts::DeliveryOutcome::sent;
    if (message.kind == alerts::kDigest) digests_.erase(message.receiver);
    const auto instead = sent ? std::vector<OutboxMessage>() : dead_letters(message, outcome.reason);
    const auto change = plan_settle(dispatch_, message).value_or(store::DispatchChange{});
    auto mark = [sent, instead, change, reason = outcome.reason, id = message.id](store::Ledger& ledger) {
      return sent ? ledger.mark_sent(id, change) : ledger.mark_dead(id, reason, instead, change);
    };
    marked = co_await with_ledger(mark, StoreWait::Late::later);
    if (!sent && !marked) ++uncounted_dead_;
  }
  if (!marked) log::warn("outbox not updated", {{"error", marked.error().describe()}});
}

// What one receiver refused for good, in the words of another.
std::vector<OutboxMessage> Alerting::dead_letters(const OutboxMessage& message, const std::string& reason) const {
  const auto& alerting = parts_.config->alerting;
  const auto unsent = unsent_of(dispatch_, message);
  if (alerting.dead_letter_receiver.empty() || unsent.empty()) return {};
  const auto group = dispatch_.groups.find(message.group_key);
  const UtcTime now = parts_.clock.now();
  std::vector<OutboxMessage> out;
  for (const auto& each : integrations(alerting)) {
    if (each.receiver != alerting.dead_letter_receiver || each.id == message.receiver) continue;
    Notification notification;
    notification.receiver = each.receiver;
    notification.integration = each.id;
    // A key of its own: it must not take the place of what that receiver is told anyway.
    notification.group_key = message.group_key + " for " + message.receiver;
    if (group != dispatch_.groups.end()) notification.group_labels = group->second.labels;
    notification.alerts = unsent;
    const bool fires = unsent.front().alert.state == AlertState::firing;
    notification.reason = fires ? NotificationReason::firing : NotificationReason::resolved;
    notification.alerts.front().alert.facts.acts.push_back(message.receiver + " did not take this: " + reason);
    out.push_back(render(notification, now));
  }
  return out;
}

net::TaskResult<bool> Alerting::heartbeat() {
  const auto& beat = parts_.config->alerting.heartbeat;
  if (beat.url.empty() && beat.url_file.empty()) co_return false;
  const UtcTime now = parts_.clock.now();
  const Millis patience = std::max<Millis>(parts_.config->rules.evaluation_interval * 4, std::chrono::minutes(1));
  // A sign of life is given only for what lives: rules are evaluated and messages leave.
  if (now - last_evaluation_ > patience || now - last_delivery_ > patience)
    co_return fail(Errc::unavailable, "no heartbeat: rules or outbox stand still", true);
  http::ClientRequest request;
  request.method = beat.method;
  request.url = beat.url;
  request.timeout = beat.timeout;
  request.max_body = 64 * 1024;
  request.truncate_body = true;
  if (beat.method == "POST") {
    // Without a type it would go as a form, which a receiver of JSON refuses.
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = "{}";
  }
  if (!beat.url_file.empty()) {
    auto text = config::read_text(beat.url_file);
    if (!text) co_return fail(std::move(text.error()), "heartbeat");
    request.url = std::string(trim(*text));
  }
  auto answer = co_await client_.send(std::move(request));
  if (!answer) co_return fail(std::move(answer.error()), "heartbeat");
  if (answer->status / 100 != 2)
    co_return fail(Errc::unavailable, "heartbeat: answered " + std::to_string(answer->status), true);
  co_return true;
}

}  // namespace pgtend::engine
