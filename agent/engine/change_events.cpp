#include "agent/engine/change_events.hpp"

#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/dispatching.hpp"
#include "agent/engine/receivers.hpp"
#include "alerts/notifiers/pagerduty.hpp"

namespace pgtend::engine {

namespace {

// More than the outbox keeps, so that no row that says "told" is overlooked.
constexpr std::size_t kRowsRead = 10'000;

bool is_told(const Change& change, UtcTime now) {
  const bool ended = change.state == ChangeState::kept || change.state == ChangeState::reverted;
  return ended && now - change.updated_at < store::kChangeEventAge;
}

OutboxMessage event_of(const Change& change, const std::string& way, const alerts::MessageContext& context) {
  OutboxMessage out;
  out.receiver = way;
  out.group_key = "change " + change.id;
  out.dedup_key = dedup_key(context.instance, out.group_key + " " + std::string(to_string(change.state)));
  out.kind = alerts::kChangeEvent;
  out.body = alerts::pagerduty_change_body(change, context);
  out.urgency = Urgency::info;
  out.created_at = out.not_before = context.now;
  out.expires_at = context.now + store::kChangeEventAge;
  return out;
}

Result<std::set<std::string>> events_in(store::Ledger& ledger) {
  std::set<std::string> out;
  for (const auto* state : {"queued", "sent", "dead", "superseded"}) {
    const auto rows = ledger.outbox_list(state, kRowsRead);
    if (!rows) return fail(rows.error());
    for (const auto& row : *rows)
      if (row.kind == alerts::kChangeEvent) out.insert(change_event_id(row));
  }
  return out;
}

}  // namespace

std::string change_event_id(const OutboxMessage& message) {
  return message.receiver + " " + message.dedup_key;
}

std::vector<OutboxMessage> change_events(const config::AlertingConfig& alerting, const std::string& instance,
                                         const std::vector<Change>& changes, UtcTime now) {
  const alerts::MessageContext context{instance, alerting.external_url, now};
  std::vector<OutboxMessage> out;
  for (const auto& way : integrations(alerting)) {
    if (way.config.kind != "pagerduty" || !way.config.change_events) continue;
    for (const auto& change : changes)
      if (is_told(change, now)) out.push_back(event_of(change, way.id, context));
  }
  return out;
}

net::Task<void> Alerting::tell_changes(const std::vector<Change>* changes) {
  auto events = change_events(parts_.config->alerting, parts_.config->instance.name, *changes, parts_.clock.now());
  if (events.empty()) co_return;
  if (!told_changes_) {
    auto known = co_await with_ledger(events_in);
    if (!known) co_return;  // asked again with the next look at the changes
    told_changes_ = std::move(*known);
  }
  std::set<std::string> told;
  std::vector<OutboxMessage> fresh;
  for (auto& event : events) {
    const auto id = change_event_id(event);
    if (!told_changes_->contains(id)) fresh.push_back(std::move(event));
    told.insert(id);
  }
  if (!fresh.empty()) {
    auto save = [fresh](store::Ledger& ledger) { return ledger.save_alerts({}, fresh); };
    auto saved = co_await with_ledger(save);
    if (!saved) {
      log::warn("change events not queued", {{"error", saved.error().describe()}});
      co_return;
    }
  }
  // Of older changes nothing need be remembered: they are not told any more.
  told_changes_ = std::move(told);
}

}  // namespace pgtend::engine
