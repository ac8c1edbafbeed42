#include "agent/engine/view.hpp"

#include <filesystem>

#include "agent/change/plan_hash.hpp"

namespace pgtend::engine {

View::View(Parts& parts, Collecting& collecting, CostAccount& cost, Alerting& alerting, const Advising& advising,
           change::Pipeline* changes, std::string version)
    : parts_(parts),
      collecting_(collecting),
      cost_(cost),
      alerting_(alerting),
      advising_(advising),
      changes_(changes),
      version_(std::move(version)),
      started_at_(parts.clock.now()) {}

std::string View::degraded_by(const api::StatusView& status) const {
  if (alerting_.disk_stalls()) return "the disk of history and ledger does not answer";
  if (!status.ledger.writable) return "no ledger";
  if (!status.history.trouble.empty()) return "history is not written";
  for (const auto& lane : status.lanes)
    if ((lane.name == "probe" || lane.name == "sample") && !lane.up) return "lane " + lane.name + " is down";
  for (const auto& lane : status.lanes)
    if (lane.up && !lane.direct) return "through a pooler, where pgtend never acts";
  for (const auto& lane : status.lanes)
    if (!lane.up && !lane.last_error.empty()) return "lane " + lane.name + " gets no session";
  for (const auto& capability : capabilities_)
    if (!capability.present && !capability.advice)
      return "missing " + capability.name + (capability.database.empty() ? "" : " in " + capability.database);
  if (const auto& log = collecting_.log_tailing().capability(); log && !log->present && !log->advice)
    return "missing " + log->name;
  if (!status.config.reload_error.empty()) return "the last reload was refused";
  if (!status.config.not_loaded.empty()) return "a collector of yours is not loaded";
  return {};
}

net::TaskResult<api::StatusView> View::status() {
  api::StatusView out;
  out.version = version_;
  out.instance = parts_.config->instance.name;
  out.started_at = started_at_;
  out.server = parts_.lanes.identity();
  for (const auto& lane : parts_.lanes.status()) {
    api::LaneView view{lane.name, lane.up, lane.direct, lane.breaker, lane.last_error, 0};
    for (const auto& [code, count] : lane.reconnects) view.reconnects += static_cast<std::uint64_t>(count);
    out.lanes.push_back(std::move(view));
  }
  for (const auto& capability : capabilities_)
    if (!capability.advice || !capability.present)
      out.capabilities.push_back(
          {capability.name, capability.present, capability.effect, capability.cure, capability.database});
  if (const auto& disks = collecting_.server_host().capability())
    out.capabilities.push_back({disks->name, disks->present, disks->effect, disks->cure});
  if (const auto& log = collecting_.log_tailing().capability(); log && (!log->advice || !log->present))
    out.capabilities.push_back({log->name, log->present, log->effect, log->cure});
  out.collectors = collecting_.views();
  out.cost = {cost_.agent_cpu_ratio(),
              cost_.backend_cpu_ratio(),
              cost_.rss_bytes(),
              cost_.queries(),
              parts_.board.series(),
              cost_.over_budget(),
              static_cast<double>(cost_.slow_down()),
              cost_.budget().cpu_ratio,
              cost_.budget().rss_bytes};
  const auto history = parts_.history.stats();
  out.history = {history.bytes, static_cast<std::uint64_t>(history.samples), static_cast<std::size_t>(history.series),
                 static_cast<std::uint64_t>(history.dropped_snapshots), history.trouble};
  for (const auto& alert : alerting_.alerts()) {
    if (alert.state == AlertState::firing) ++out.alerts.firing;
    if (alert.state == AlertState::pending) ++out.alerts.pending;
  }
  auto freeze = co_await freeze_view();
  if (freeze) out.freeze = *freeze;
  auto count = [](store::Ledger& ledger) -> Result<std::pair<std::size_t, std::int64_t>> {
    auto open = ledger.list_changes({std::nullopt, true}, 1000);
    if (!open) return fail(std::move(open.error()));
    auto tail = ledger.audit_tail(1);
    if (!tail) return fail(std::move(tail.error()));
    return std::make_pair(open->size(), tail->empty() ? 0 : tail->back().sequence);
  };
  auto counts = co_await alerting_.with_ledger(count);
  out.ledger.writable = counts.has_value() && parts_.ledger_error.empty();
  if (counts) {
    out.changes.open = counts->first;
    out.ledger.audit_rows = counts->second;
  }
  out.config = parts_.config_view;
  out.reason = degraded_by(out);
  if (!out.reason.empty()) out.state = "degraded";
  co_return out;
}

net::TaskResult<api::FreezeView> View::freeze_view() {
  auto read = [](store::Ledger& ledger) { return ledger.freeze_state(); };
  auto state = co_await alerting_.with_ledger(read);
  if (!state) co_return fail(std::move(state.error()));
  api::FreezeView out{state->frozen, state->by, state->reason, state->since};
  std::error_code ignored;
  if (!out.frozen && std::filesystem::exists(parts_.config->change.freeze_file, ignored)) {
    out.frozen = true;
    out.by = "file " + parts_.config->change.freeze_file;
  }
  if (!out.frozen && parts_.config->policy.frozen) {
    out.frozen = true;
    out.by = "policy.frozen in the configuration";
  }
  co_return out;
}

net::TaskResult<std::vector<Finding>> View::findings() {
  if (parts_.ledger == nullptr) {
    std::vector<Finding> kept;
    for (const auto& [database, advice] : advising_.kept())
      kept.insert(kept.end(), advice.findings.begin(), advice.findings.end());
    co_return kept;
  }
  auto read = [](store::Ledger& ledger) { return ledger.list_findings(true); };
  auto stored = co_await parts_.with_ledger(read);
  if (!stored) co_return fail(std::move(stored.error()));
  std::vector<Finding> out;
  for (auto& finding : *stored) out.push_back(std::move(finding.finding));
  co_return out;
}

namespace {

// More than are ever open or were made from one recommendation while it is kept.
constexpr std::size_t kChangesLookedAt = 1000;

// A recommendation with the change that is made from it, and the last one that was.
api::RecommendationView recommendation_view(store::StoredRecommendation entry,
                                            const std::vector<Change>& newest_first) {
  api::RecommendationView view;
  view.plan_hash = change::plan_hash(entry.recommendation.change);
  view.decision = entry.decision;
  view.state = to_string(entry.state);
  view.reason = entry.reason;
  for (const auto& change : newest_first) {
    if (change.recommendation_id != entry.recommendation.id) continue;
    auto& place = is_final(change.state) ? view.answered_by : view.change_id;
    if (!place.empty()) continue;
    place = change.id;
    if (!is_final(change.state)) view.change_state = to_string(change.state);
  }
  view.recommendation = std::move(entry.recommendation);
  return view;
}

Result<std::vector<api::RecommendationView>> recommendation_views(store::Ledger& ledger) {
  auto stored = ledger.list_recommendations(true);
  if (!stored) return fail(std::move(stored.error()));
  auto changes = ledger.list_changes({}, kChangesLookedAt);
  if (!changes) return fail(std::move(changes.error()));
  std::vector<api::RecommendationView> out;
  for (auto& entry : *stored) out.push_back(recommendation_view(std::move(entry), *changes));
  return out;
}

}  // namespace

net::TaskResult<std::vector<api::RecommendationView>> View::recommendations() {
  if (parts_.ledger == nullptr) {
    std::vector<api::RecommendationView> kept;
    for (const auto& [database, advice] : advising_.kept())
      for (const auto& entry : advice.recommendations) kept.push_back(recommendation_view(entry, {}));
    co_return kept;
  }
  auto read = [](store::Ledger& ledger) { return recommendation_views(ledger); };
  auto views = co_await parts_.with_ledger(read);
  co_return views;
}

std::vector<api::AdviceLook> View::advice_looks() const {
  std::vector<api::AdviceLook> out;
  for (const auto& [database, look] : advising_.looks()) out.push_back({database, look.at, look.error, look.refused});
  return out;
}

net::TaskResult<api::RecommendationView> View::recommendation(std::string id) {
  if (parts_.ledger == nullptr) {
    for (const auto& [database, advice] : advising_.kept())
      for (const auto& entry : advice.recommendations)
        if (entry.recommendation.id == id) co_return recommendation_view(entry, {});
    co_return fail(Errc::not_found, "no recommendation " + id);
  }
  auto read = [id](store::Ledger& ledger) -> Result<api::RecommendationView> {
    auto stored = ledger.get_recommendation(id);
    if (!stored) return fail(std::move(stored.error()));
    auto changes = ledger.list_changes({}, kChangesLookedAt);
    if (!changes) return fail(std::move(changes.error()));
    return recommendation_view(std::move(*stored), *changes);
  };
  auto view = co_await parts_.with_ledger(read);
  co_return view;
}

net::Task<api::ChangeView> View::seen(Change change) {
  api::ChangeView out{std::move(change), ""};
  if (changes_ != nullptr) out.waits = co_await changes_->waits_for(out.change);
  co_return out;
}

net::TaskResult<std::vector<api::ChangeView>> View::changes(bool open_only, int limit) {
  auto read = [open_only, limit](store::Ledger& ledger) {
    return ledger.list_changes({std::nullopt, open_only}, static_cast<std::size_t>(std::max(1, limit)));
  };
  auto stored = co_await parts_.with_ledger(read);
  if (!stored) co_return fail(std::move(stored.error()));
  std::vector<api::ChangeView> out;
  for (auto& change : *stored) {
    auto view = co_await seen(std::move(change));
    out.push_back(std::move(view));
  }
  co_return out;
}

net::TaskResult<api::ChangeView> View::change(std::string id) {
  auto read = [id](store::Ledger& ledger) { return ledger.get_change(id); };
  auto stored = co_await parts_.with_ledger(read);
  if (!stored) co_return fail(std::move(stored.error()));
  auto view = co_await seen(std::move(*stored));
  co_return view;
}

net::TaskResult<api::ChangeProgress> View::change_progress(std::string id) {
  auto read = [id](store::Ledger& ledger) { return ledger.get_change(id); };
  auto stored = co_await parts_.with_ledger(read);
  if (!stored) co_return fail(std::move(stored.error()));
  api::ChangeProgress out;
  out.phase = to_string(stored->state);
  switch (stored->state) {
    case ChangeState::post_validated:
    case ChangeState::observing:
    case ChangeState::needs_restart:
      out.ratio = 1;
      break;
    default:
      out.ratio = is_final(stored->state) ? 1 : 0;
  }
  if (const auto progress = changes_ == nullptr ? std::nullopt : changes_->progress(stored->id)) {
    out.phase = progress->phase;
    out.ratio = progress->ratio;
    out.done = progress->done;
    out.total = progress->total;
    out.unit = progress->unit;
    out.waiting_for_pid = progress->waiting_for_pid;
  }
  co_return out;
}

net::TaskResult<std::vector<Alert>> View::alerts() {
  co_return alerting_.alerts();
}

net::TaskResult<std::vector<AuditEntry>> View::audit(std::int64_t from, int limit) {
  const auto rows = static_cast<std::size_t>(std::max(1, limit));
  auto read = [from, rows](store::Ledger& ledger) {
    return from <= 0 ? ledger.audit_tail(rows) : ledger.audit_list(from, rows);
  };
  auto stored = co_await parts_.with_ledger(read);
  co_return stored;
}

net::TaskResult<api::AuditVerification> View::audit_verify() {
  auto check = [](store::Ledger& ledger) { return ledger.audit_verify(); };
  auto checked = co_await parts_.with_ledger(check);
  if (!checked) co_return fail(std::move(checked.error()));
  api::AuditVerification out;
  out.ok = checked->ok;
  out.rows = checked->rows;
  if (!checked->ok) out.first_bad = checked->first_bad;
  out.reason = checked->why;
  co_return out;
}

}  // namespace pgtend::engine
