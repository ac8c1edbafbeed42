#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/dispatching.hpp"
#include "alerts/notifiers/delivery.hpp"

// A full disk must not silence the agent: what the ledger cannot take is told from memory. It is lost with the process,
// and may be told again after a restart.
namespace pgtend::engine {

namespace {

// Source: 100 alerts to ten receivers.
constexpr std::size_t kMostHeld = 1000;

}  // namespace

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
  for (auto& message : messages) {
    std::erase_if(held_, [&](const OutboxMessage& older) {
      return older.receiver == message.receiver && older.dedup_key == message.dedup_key;
    });
    held_.push_back(std::move(message));
  }
  while (held_.size() > kMostHeld) held_.pop_front();
}

net::Task<std::size_t> Alerting::deliver_held() {
  const UtcTime now = parts_.clock.now();
  auto batch = std::exchange(held_, {});
  std::size_t tried = 0;
  for (auto& message : batch) {
    if (message.expires_at && *message.expires_at <= now) continue;
    if (message.not_before > now) {
      held_.push_back(std::move(message));
      continue;
    }
    ++tried;
    const auto outcome = co_await attempt(&message);
    parts_.board
        .counter("pgtend_notifications_total", "Attempts to deliver a notification.",
                 Labels{{"receiver", message.receiver}, {"outcome", std::string(to_string(outcome.outcome))}})
        .add();
    if (outcome.outcome == alerts::DeliveryOutcome::retry) {
      ++message.attempts;
      message.not_before = retry_at(now, message.attempts, outcome.retry_after, static_cast<std::uint64_t>(to_ms(now)));
      held_.push_back(std::move(message));
      continue;
    }
    auto permit = co_await turn();
    (void)plan_settle(dispatch_, message);
  }
  co_return tried;
}

}  // namespace pgtend::engine
