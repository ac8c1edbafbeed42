#pragma once

#include "agent/api/views.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"

// One well-filled value of each type that the API shows.
namespace pgtend::test {

inline constexpr UtcTime kThen{Millis(1'700'000'000'000)};  // 2023-11-14T22:13:20Z

inline Finding sample_finding() {
  Finding finding;
  finding.id = "f1";
  finding.check = "missing_index";
  finding.instance = "main";
  finding.database = "shop";
  finding.subject = "public.orders";
  finding.severity = Severity::warning;
  finding.summary = "A filter on customer_id reads the whole table.";
  finding.evidence = {{"calls per minute", 1240, "1/min", "pg_stat_statements"}, {"share", 0.5, "ratio", ""}};
  finding.seen_at = kThen;
  return finding;
}

inline ProposedChange sample_plan() {
  ProposedChange plan;
  plan.action = ActionClass::create_index;
  plan.kind = ChangeKind::index;
  plan.system_identifier = "7300000000000000001";
  plan.database = "shop";
  plan.object = "public.orders";
  plan.run_as_role = "shop_owner";
  plan.sql_up = {"CREATE INDEX CONCURRENTLY \"i\" ON \"public\".\"orders\" (\"customer_id\")"};
  plan.sql_down = {"DROP INDEX CONCURRENTLY \"public\".\"i\""};
  IndexChange detail;
  detail.schema = "public";
  detail.index = "i";
  detail.table = "orders";
  detail.key_columns = {"customer_id"};
  plan.detail = detail;
  plan.lock = LockLevel::share_update_exclusive;
  plan.cost = {8'388'608, 4.5, 9'000'000};
  plan.target_statements = {-8'123'456'789'012'345'678};
  plan.target_tables = {"public.orders"};
  return plan;
}

inline api::RecommendationView sample_recommendation() {
  api::RecommendationView view;
  view.recommendation.id = "r1";
  view.recommendation.advisor = "missing_index";
  view.recommendation.finding = sample_finding();
  view.recommendation.change = sample_plan();
  view.recommendation.effect = {"buffers per call", 1000, 12, 8, 20, "blocks", "hypopg"};
  view.recommendation.risk = Risk::low;
  view.recommendation.refused = {{"partial index", "the constant varies"}};
  view.recommendation.made_at = kThen;
  view.decision = {DecisionKind::needs_approval, "action_class create_index", "An index needs a person's yes.",
                   std::nullopt};
  view.plan_hash = std::string(64, 'a');
  view.change_id = "c1";
  view.change_state = "proposed";
  view.reason = "change c0 was undone";
  view.answered_by = "c0";
  return view;
}

inline Change sample_change() {
  Change change;
  change.id = "c1";
  change.recommendation_id = "r1";
  change.plan = sample_plan();
  change.plan_hash = std::string(64, 'a');
  change.state = ChangeState::kept;
  change.decision = {DecisionKind::automatic, "policy night", "Inside the window.", kThen + Millis(500)};
  change.proposed_by = "missing_index";
  change.approved_by = "token:ops";
  change.attempt = 1;
  change.backend_pid = 4711;
  change.backend_start = kThen;
  change.evidence_before = "{\"buffers\":1000}";
  change.evidence_after = "not JSON";
  Verdict verdict;
  verdict.kind = VerdictKind::improved;
  verdict.before_from = kThen;
  verdict.before_to = kThen + Millis(600'000);
  verdict.windows_before = verdict.windows_after = 6;
  verdict.effect = -0.9;
  verdict.p_value = 0.001;
  verdict.test = "welch";
  verdict.metric = "buffers per call";
  verdict.explanation = "Buffers per call fell by 90 %.";
  change.verdict = verdict;
  change.created_at = change.updated_at = kThen;
  change.applied_at = kThen;
  change.spent = CostEstimate{9'437'184, 7.25, 10'000'000};
  return change;
}

inline api::ChangeView sample_change_view() {
  return {sample_change(), "frozen by ann"};
}

inline Alert sample_alert() {
  Alert alert;
  alert.rule = "PgDown";
  alert.group = "availability";
  alert.labels = Labels{{"alertname", "PgDown"}, {"severity", "critical"}, {"instance", "main"}};
  alert.annotations = {{"summary", "The server does not answer."}};
  alert.state = AlertState::resolved;
  alert.value = 0;
  alert.resolved_value = 1;
  alert.active_at = kThen;
  alert.fired_at = kThen + Millis(60'000);
  alert.resolved_at = kThen + Millis(120'000);
  alert.evidence = "pgtend_up == 0";
  return alert;
}

inline AuditEntry sample_audit() {
  AuditEntry entry;
  entry.sequence = 7;
  entry.at = kThen;
  entry.actor = "token:ops";
  entry.action = "change.approve";
  entry.subject = "c1";
  entry.before = "proposed";
  entry.after = "approved";
  entry.result = "ok";
  entry.previous_hash = std::string(64, '0');
  entry.hash = std::string(64, '1');
  return entry;
}

inline api::StatusView sample_status() {
  api::StatusView status;
  status.version = "0.1.0";
  status.instance = "main";
  status.started_at = kThen;
  status.state = "degraded";
  status.reason = "missing hypopg";
  status.server = {"7300000000000000001", 1, ServerRole::primary, kThen, 150'020, "15.20"};
  status.lanes = {{"probe", true, true, "closed", "", 1}};
  status.capabilities = {{"hypopg", false, "index advice without what-if plans", "CREATE EXTENSION hypopg"}};
  api::CollectorView collector;
  collector.name = "stat_database";
  collector.status = "ok";
  collector.last_success = kThen;
  collector.last_duration = Millis(3);
  collector.interval = Millis(10'500);
  collector.series = 40;
  status.collectors = {collector};
  status.cost = {0.001, 0.002, 20'000'000, 1234, 400, false, 1};
  status.history = {1'000'000, 5000, 400, 0, {}};
  status.ledger = {true, 7};
  status.freeze = {true, "token:ops", "release", kThen};
  status.alerts = {1, 2};
  status.changes = {3};
  status.config = {
      {"pgtend.yaml"}, "abc", kThen, {"http.listen"}, {"mine.yaml:2:1: unknown key"}, "pgtend.yaml:1:1: unknown key"};
  return status;
}

}  // namespace pgtend::test
