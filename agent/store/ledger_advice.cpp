#include "agent/store/ledger_impl.hpp"
#include "agent/store/ledger_json.hpp"

namespace pgtend::store {

namespace {

// Advice that is not given for a while, as when a night has no traffic to measure, is not taken from people at once.
// What would drop an index is: it rests on what else is there.
constexpr Millis kGoneAfter{3'600'000};

constexpr const char* kRecommendationColumns = "state, reason, first_made, updated_at, expires_at, body, decision";

Result<StoredRecommendation> recommendation_of(Statement& row) {
  StoredRecommendation out;
  const auto state = parse_recommendation_state(row.view(0));
  if (!state) return fail(Errc::corrupt, "a recommendation has the unknown state \"" + row.text(0) + "\"");
  auto body = parse_stored<Recommendation>(row.view(5));
  if (!body) return fail(std::move(body).error());
  auto decision = parse_stored<Decision>(row.view(6));
  if (!decision) return fail(std::move(decision).error());
  out.state = *state;
  out.reason = row.text(1);
  out.first_made_at = row.time(2);
  out.updated_at = row.time(3);
  out.expires_at = row.time(4);
  out.recommendation = std::move(*body);
  out.decision = std::move(*decision);
  return out;
}

Result<std::optional<StoredRecommendation>> find_recommendation(Database& db, const std::string& id) {
  static const std::string sql = "SELECT " + std::string(kRecommendationColumns) + " FROM recommendations WHERE id=?1";
  auto query = db.cached(sql.c_str());
  if (!query) return fail(std::move(query).error());
  std::optional<StoredRecommendation> found;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, id), [&](Statement& row) -> Result<void> {
    auto one = recommendation_of(row);
    if (!one) return fail(std::move(one).error());
    found = std::move(*one);
    return {};
  }));
  return found;
}

}  // namespace

Result<void> Ledger::put_findings(const std::vector<Finding>& findings, const std::string& scope) {
  auto& db = *impl_->db;
  const auto now = impl_->clock.now();
  return impl_->together(nullptr, [&]() -> Result<void> {
    // Everything of the scope is closed first; what is still seen opens again below, with its first_seen kept.
    auto close = db.cached("UPDATE findings SET closed_at=?2 WHERE scope=?1 AND closed_at IS NULL");
    if (!close) return fail(std::move(close).error());
    PGTEND_STORE_TRY((*close)->bind(1, scope).bind(2, now).run());
    auto put = db.cached(
        "INSERT INTO findings (id, scope, first_seen, last_seen, closed_at, body) VALUES (?1, ?2, ?3, ?3, NULL, ?4)"
        " ON CONFLICT (id) DO UPDATE SET scope=?2, last_seen=?3, closed_at=NULL, body=?4,"
        " first_seen=CASE WHEN closed_at IS NULL OR closed_at=?3 THEN first_seen ELSE ?3 END");
    if (!put) return fail(std::move(put).error());
    for (const auto& finding : findings) {
      (*put)->bind(1, finding.id).bind(2, scope).bind(3, now).bind(4, dump(to_json(finding)));
      PGTEND_STORE_TRY((*put)->run());
    }
    auto prune = db.cached("DELETE FROM findings WHERE closed_at < ?1");
    if (!prune) return fail(std::move(prune).error());
    return (*prune)->bind(1, now - kClosedFindingsKept).run();
  });
}

Result<std::vector<StoredFinding>> Ledger::list_findings(bool open_only) {
  auto query = impl_->db->cached(
      "SELECT scope, first_seen, last_seen, closed_at, body FROM findings WHERE NOT ?1 OR closed_at IS NULL"
      " ORDER BY closed_at IS NOT NULL, first_seen, id");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<StoredFinding> out;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, open_only ? 1 : 0), [&](Statement& row) -> Result<void> {
    auto finding = parse_stored<Finding>(row.view(4));
    if (!finding) return fail(std::move(finding).error(), "ledger");
    out.push_back({std::move(*finding), row.text(0), row.time(1), row.time(2), row.optional_time(3)});
    return {};
  }));
  return out;
}

Result<PutRecommendation> Ledger::put_recommendation(const Recommendation& recommendation, const Decision& decision,
                                                     Millis ttl, const std::optional<AuditDraft>& draft) {
  auto& db = *impl_->db;
  const auto now = impl_->clock.now();
  auto before = find_recommendation(db, recommendation.id);
  if (!before) return fail(std::move(before).error(), "ledger");
  const auto* old = *before ? &**before : nullptr;
  PutRecommendation out;
  const bool held =
      old != nullptr && (old->state == RecommendationState::rejected || old->state == RecommendationState::failed);
  if (held && now < old->expires_at) {
    out.state = old->state;
    return out;
  }
  out.opened = old == nullptr || old->state != RecommendationState::open;
  out.decision_changed = old == nullptr || old->decision.kind != decision.kind || old->decision.limit != decision.limit;
  const bool tell = draft && (out.opened || out.decision_changed);
  PGTEND_STORE_TRY(impl_->together(tell ? &*draft : nullptr, [&]() -> Result<void> {
    auto put = db.cached(
        "INSERT INTO recommendations (id, state, reason, first_made, updated_at, expires_at, body, decision)"
        " VALUES (?1, 'open', '', ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET"
        " state='open', reason='', first_made=?2, updated_at=?3, expires_at=?4, body=?5, decision=?6");
    if (!put) return fail(std::move(put).error());
    (*put)->bind(1, recommendation.id).bind(2, out.opened ? now : old->first_made_at).bind(3, now).bind(4, now + ttl);
    (*put)->bind(5, dump(to_json(recommendation))).bind(6, dump(to_json(decision)));
    return (*put)->run();
  }));
  return out;
}

