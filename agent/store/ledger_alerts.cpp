#include "agent/store/ledger_impl.hpp"
#include "agent/store/ledger_json.hpp"
#include "agent/store/outbox.hpp"

namespace pgtend::store {

namespace {

// Stores one alert, and its state in the history when it differs from what was stored.
Result<void> save_alert(Database& db, const Alert& alert, UtcTime now) {
  const auto fingerprint = alert.fingerprint_hex();
  auto find = db.cached("SELECT state FROM alerts WHERE rule_group=?1 AND rule=?2 AND fingerprint=?3");
  if (!find) return fail(std::move(find).error());
  std::string was(to_string(AlertState::inactive));
  (*find)->bind(1, alert.group).bind(2, alert.rule).bind(3, fingerprint);
  PGTEND_STORE_TRY(each_row(**find, [&](Statement& row) -> Result<void> {
    was = row.text(0);
    return {};
  }));
  const auto body = dump(to_json(alert));
  if (was != to_string(alert.state)) {
    auto remember = db.cached("INSERT INTO alert_history (at_ms, body) VALUES (?1, ?2)");
    if (!remember) return fail(std::move(remember).error());
    PGTEND_STORE_TRY((*remember)->bind(1, now).bind(2, body).run());
  }
  auto write = alert.state == AlertState::inactive
                   ? db.cached("DELETE FROM alerts WHERE rule_group=?1 AND rule=?2 AND fingerprint=?3")
                   : db.cached(
                         "INSERT OR REPLACE INTO alerts (rule_group, rule, fingerprint, state, body)"
                         " VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!write) return fail(std::move(write).error());
  (*write)->bind(1, alert.group).bind(2, alert.rule).bind(3, fingerprint);
  if (alert.state != AlertState::inactive) (*write)->bind(4, to_string(alert.state)).bind(5, body);
  return (*write)->run();
}

}  // namespace

Result<void> Ledger::save_alerts(const std::vector<Alert>& changed, const std::vector<OutboxMessage>& outgoing,
                                 const DispatchChange& dispatch) {
  auto& db = *impl_->db;
  const auto now = impl_->clock.now();
  return impl_->together(nullptr, [&]() -> Result<void> {
    for (const auto& alert : changed) PGTEND_STORE_TRY(save_alert(db, alert, now));
    if (!changed.empty()) {
      auto prune = db.cached("DELETE FROM alert_history WHERE id <= (SELECT max(id) FROM alert_history) - ?1");
      if (!prune) return fail(std::move(prune).error());
      PGTEND_STORE_TRY((*prune)->bind(1, kAlertHistoryRows).run());
    }
    PGTEND_STORE_TRY(save_dispatch(db, dispatch));
    Outbox outbox(*impl_);
    for (const auto& message : outgoing) PGTEND_STORE_TRY(outbox.enqueue(message));
    return outgoing.empty() ? Result<void>() : outbox.keep_within_limits();
  });
}

Result<std::vector<Alert>> Ledger::load_alerts() {
  auto query = impl_->db->cached("SELECT body FROM alerts ORDER BY rule_group, rule, fingerprint");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<Alert> out;
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    auto alert = parse_stored<Alert>(row.view(0));
    if (!alert) return fail(std::move(alert).error(), "ledger");
    out.push_back(std::move(*alert));
    return {};
  }));
  return out;
}

Result<std::vector<AlertEvent>> Ledger::alert_history(std::size_t limit) {
  auto query = impl_->db->cached("SELECT at_ms, body FROM alert_history ORDER BY id DESC LIMIT ?1");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<AlertEvent> out;
  (*query)->bind(1, static_cast<std::int64_t>(limit));
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    auto alert = parse_stored<Alert>(row.view(1));
    if (!alert) return fail(std::move(alert).error(), "ledger");
    out.push_back({row.time(0), std::move(*alert)});
    return {};
  }));
  return out;
}

Result<std::optional<Alert>> Ledger::past_alert(const std::string& id, UtcTime at) {
  auto query = impl_->db->prepare("SELECT body FROM alert_history ORDER BY id DESC");
  if (!query) return fail(std::move(query).error(), "ledger");
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error(), "ledger");
    if (!*row) return std::optional<Alert>();
    auto alert = parse_stored<Alert>(query->view(0));
    if (!alert) return fail(std::move(alert).error(), "ledger");
    if (alert->fired_at.value_or(alert->active_at) <= at && alert->fingerprint_hex().starts_with(id))
      return std::optional<Alert>(std::move(*alert));
  }
}

}  // namespace pgtend::store
