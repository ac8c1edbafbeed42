#include <algorithm>
#include <iterator>

#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/dispatching.hpp"
#include "alerts/notifiers/delivery.hpp"

// A full disk must not silence the agent: what the ledger cannot take is told from memory. It is lost with the process,
// and may be told again after a restart.
namespace pgtend::engine {

bool Alerting::cannot_write(const Error& error) {
  return error.code == Errc::io || error.code == Errc::resource_exhausted || error.code == Errc::corrupt ||
         error.code == Errc::timeout;
}

void Alerting::hold(std::vector<OutboxMessage> messages, const std::string& why) {
  if (parts_.ledger != nullptr) {
    if (!ledger_behind_)
      log::error("the ledger cannot be written: alerts are kept and told from memory",
                 {{"file", parts_.config->ledger.path}, {"error", why}});
    ledger_behind_ = true;
    parts_.ledger_error = why;
  }
  for (auto& message : messages) held_.add(std::move(message));
}

void Alerting::add_missed(std::vector<Alert>& changed, DispatchPlan& plan) const {
  // It comes first: it is older.
  auto known = alerts();
  changed.insert(changed.begin(), std::make_move_iterator(known.begin()), std::make_move_iterator(known.end()));
  plan.change.saved.clear();
  for (const auto& [key, group] : plan.next.groups) plan.change.saved.push_back(group);
  for (const auto& key : ended_unsaved_)
    if (!plan.next.groups.contains(key)) plan.change.ended.push_back(key);
  plan.change.flaps = plan.next.flaps;
  plan.change.sequence = plan.next.sequence = std::max<std::int64_t>(plan.next.sequence, 1);
}

bool Alerting::is_told_from_memory(const OutboxMessage& message) const {
  if (message.sequence == 0) return false;
  const auto told = told_held_.find({message.receiver, message.group_key});
  return (told != told_held_.end() && told->second >= message.sequence) || held_.holds(message);
}

net::Task<void> Alerting::send_held(OutboxMessage message) {
  const UtcTime now = parts_.clock.now();
  const auto outcome = co_await attempt(&message);
  if (const auto index = alertmanager_index(message.receiver)) note_reach(*index, outcome);
  parts_.board
      .counter("pgtend_notifications_total", "Attempts to deliver a notification.",
               Labels{{"receiver", message.receiver}, {"outcome", std::string(to_string(outcome.outcome))}})
      .add();
  if (outcome.outcome == alerts::DeliveryOutcome::retry) {
    ++message.attempts;
    message.not_before = retry_at(now, message.attempts, outcome.retry_after, static_cast<std::uint64_t>(to_ms(now)));
    held_.add(std::move(message));
    co_return;
  }
  if (message.sequence > 0) told_held_[{message.receiver, message.group_key}] = message.sequence;
  if (told_held_.size() > HeldMessages::kMost) told_held_.erase(told_held_.begin());
  auto permit = co_await turn();
  (void)plan_settle(dispatch_, message);
}

}  // namespace pgtend::engine
