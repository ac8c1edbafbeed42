#include "agent/engine/past_proposals.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

namespace pgtend::engine {

namespace {

// More than the budget of changes lets happen in a year of default days; bounds the memory of one question.
constexpr std::size_t kMostChanges = 50'000;

bool was_undone(const Change& change) {
  return change.state == ChangeState::reverted || change.state == ChangeState::reverting;
}

PastProposal proposal_of(const Change& change) {
  PastProposal out;
  out.id = change.id;
  out.change = change.plan;
  out.risk = noted_risk(change);
  out.opened_at = change.created_at;
  // What was made was wanted until then; without that, it would have stayed wanted.
  const bool given_up = change.state == ChangeState::rejected || change.state == ChangeState::expired;
  if (given_up) out.closed_at = change.updated_at;
  out.became = to_string(change.state);
  out.undone = was_undone(change);
  out.spent = change.spent;
  const bool ended = change.state == ChangeState::kept || change.state == ChangeState::reverted;
  if (ended && change.verdict && is_measured(*change.verdict)) {
    out.verdict = change.verdict->kind;
    out.verdict_at = change.updated_at;
  }
  return out;
}

PastProposal proposal_of(const store::StoredRecommendation& entry) {
  PastProposal out;
  out.id = entry.recommendation.id;
  out.change = entry.recommendation.change;
  out.risk = entry.recommendation.risk;
  out.opened_at = entry.first_made_at;
  if (entry.state != store::RecommendationState::open) out.closed_at = entry.updated_at;
  out.became = to_string(entry.state);
  return out;
}

}  // namespace

Risk noted_risk(const Change& change) {
  const auto notes = nlohmann::json::parse(change.evidence_before, nullptr, false);
  if (!notes.is_object() || !notes.contains("risk")) return Risk::medium;
  for (const auto risk : {Risk::low, Risk::medium, Risk::high})
    if (notes["risk"] == to_string(risk)) return risk;
  return Risk::medium;
}

Result<std::vector<PastProposal>> past_proposals(store::Ledger& ledger, UtcTime since) {
  auto changes = ledger.list_changes({}, kMostChanges);
  if (!changes) return fail(std::move(changes.error()));
  auto recommendations = ledger.list_recommendations(false);
  if (!recommendations) return fail(std::move(recommendations.error()));
  std::vector<PastProposal> out;
  std::map<std::string, UtcTime> answered;  // recommendation -> its newest change
  for (const auto& change : *changes) {
    if (change.recommendation_id.empty()) continue;
    auto& newest = answered.try_emplace(change.recommendation_id, change.created_at).first->second;
    newest = std::max(newest, change.created_at);
    // An older one is only there for its verdict.
    const bool judged = change.verdict && is_measured(*change.verdict);
    if (change.created_at >= since || judged) out.push_back(proposal_of(change));
  }
  for (const auto& entry : *recommendations) {
    const auto found = answered.find(entry.recommendation.id);
    if (found != answered.end() && found->second >= entry.first_made_at) continue;
    if (entry.first_made_at >= since) out.push_back(proposal_of(entry));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.opened_at < b.opened_at; });
  return out;
}

}  // namespace pgtend::engine