Result<std::vector<StoredRecommendation>> Ledger::list_recommendations(bool open_only) {
  static const std::string sql = "SELECT " + std::string(kRecommendationColumns) +
                                 " FROM recommendations WHERE NOT ?1 OR state='open' ORDER BY first_made, id";
  auto query = impl_->db->cached(sql.c_str());
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<StoredRecommendation> out;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, open_only ? 1 : 0), [&](Statement& row) -> Result<void> {
    auto one = recommendation_of(row);
    if (!one) return fail(std::move(one).error(), "ledger");
    out.push_back(std::move(*one));
    return {};
  }));
  return out;
}

Result<StoredRecommendation> Ledger::get_recommendation(std::string_view id_or_prefix) {
  auto id = impl_->whole_id("recommendations", id_or_prefix);
  if (!id) return fail(std::move(id).error(), "recommendation");
  auto found = find_recommendation(*impl_->db, *id);
  if (!found) return fail(std::move(found).error(), "ledger");
  if (!*found) return fail(Errc::not_found, "no recommendation " + *id);
  return std::move(**found);
}

Result<void> Ledger::set_recommendation_state(const std::string& id, RecommendationState state,
                                              const std::string& reason, const AuditDraft& draft) {
  const auto now = impl_->clock.now();
  return impl_->together(&draft, [&]() -> Result<void> {
    // A rejection holds for as long as the recommendation would have been kept open, counted from now.
    auto update = impl_->db->cached(
        "UPDATE recommendations SET state=?2, reason=?3, expires_at=?4 + expires_at - updated_at, updated_at=?4"
        " WHERE id=?1");
    if (!update) return fail(std::move(update).error());
    PGTEND_STORE_TRY((*update)->bind(1, id).bind(2, to_string(state)).bind(3, reason).bind(4, now).run());
    if (impl_->db->changes() == 0) return fail(Errc::not_found, "no recommendation " + id);
    return {};
  });
}

Result<void> Ledger::Impl::close_answered(const Change& change) {
  if (change.recommendation_id.empty()) return {};
  RecommendationState state = RecommendationState::applied;
  std::string how = "was kept";
  switch (change.state) {
    case ChangeState::kept:
      break;
    case ChangeState::reverted:
      state = RecommendationState::undone;
      how = "was undone";
      break;
    case ChangeState::failed:
      state = RecommendationState::failed;
      how = "failed: " + change.last_error;
      break;
    case ChangeState::lost:
      state = RecommendationState::expired;
      how = "is lost: " + change.last_error;
      break;
    case ChangeState::rejected:
      // What policy took back stays advice, with policy's word on it.
      if (change.decision.kind == DecisionKind::recommend || change.decision.kind == DecisionKind::refused) return {};
      state = RecommendationState::rejected;
      how = "was rejected: " + change.last_error;
      break;
    default:
      // A proposal that ended unanswered leaves its recommendation as open as it was.
      return {};
  }
  auto update = db->cached(
      "UPDATE recommendations SET state=?2, reason=?3, updated_at=?4,"
      " expires_at=?4 + CASE ?2 WHEN 'rejected' THEN max(0, expires_at - updated_at) ELSE ?5 END WHERE id=?1");
  if (!update) return fail(std::move(update).error());
  const auto hold = state == RecommendationState::failed ? kFailedRecommendationHold : Millis(0);
  (*update)->bind(1, change.recommendation_id).bind(2, to_string(state));
  (*update)->bind(3, "change " + change.id.substr(0, 8) + " " + how).bind(4, clock.now());
  return (*update)->bind(5, static_cast<std::int64_t>(hold.count())).run();
}

Result<std::int64_t> Ledger::expire_recommendations() {
  std::int64_t expired = 0;
  const auto now = impl_->clock.now();
  PGTEND_STORE_TRY(impl_->together(nullptr, [&]() -> Result<void> {
    auto update = impl_->db->cached(
        "UPDATE recommendations SET state='expired', reason='not made again within its time', updated_at=?1"
        " WHERE state='open' AND expires_at <= ?1");
    if (!update) return fail(std::move(update).error());
    PGTEND_STORE_TRY((*update)->bind(1, now).run());
    expired = impl_->db->changes();
    auto close = impl_->db->cached(
        "UPDATE recommendations SET state='expired', reason='what it rests on is no longer found', updated_at=?1"
        " WHERE state='open' AND EXISTS (SELECT 1 FROM findings f"
        "   WHERE f.id=json_extract(recommendations.body, '$.finding.id') AND f.closed_at<="
        "   CASE json_extract(recommendations.body, '$.change.action') WHEN 'drop_index' THEN ?1 ELSE ?2 END)"
        " AND NOT EXISTS (SELECT 1 FROM changes c"
        "   WHERE c.final=0 AND json_extract(c.body, '$.recommendation_id')=recommendations.id)");
    if (!close) return fail(std::move(close).error());
    PGTEND_STORE_TRY((*close)->bind(1, now).bind(2, now - kGoneAfter).run());
    expired += impl_->db->changes();
    auto forget = impl_->db->cached("DELETE FROM recommendations WHERE state<>'open' AND expires_at < ?1");
    if (!forget) return fail(std::move(forget).error());
    return (*forget)->bind(1, now - kClosedRecommendationsKept).run();
  }));
  return expired;
}

}  // namespace pgtend::store
