#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/dispatching.hpp"
#include "alerts/notifiers/delivery.hpp"

// A full disk must not silence the agent: what the ledger cannot take is told from memory. It is lost with the process,
// and may be told again after a restart.
namespace pgtend::engine {

bool Alerting::cannot_write(const Error& error) {
  return error.code == Errc::io || error.code == Errc::resource_exhausted || error.code == Errc::corrupt;
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

net::Task<std::size_t> Alerting::deliver_held() {
  const UtcTime now = parts_.clock.now();
  auto batch = held_.take_due(now);
  for (auto& message : batch) {
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
      continue;
    }
    auto permit = co_await turn();
    (void)plan_settle(dispatch_, message);
  }
  co_return batch.size();
}

}  // namespace pgtend::engine
