#pragma once

#include "agent/api/agent_view.hpp"
#include "agent/model/matcher_text.hpp"
#include "tests/unit/api/sample_types.hpp"

namespace pgtend::test {

// Answers with the samples and remembers what it was told to do.
class FakeAgentView : public api::AgentView {
 public:
  std::optional<Error> failure;   // what every method answers instead
  std::vector<std::string> told;  // one line per call that changes something
  std::string expr;
  TimeRange range{};
  Millis step{0}, timeout{0};
  std::vector<std::string> selectors;
  store::SessionQuestion question;
  api::HistoryPage page;
  std::optional<api::PageCursor> page_cursor;

  template <class T>
  Result<T> answer(T value) const {
    if (failure) return fail(*failure);
    return value;
  }

  net::TaskResult<api::StatusView> status() override;
  net::TaskResult<std::vector<Finding>> findings() override;
  net::TaskResult<std::vector<api::RecommendationView>> recommendations() override;
  net::TaskResult<api::RecommendationView> recommendation(std::string id) override;
  [[nodiscard]] std::vector<api::AdviceLook> advice_looks() const override {
    return {{"shop", kThen, "", {{"index on public.orders (status)", "saves too little"}}},
            {"empty", kThen, "no rights", {}}};
  }
  net::TaskResult<std::vector<api::ChangeView>> changes(bool open_only, int limit) override;
  net::TaskResult<api::ChangeView> change(std::string) override;
  net::TaskResult<api::ChangeProgress> change_progress(std::string) override;
  net::TaskResult<std::vector<Alert>> alerts() override;
  net::TaskResult<api::AlertExplanation> explain_alert(std::string, std::optional<UtcTime>) override;
  net::TaskResult<Silence> acknowledge(std::string id, std::optional<UtcTime>, std::string comment,
                                       std::string actor) override;
  net::TaskResult<std::vector<Silence>> silences() override;
  net::TaskResult<Silence> add_silence(Silence silence, std::string actor) override;
  net::TaskResult<Silence> end_silence(std::string id, std::string actor) override;
  net::TaskResult<std::vector<std::string>> test_receiver(std::string name, std::string actor) override;
  net::TaskResult<std::vector<OutboxMessage>> notifications(std::string, int) override;
  static Silence sample_silence() {
    Silence silence;
    silence.id = "s1";
    silence.starts_at = kThen;
    silence.until_resolved = true;
    silence.created_by = "ann";
    return silence;
  }
  net::TaskResult<std::vector<AuditEntry>> audit(std::int64_t from, int limit) override;
  net::TaskResult<api::AuditVerification> audit_verify() override;
  net::TaskResult<api::ChangeView> approve_recommendation(std::string id, std::string hash, std::string actor) override;
  net::TaskResult<api::ChangeView> approve(std::string id, std::string hash, std::string actor) override;
  net::TaskResult<api::ChangeView> reject(std::string id, std::string reason, std::string actor) override;
  net::TaskResult<api::ChangeView> undo(std::string id, std::string actor) override;
  net::TaskResult<api::ChangeView> propose(ProposedChange plan, std::string actor) override;
  net::TaskResult<api::FreezeView> set_freeze(bool frozen, std::string reason, std::string actor) override;
  net::TaskResult<std::optional<store::KnownAnswer>> known_answer(std::string key) override;
  net::TaskResult<bool> keep_answer(store::KnownAnswer answer) override;
  net::TaskResult<bool> forget_answer(std::string key) override;
  std::map<std::string, store::KnownAnswer> answers;  // outlives the routes, as the ledger does
  std::optional<Error> ledger_failure;
  net::TaskResult<std::string> migration_history(std::string key) override;
  net::TaskResult<std::string> note_migrations(std::string key, std::string history,
                                               std::vector<store::AuditDraft> drafts) override;
  net::TaskResult<store::StorageReport> history_report() override;
  net::TaskResult<store::IntegrityReport> history_check() override;
  net::TaskResult<std::string> history_backup(std::string to) override;
  net::TaskResult<api::QueryResult> query(std::string text, UtcTime at, Millis asked_timeout) override;
  net::TaskResult<api::QueryResult> query_range(std::string text, TimeRange asked, Millis asked_step,
                                                Millis asked_timeout) override;
  net::TaskResult<std::string> format_query(std::string text) override;
  net::TaskResult<store::SessionReport> active_sessions(store::SessionQuestion question) override;
  net::TaskResult<api::BlockingView> blocking() override;
  net::TaskResult<api::BloatView> bloat(std::string table, std::string database) override;
  net::TaskResult<std::vector<MetricDef>> metrics() override;
  net::TaskResult<std::vector<api::RuleGroupView>> rule_groups() override;
  net::TaskResult<std::vector<LintFinding>> lint_rules(std::vector<api::RuleText> files, Millis since) override;
  net::TaskResult<std::vector<ExplainedRule>> explain_rule(std::string rule, std::string text) override;
  net::TaskResult<BacktestReport> backtest_rules(api::BacktestRequest request) override;
  net::TaskResult<PolicyReport> policy_report() override;
  net::TaskResult<PolicySimulation> simulate_policy(api::PolicyQuestion asked) override;
  net::TaskResult<PolicyBacktest> backtest_policy(api::PolicyText policy, Millis since) override;
  net::TaskResult<std::string> change_proof(std::string id) override;
  std::string told_of_rules;
  std::optional<UtcTime> rules_evaluated = kThen;
  net::TaskResult<api::HistoryPage> history_page(std::vector<std::string> asked, TimeRange asked_range,
                                                 std::optional<api::PageCursor> cursor) override;
  net::TaskResult<std::vector<SeriesKey>> history_series(std::vector<std::string> asked, TimeRange) override;
};

}  // namespace pgtend::test
