#pragma once

#include <string>
#include <vector>

#include "agent/api/agent_view.hpp"
#include "agent/change/pipeline.hpp"
#include "agent/engine/advising.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/parts.hpp"
#include "agent/pg/capabilities.hpp"

namespace pgtend::engine {

// The agent as the API sees it. REQUIRES: io thread.
class View final : public api::AgentView {
 public:
  View(Parts& parts, Collecting& collecting, CostAccount& cost, Alerting& alerting, const Advising& advising,
       change::Pipeline* changes, std::string version);

  void set_capabilities(std::vector<pg::Capability> capabilities) { capabilities_ = std::move(capabilities); }

  net::TaskResult<api::StatusView> status() override;
  net::TaskResult<std::vector<Finding>> findings() override;
  net::TaskResult<std::vector<api::RecommendationView>> recommendations() override;
  net::TaskResult<api::RecommendationView> recommendation(std::string id) override;
  [[nodiscard]] std::vector<api::AdviceLook> advice_looks() const override;
  net::TaskResult<std::vector<api::ChangeView>> changes(bool open_only, int limit) override;
  net::TaskResult<api::ChangeView> change(std::string id) override;
  net::TaskResult<api::ChangeProgress> change_progress(std::string id) override;
  net::TaskResult<std::vector<Alert>> alerts() override;
  net::TaskResult<api::AlertExplanation> explain_alert(std::string id, std::optional<UtcTime> at) override;
  net::TaskResult<Silence> acknowledge(std::string id, std::optional<UtcTime> until, std::string comment,
                                       std::string actor) override;
  net::TaskResult<std::vector<Silence>> silences() override;
  net::TaskResult<Silence> add_silence(Silence silence, std::string actor) override;
  net::TaskResult<Silence> end_silence(std::string id, std::string actor) override;
  net::TaskResult<std::vector<std::string>> test_receiver(std::string name, std::string actor) override;
  net::TaskResult<std::vector<OutboxMessage>> notifications(std::string state, int limit) override;
  net::TaskResult<std::vector<AuditEntry>> audit(std::int64_t from, int limit) override;
  net::TaskResult<api::AuditVerification> audit_verify() override;
  net::TaskResult<store::StorageReport> history_report() override;
  net::TaskResult<store::IntegrityReport> history_check() override;
  net::TaskResult<std::string> history_backup(std::string to) override;
  net::TaskResult<api::ChangeView> approve_recommendation(std::string id, std::string plan_hash,
                                                          std::string actor) override;
  net::TaskResult<api::ChangeView> approve(std::string id, std::string plan_hash, std::string actor) override;
  net::TaskResult<api::ChangeView> reject(std::string id, std::string reason, std::string actor) override;
  net::TaskResult<api::ChangeView> undo(std::string id, std::string actor) override;
  net::TaskResult<api::ChangeView> propose(ProposedChange plan, std::string actor) override;
  net::TaskResult<api::FreezeView> set_freeze(bool frozen, std::string reason, std::string actor) override;
  net::TaskResult<std::optional<store::KnownAnswer>> known_answer(std::string key) override;
  net::TaskResult<bool> keep_answer(store::KnownAnswer answer) override;
  net::TaskResult<bool> forget_answer(std::string key) override;
  net::TaskResult<PolicyReport> policy_report() override;
  net::TaskResult<PolicySimulation> simulate_policy(api::PolicyQuestion question) override;
  net::TaskResult<PolicyBacktest> backtest_policy(api::PolicyText policy, Millis since) override;
  net::TaskResult<std::string> change_proof(std::string id) override;
  net::TaskResult<std::string> migration_history(std::string key) override;
  net::TaskResult<std::string> note_migrations(std::string key, std::string history,
                                               std::vector<store::AuditDraft> drafts) override;
  net::TaskResult<api::QueryResult> query(std::string expr, UtcTime at, Millis timeout) override;
  net::TaskResult<api::QueryResult> query_range(std::string expr, TimeRange range, Millis step,
                                                Millis timeout) override;
  net::TaskResult<std::string> format_query(std::string expr) override;
  net::TaskResult<std::vector<SeriesKey>> history_series(std::vector<std::string> selectors, TimeRange range) override;
  net::TaskResult<store::SessionReport> active_sessions(store::SessionQuestion question) override;
  net::TaskResult<api::BlockingView> blocking() override;
  net::TaskResult<api::BloatView> bloat(std::string table, std::string database) override;
  net::TaskResult<std::vector<MetricDef>> metrics() override;
  net::TaskResult<std::vector<api::RuleGroupView>> rule_groups() override;
  net::TaskResult<std::vector<LintFinding>> lint_rules(std::vector<api::RuleText> files, Millis since) override;
  net::TaskResult<std::vector<ExplainedRule>> explain_rule(std::string rule, std::string expr) override;
  net::TaskResult<BacktestReport> backtest_rules(api::BacktestRequest request) override;
  net::TaskResult<api::HistoryPage> history_page(std::vector<std::string> selectors, TimeRange range,
                                                 std::optional<api::PageCursor> cursor) override;

 private:
  net::TaskResult<api::FreezeView> freeze_view();
  net::TaskResult<Alert> past_alert(std::string id, UtcTime at);
  // With what it waits for now.
  net::Task<api::ChangeView> seen(Change change);
  net::TaskResult<api::ChangeView> seen(Result<Change> change);
  [[nodiscard]] std::string degraded_by(const api::StatusView& status) const;

  Parts& parts_;
  Collecting& collecting_;
  CostAccount& cost_;
  Alerting& alerting_;
  const Advising& advising_;
  change::Pipeline* changes_;  // nullptr without a ledger
  std::string version_;
  UtcTime started_at_;
  std::vector<pg::Capability> capabilities_;
};

}  // namespace pgtend::engine
