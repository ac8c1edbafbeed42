#include "agent/engine/pipeline.hpp"

#include "agent/base/log.hpp"
#include "agent/engine/policy_past.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::engine {

net::Task<void> Pipeline::sample(std::string collector, std::string database) {
  auto snapshot = co_await collecting_.collect(std::move(collector), std::move(database));
  store(snapshot);
}

void Pipeline::store(const SnapshotPtr& snapshot) {
  parts_.board.publish(snapshot);
  alerting_.store(snapshot);
}

net::Task<void> Pipeline::watch(RuleTurns turns) {
  auto evaluated = co_await alerting_.evaluate(std::move(turns), parts_.clock.now());
  if (!evaluated) {
    log::warn("rules not evaluated", {{"error", evaluated.error().describe()}});
    co_return;
  }
  bool any = false;
  for (auto& group : *evaluated) {
    // Others were taken while an alert was saved.
    if (group.rules != alerting_.rules()) break;
    auto changed = co_await alerting_.alert(std::move(group));
    if (!changed) {
      log::error("alerts not saved", {{"error", changed.error().describe()}});
      continue;
    }
    any = any || !changed->empty();
  }
  // Who waits for a receiver does not hold up the next look at the rules.
  if (any) alerting_.outbox().ring();
}

net::Task<void> Pipeline::tend(std::string database) {
  auto advice = co_await advising_.advise(database);
  if (!advice) co_return;
  co_await publish(*advice, database);
  for (auto& recommendation : advice->recommendations) {
    auto whole = co_await complete(recommendation.change);
    if (!whole) {
      advising_.refuse(database,
                       {std::string(to_string(recommendation.change.action)) + " " + recommendation.change.object,
                        whole.error().describe()});
      continue;
    }
    recommendation.change = std::move(*whole);
    auto decision = co_await decide(recommendation.change, recommendation.risk);
    if (!decision) {
      log::warn("not decided", {{"recommendation", recommendation.id}, {"error", decision.error().describe()}});
      continue;
    }
    co_await change(recommendation, *decision);
  }
}

net::TaskResult<ProposedChange> Pipeline::complete(ProposedChange plan) {
  if (!advising_.needs_catalogs(plan)) co_return plan;
  if (changes_ == nullptr) co_return fail(Errc::unavailable, "without a ledger its statements are not written", true);
  auto whole = co_await changes_->complete(std::move(plan));
  co_return whole;
}

net::TaskResult<Decision> Pipeline::decide(ProposedChange plan, Risk risk) {
  const auto config = parts_.config->policy;
  auto past = co_await read_policy_past(&parts_, config, "");
  if (!past) co_return fail(std::move(past.error()), "decide");
  co_return policy::decide(plan, risk, config, *past, parts_.clock.now());
}

net::TaskResult<bool> Pipeline::remember(Recommendation recommendation, Decision decision) {
  store::AuditDraft draft;
  draft.actor = "agent";
  draft.action = "policy.decide";
  draft.subject = recommendation.id;
  draft.before = std::string(to_string(recommendation.change.action)) + " " + recommendation.change.object;
  draft.after = std::string(to_string(decision.kind)) + " (" + decision.limit + ")";
  auto put = [recommendation, decision, draft](store::Ledger& ledger) {
    return ledger.put_recommendation(recommendation, decision, store::kRecommendationTtl, draft);
  };
  auto stored = co_await parts_.with_ledger(put);
  if (!stored) co_return fail(std::move(stored.error()), "remember recommendation");
  if (stored->opened)
    log::info("recommendation", {{"id", recommendation.id},
                                 {"action", std::string(to_string(recommendation.change.action))},
                                 {"object", recommendation.change.object},
                                 {"database", recommendation.change.database},
                                 {"decision", std::string(to_string(decision.kind))},
                                 {"limit", decision.limit}});
  co_return stored->state == store::RecommendationState::open;
}

net::Task<void> Pipeline::change(Recommendation recommendation, Decision decision) {
  if (parts_.ledger == nullptr) {
    advising_.keep(recommendation, decision);
    co_return;
  }
  auto open = co_await remember(recommendation, decision);
  if (!open) {
    log::warn("recommendation not kept", {{"id", recommendation.id}, {"error", open.error().describe()}});
    co_return;
  }
  const bool now = decision.kind == DecisionKind::automatic && !decision.not_before;
  if (changes_ == nullptr || !*open || (!now && decision.kind != DecisionKind::needs_approval)) co_return;
  auto submitted = co_await changes_->submit(recommendation, decision);
  if (!submitted && submitted.error().code != Errc::conflict)
    log::warn("change not submitted", {{"recommendation", recommendation.id}, {"error", submitted.error().describe()}});
}

net::Task<void> Pipeline::publish(Advice advice, std::string database) {
  if (parts_.ledger != nullptr) {
    auto put = [findings = advice.findings, scope = "advisors/" + database](store::Ledger& ledger) -> Result<void> {
      auto put = ledger.put_findings(findings, scope);
      if (!put) return put;
      auto expired = ledger.expire_recommendations();
      return expired ? Result<void>() : fail(std::move(expired.error()));
    };
    auto stored = co_await parts_.with_ledger(put);
    if (!stored) log::warn("findings not kept", {{"error", stored.error().describe()}});
  } else {
    advising_.keep_findings(database, advice.findings);
  }
  parts_.board.gauge("pgtend_findings", "Findings of the last run.", Labels{{"datname", database}})
      .set(static_cast<double>(advice.findings.size()));
}

}  // namespace pgtend::engine
