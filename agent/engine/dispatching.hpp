#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/store/ledger.hpp"
#include "alerts/dispatch.hpp"
#include "alerts/notifiers/delivery.hpp"

// The dispatcher's steps as values: what the state becomes, what is stored, what is sent. Synchronous, so that a test
// can drive them with a ledger and a clock of its own.
namespace pgtend::engine {

// One step that is not yet stored. The caller stores `change` and `outgoing` in one transaction and takes `next` only
// then: when the ledger cannot take it, it did not happen.
struct DispatchPlan {
  DispatchState next;
  store::DispatchChange change;
  std::vector<OutboxMessage> outgoing;
};

// Into a receiver's words.
using Render = std::function<OutboxMessage(const Notification& notification)>;

// Takes `changed` into the groups and flushes what is due.
[[nodiscard]] DispatchPlan plan_dispatch(const DispatchState& now_state, const alerts::DispatchRules& rules,
                                         const alerts::DispatchInputs& inputs, const std::vector<Alert>& changed,
                                         const Render& render, UtcTime now);

// One message in place of all that wait for a way, of `queued`; nullopt: there is nothing to combine. REQUIRES: none of
// them is being sent.
[[nodiscard]] std::optional<DispatchPlan> plan_digest(const DispatchState& now_state, const std::string& receiver,
                                                      const std::string& integration,
                                                      const std::vector<OutboxMessage>& queued, const Render& render);

// What a message said that nobody acknowledged: its group's, or of a digest that of all its groups.
[[nodiscard]] std::vector<NotifiedAlert> unsent_of(const DispatchState& state, const OutboxMessage& message);

// A message arrived or was given up; nullopt: nothing to store. `state` changes at once: what it forgets is only what
// need not be said again.
[[nodiscard]] std::optional<store::DispatchChange> plan_settle(DispatchState& state, const OutboxMessage& message);

// The envelope of a notification: keys, order, urgency and expiry; the body is the caller's.
[[nodiscard]] OutboxMessage outbox_message(const Notification& notification, const std::string& instance, UtcTime now);
[[nodiscard]] std::string dedup_key(const std::string& instance, const std::string& group_key);

// When a message is tried again: full jitter of an exponential ceiling, not before what the receiver asked for.
[[nodiscard]] UtcTime retry_at(UtcTime now, int attempts, std::optional<Millis> retry_after, std::uint64_t seed);

}  // namespace pgtend::engine
