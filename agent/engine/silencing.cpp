#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/receivers.hpp"
#include "agent/model/matcher_text.hpp"
#include "agent/model/silence.hpp"
#include "agent/store/sha256.hpp"
#include "alerts/message.hpp"

// What a person may do to alerts: silence, acknowledge, try a receiver. Each act is in the audit.
namespace pgtend::engine {

namespace {

std::string until_text(const Silence& silence) {
  return silence.ends_at ? "until " + to_rfc3339(*silence.ends_at) : std::string("until resolved");
}

store::AuditDraft draft_of(const std::string& actor, const std::string& action, const Silence& silence) {
  store::AuditDraft draft;
  draft.actor = actor;
  draft.action = action;
  draft.subject = silence.id;
  draft.after = to_string(silence.matchers) + " " + until_text(silence);
  draft.result = silence.comment.empty() ? "ok" : "ok: " + silence.comment;
  return draft;
}

}  // namespace

net::TaskResult<Silence> Alerting::add_silence(Silence silence, std::string actor) {
  const UtcTime now = parts_.clock.now();
  const auto is_met_by_absence = [](const Matcher& matcher) { return matcher.matches(std::string_view()); };
  if (std::all_of(silence.matchers.begin(), silence.matchers.end(), is_met_by_absence))
    co_return fail(Errc::invalid_argument,
                   "a silence needs a matcher that not every alert without the label meets, such as "
                   "alertname=\"PgReplicaLag\"");
  if (!silence.until_resolved && (!silence.ends_at || *silence.ends_at <= now))
    co_return fail(Errc::invalid_argument, "a silence ends in the future, or when its alerts are resolved");
  if (silence.created_by.empty()) silence.created_by = actor;
  if (silence.starts_at == UtcTime{}) silence.starts_at = now;
  const std::string seed =
      to_string(silence.matchers) + std::to_string(to_ms(now)) + silence.created_by + std::to_string(silences_.size());
  if (silence.until_resolved && !alerts::silences_to_end({silence}, alerts(), now).empty())
    co_return fail(Errc::conflict, "no alert matches " + to_string(silence.matchers) +
                                       " now, so a silence until it is resolved would end at once; give a time, like "
                                       "--for 2h");
  silence.id = store::sha256_hex(seed).substr(0, 12);
  const auto draft = draft_of(actor, "silence.add", silence);
  auto put = [silence, draft](store::Ledger& ledger) { return ledger.put_silence(silence, draft); };
  auto stored = co_await with_ledger(put);
  if (!stored) co_return fail(std::move(stored.error()), "silence");
  silences_.insert(silences_.begin(), silence);
  co_return silence;
}

net::TaskResult<Silence> Alerting::end_silence(std::string id, std::string actor) {
  const UtcTime now = parts_.clock.now();
  std::optional<Silence> found;
  for (const auto& each : silences_) {
    if (id.empty() || !each.id.starts_with(id) || !is_active(each, now)) continue;
    if (found) co_return fail(Errc::conflict, "more than one silence starts with \"" + id + "\"");
    found = each;
  }
  if (!found) co_return fail(Errc::not_found, "no silence that holds starts with \"" + id + "\"");
  found->ended_at = now;
  const auto draft = draft_of(actor, "silence.end", *found);
  auto put = [silence = *found, draft](store::Ledger& ledger) { return ledger.put_silence(silence, draft); };
  auto stored = co_await with_ledger(put);
  if (!stored) co_return fail(std::move(stored.error()), "end silence");
  for (auto& each : silences_)
    if (each.id == found->id) each = *found;
  co_return *found;
}

net::TaskResult<Silence> Alerting::acknowledge(std::string id, std::optional<UtcTime> until, std::string comment,
                                               std::string actor) {
  auto alert = find(id);
  if (!alert) co_return fail(std::move(alert.error()));
  if (alert->state != AlertState::firing && alert->state != AlertState::pending)
    co_return fail(Errc::conflict, "alert " + alert->fingerprint_hex() + " is " + std::string(to_string(alert->state)));
  Silence silence;
  for (const auto& [name, value] : alert->labels) {
    auto matcher = Matcher::make(name, MatchOp::equal, value);
    if (matcher) silence.matchers.push_back(std::move(*matcher));
  }
  silence.ends_at = until;
  silence.until_resolved = !until.has_value();
  silence.comment = comment.empty() ? "acknowledged" : "acknowledged: " + comment;
  auto added = co_await add_silence(std::move(silence), std::move(actor));
  co_return added;
}

net::Task<void> Alerting::end_silences(UtcTime now) {
  if (silences_.empty() || store_.is_stalled()) co_return;
  const auto known = alerts();
  const auto over = alerts::silences_to_end(silences_, known, now);
  for (const auto& id : over) {
    auto ended = co_await end_silence(id, "agent");
    if (!ended) log::warn("silence not ended", {{"id", id}, {"error", ended.error().describe()}});
  }
}

// A pager opens an incident only for what begins, and keeps it open until that ends: it is told both.
net::Task<std::string> Alerting::try_way(std::string receiver, std::string id, bool opens_incident, UtcTime now) {
  std::vector<AlertState> states{AlertState::resolved};
  if (opens_incident) states = {AlertState::firing, AlertState::resolved};
  std::string told;
  for (const auto state : states) {
    auto message = render(alerts::test_notification(receiver, id, state, now), now);
    // A receiver must not take the second for a repeat of the first.
    message.id = to_ms(now) + static_cast<std::int64_t>(state);
    auto outcome = co_await attempt(&message);
    if (outcome.outcome != alerts::DeliveryOutcome::sent)
      co_return id + ": " + std::string(to_string(outcome.outcome)) + " (" + outcome.reason +
          (told.empty() ? ")" : "); the incident was opened and is still open: resolve it by hand");
    told = "sent";
  }
  co_return id + ": sent" + (opens_incident ? " (an incident was opened and resolved)" : "");
}

net::TaskResult<std::vector<std::string>> Alerting::test_receiver(std::string name, std::string actor) {
  const UtcTime now = parts_.clock.now();
  std::vector<std::string> lines;
  const auto all = integrations(parts_.config->alerting);
  for (const auto& each : all) {
    if (each.receiver != name && each.id != name) continue;
    auto line = co_await try_way(each.receiver, each.id, each.config.kind == "pagerduty", now);
    lines.push_back(std::move(line));
  }
  if (lines.empty()) co_return fail(Errc::not_found, "no receiver is named \"" + name + "\"");
  store::AuditDraft draft;
  draft.actor = actor;
  draft.action = "receiver.test";
  draft.subject = name;
  draft.result = "ok";
  auto note = [draft](store::Ledger& ledger) { return ledger.audit(draft); };
  auto noted = co_await with_ledger(note);
  if (!noted) log::warn("test of a receiver not audited", {{"error", noted.error().describe()}});
  co_return lines;
}

}  // namespace pgtend::engine
